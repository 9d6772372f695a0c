/*
 * Records, in order and with content, what a process does to the files below one directory. Loaded by LD_PRELOAD.
 *
 * RECORD_ROOT is the directory, RECORD_LOG the file of the record, RECORD_MARKS a file outside of the directory:
 * what is written there stands in the record as a mark. After RECORD_DEEDS entries, when that is given, the process
 * ends on the spot, as if it was killed, with the record complete. One entry of the record, numbers little-endian:
 *   kind (1 byte), fd (4), number (8), length of path (4), length of data (4), path, data
 * A sync has two entries, before and after; the second one carries the number of the first. Only writes that were
 * done before a sync began are sure to be durable, and only once it has returned.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#define MOST_FILES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int record = -1;
static const char *root, *marks;
static size_t root_length;
static uint64_t syncs, deeds, most_deeds;
/* 0: not ours, 1: below the root, 2: the file of marks. */
static unsigned char known[MOST_FILES];

#define REAL(name) ((__typeof__(&name))real(#name))

static void *real(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found)
		abort();
	return found;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("RECORD_LOG");
	root = getenv("RECORD_ROOT");
	marks = getenv("RECORD_MARKS");
	if (!path || !root || !marks)
		return;
	root_length = strlen(root);
	if (getenv("RECORD_DEEDS"))
		most_deeds = strtoull(getenv("RECORD_DEEDS"), NULL, 10);
	record = REAL(open)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (record < 0)
		abort();
}

static void put_all(const void *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = REAL(write)(record, bytes, length);
		if (done <= 0)
			abort();
		bytes = (const char *)bytes + done;
		length -= (size_t)done;
	}
}

static void put(char kind, int fd, uint64_t number, const char *path, const void *data, size_t length)
{
	char head[21];
	uint32_t fd32 = (uint32_t)fd, path_length = path ? (uint32_t)strlen(path) : 0, data_length = (uint32_t)length;
	head[0] = kind;
	memcpy(head + 1, &fd32, 4);
	memcpy(head + 5, &number, 8);
	memcpy(head + 13, &path_length, 4);
	memcpy(head + 17, &data_length, 4);
	put_all(head, sizeof head);
	put_all(path, path_length);
	put_all(data, length);
	if (++deeds == most_deeds)
		_exit(137);
}

static int below(const char *path)
{
	return record >= 0 && strncmp(path, root, root_length) == 0 && (path[root_length] == '/' || !path[root_length]);
}

static int kind_of(int fd)
{
	return record >= 0 && fd >= 0 && fd < MOST_FILES ? known[fd] : 0;
}

static int opened(int fd, const char *path, int flags, int existed)
{
	if (fd < 0 || record < 0 || fd >= MOST_FILES)
		return fd;
	known[fd] = below(path) ? 1 : strcmp(path, marks) == 0 ? 2 : 0;
	if (known[fd] == 1) {
		char what[2] = { existed ? 0 : 1, flags & O_TRUNC ? 1 : 0 };
		put('O', fd, 0, path, what, sizeof what);
	}
	return fd;
}

static int open_any(int directory, const char *path, int flags, mode_t mode)
{
	int fd, existed;
	struct stat status;
	pthread_mutex_lock(&lock);
	/* A relative path below a directory of ours would escape the record. */
	if (record >= 0 && path[0] != '/' && kind_of(directory) == 1 && (flags & (O_WRONLY | O_RDWR)))
		abort();
	existed = fstatat(directory, path, &status, 0) == 0;
	fd = REAL(openat)(directory, path, flags, mode);
	fd = opened(fd, path, flags, existed);
	pthread_mutex_unlock(&lock);
	return fd;
}

#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		va_list rest; \
		mode_t mode; \
		va_start(rest, flags); \
		mode = va_arg(rest, mode_t); \
		va_end(rest); \
		return open_any(AT_FDCWD, path, flags, mode); \
	}
#define OPENAT(name) \
	int name(int directory, const char *path, int flags, ...) \
	{ \
		va_list rest; \
		mode_t mode; \
		va_start(rest, flags); \
		mode = va_arg(rest, mode_t); \
		va_end(rest); \
		if (directory != AT_FDCWD) { \
			int fd; \
			pthread_mutex_lock(&lock); \
			fd = REAL(openat)(directory, path, flags, mode); \
			if (fd >= 0 && fd < MOST_FILES) \
				known[fd] = 0; \
			if (fd >= 0 && kind_of(directory) == 1 && (flags & (O_WRONLY | O_RDWR))) \
				abort(); \
			pthread_mutex_unlock(&lock); \
			return fd; \
		} \
		return open_any(AT_FDCWD, path, flags, mode); \
	}
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

int close(int fd)
{
	int result;
	pthread_mutex_lock(&lock);
	if (kind_of(fd) == 1)
		put('C', fd, 0, NULL, NULL, 0);
	if (kind_of(fd))
		known[fd] = 0;
	result = REAL(close)(fd);
	pthread_mutex_unlock(&lock);
	return result;
}

ssize_t write(int fd, const void *data, size_t length)
{
	ssize_t done;
	pthread_mutex_lock(&lock);
	done = REAL(write)(fd, data, length);
	if (done > 0 && kind_of(fd) == 1)
		put('W', fd, (uint64_t)(lseek(fd, 0, SEEK_CUR) - done), NULL, data, (size_t)done);
	else if (done > 0 && kind_of(fd) == 2)
		put('A', fd, 0, NULL, data, (size_t)done);
	pthread_mutex_unlock(&lock);
	return done;
}

static ssize_t pwrite_any(int fd, const void *data, size_t length, off_t at)
{
	ssize_t done;
	pthread_mutex_lock(&lock);
	done = REAL(pwrite)(fd, data, length, at);
	if (done > 0 && kind_of(fd) == 1)
		put('W', fd, (uint64_t)at, NULL, data, (size_t)done);
	pthread_mutex_unlock(&lock);
	return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at)
{
	return pwrite_any(fd, data, length, at);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at)
{
	return pwrite_any(fd, data, length, at);
}

static int truncate_any(int fd, off_t length)
{
	int result;
	pthread_mutex_lock(&lock);
	result = REAL(ftruncate)(fd, length);
	if (result == 0 && kind_of(fd) == 1)
		put('T', fd, (uint64_t)length, NULL, NULL, 0);
	pthread_mutex_unlock(&lock);
	return result;
}

int ftruncate(int fd, off_t length)
{
	return truncate_any(fd, length);
}

int ftruncate64(int fd, off64_t length)
{
	return truncate_any(fd, length);
}

static int sync_any(int fd, int (*sync)(int), char kind)
{
	uint64_t number = 0;
	int result, ours;
	pthread_mutex_lock(&lock);
	ours = kind_of(fd) == 1;
	if (ours) {
		number = ++syncs;
		put(kind, fd, number, NULL, NULL, 0);
	}
	pthread_mutex_unlock(&lock);
	result = sync(fd);
	pthread_mutex_lock(&lock);
	if (ours && result == 0)
		put('E', fd, number, NULL, NULL, 0);
	pthread_mutex_unlock(&lock);
	return result;
}

int fsync(int fd)
{
	return sync_any(fd, REAL(fsync), 'F');
}

int fdatasync(int fd)
{
	return sync_any(fd, REAL(fdatasync), 'B');
}

int rename(const char *from, const char *to)
{
	int result;
	pthread_mutex_lock(&lock);
	result = REAL(rename)(from, to);
	if (result == 0 && below(from))
		put('R', 0, 0, from, to, strlen(to));
	pthread_mutex_unlock(&lock);
	return result;
}

int mkdir(const char *path, mode_t mode)
{
	int result;
	pthread_mutex_lock(&lock);
	result = REAL(mkdir)(path, mode);
	if (result == 0 && below(path))
		put('M', 0, 0, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	return result;
}

int unlink(const char *path)
{
	int result;
	pthread_mutex_lock(&lock);
	result = REAL(unlink)(path);
	if (result == 0 && below(path))
		put('U', 0, 0, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	return result;
}

int rmdir(const char *path)
{
	int result;
	pthread_mutex_lock(&lock);
	result = REAL(rmdir)(path);
	if (result == 0 && below(path))
		put('U', 0, 0, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	return result;
}

/* Deleting a tree goes by directory descriptors: the directory's own path comes from the kernel. */
int unlinkat(int directory, const char *name, int flags)
{
	char link[64], path[4096];
	ssize_t length = 0;
	int result;
	pthread_mutex_lock(&lock);
	if (directory != AT_FDCWD && record >= 0) {
		snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
		length = readlink(link, path, sizeof path - 300);
		if (length < 0 || strlen(name) > 255)
			abort();
		path[length] = '/';
		strcpy(path + length + 1, name);
	} else {
		snprintf(path, sizeof path, "%s", name);
	}
	result = REAL(unlinkat)(directory, name, flags);
	if (result == 0 && below(path))
		put('U', 0, 0, path, NULL, 0);
	pthread_mutex_unlock(&lock);
	return result;
}
