/*
 * A disk that goes wrong below the directory DISK, as the file named by FAULT says at the moment:
 *   eio         each sync fails with EIO
 *   erofs       whatever would change something fails with EROFS, as after an error that made the kernel stop writing
 *   enospc N M  of what takes room, the Nth and the following, M in all, fail with ENOSPC; a write that is the Nth is
 *               half done before it
 *   late N      of the writes at a place, which the database alone does, the Nth fails with ENOSPC, long after those that
 *               were begun behind it are done
 * Without that file all is well. Loaded by LD_PRELOAD.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum deed { CHANGE, ROOM, PLACED, SYNC };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* What the file says; not by the functions below. */
static void said(char *text, size_t room)
{
	const char *path = getenv("FAULT");
	long fd = path ? syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC) : -1;
	memset(text, 0, room);
	if (fd >= 0) {
		if (syscall(SYS_read, fd, text, room - 1) < 0)
			text[0] = 0;
		syscall(SYS_close, fd);
	}
}

/* The error of this deed, or 0. The first that fails for want of room sets `first`. */
static int refusal(enum deed deed, int *first)
{
	static char last[64];
	static int count;
	char text[64];
	int from, many, late, result = 0;
	said(text, sizeof text);
	if (strcmp(text, "eio") == 0)
		return deed == SYNC ? EIO : 0;
	if (strcmp(text, "erofs") == 0)
		return deed == SYNC ? 0 : EROFS;
	late = sscanf(text, "late %d", &from) == 1;
	if (late)
		many = 1;
	else if (sscanf(text, "enospc %d %d", &from, &many) != 2)
		return 0;
	if (deed == CHANGE || (late && deed != PLACED))
		return 0;
	pthread_mutex_lock(&lock);
	if (strcmp(text, last) != 0) {
		strcpy(last, text);
		count = 0;
	}
	count++;
	if (count >= from && count < from + many)
		result = ENOSPC;
	if (first)
		*first = !late && count == from;
	pthread_mutex_unlock(&lock);
	if (late && result)
		usleep(500000);
	return result;
}

static int below(const char *path)
{
	const char *disk = getenv("DISK");
	size_t length = disk ? strlen(disk) : 0;
	return length && strncmp(path, disk, length) == 0 && (path[length] == '/' || !path[length]);
}

static int ours(int fd)
{
	char link[64], path[4096];
	ssize_t length;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = 0;
	return below(path);
}

static int at_ours(int directory, const char *path)
{
	return path[0] == '/' ? below(path) : directory != AT_FDCWD && ours(directory);
}

/* Fails the deed when its turn has come. */
#define MAY(deed) \
	do { \
		int error_ = refusal(deed, NULL); \
		if (error_) { \
			errno = error_; \
			return -1; \
		} \
	} while (0)

static int open_any(int directory, const char *path, int flags, mode_t mode)
{
	if ((flags & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)) && at_ours(directory, path))
		MAY(flags & O_CREAT && faccessat(directory, path, F_OK, 0) != 0 ? ROOM : CHANGE);
	return REAL(openat)(directory, path, flags, mode);
}

#define OPEN(name, directory, ...) \
	int name(__VA_ARGS__ const char *path, int flags, ...) \
	{ \
		va_list rest; \
		mode_t mode; \
		va_start(rest, flags); \
		mode = va_arg(rest, mode_t); \
		va_end(rest); \
		return open_any(directory, path, flags, mode); \
	}
#define OF_A_DIRECTORY int directory,
OPEN(open, AT_FDCWD)
OPEN(open64, AT_FDCWD)
OPEN(openat, directory, OF_A_DIRECTORY)
OPEN(openat64, directory, OF_A_DIRECTORY)

ssize_t write(int fd, const void *data, size_t length)
{
	int first = 0, error = ours(fd) ? refusal(ROOM, &first) : 0;
	if (error == ENOSPC && first && length > 1)
		return REAL(write)(fd, data, length / 2);
	if (error) {
		errno = error;
		return -1;
	}
	return REAL(write)(fd, data, length);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
	int first = 0, error = ours(fd) ? refusal(PLACED, &first) : 0;
	if (error == ENOSPC && first && length > 1)
		return REAL(pwrite64)(fd, data, length / 2, at);
	if (error) {
		errno = error;
		return -1;
	}
	return REAL(pwrite64)(fd, data, length, at);
}

int ftruncate64(int fd, off64_t length)
{
	if (ours(fd))
		MAY(CHANGE);
	return REAL(ftruncate64)(fd, length);
}

int fdatasync(int fd)
{
	if (ours(fd))
		MAY(SYNC);
	return REAL(fdatasync)(fd);
}

int fsync(int fd)
{
	if (ours(fd))
		MAY(SYNC);
	return REAL(fsync)(fd);
}

int rename(const char *from, const char *to)
{
	if (below(from))
		MAY(CHANGE);
	return REAL(rename)(from, to);
}

int mkdir(const char *path, mode_t mode)
{
	if (below(path))
		MAY(ROOM);
	return REAL(mkdir)(path, mode);
}

int unlink(const char *path)
{
	if (below(path))
		MAY(CHANGE);
	return REAL(unlink)(path);
}

int rmdir(const char *path)
{
	if (below(path))
		MAY(CHANGE);
	return REAL(rmdir)(path);
}

int unlinkat(int directory, const char *name, int flags)
{
	if (at_ours(directory, name))
		MAY(CHANGE);
	return REAL(unlinkat)(directory, name, flags);
}
