/* A disk that stops working: fdatasync fails with EIO from the moment that the file named by BROKEN is there. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int fdatasync(int fd)
{
    const char *broken = getenv("BROKEN");
    int (*next)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    if (broken && access(broken, F_OK) == 0) {
        errno = EIO;
        return -1;
    }
    return next(fd);
}
