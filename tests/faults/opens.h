/* opens.h - open(2) in its four spellings, for a library that is preloaded:
 * each is open_as(), which whoever includes this defines. */
#ifndef MM_TESTS_FAULTS_OPENS_H
#define MM_TESTS_FAULTS_OPENS_H

#include <fcntl.h>
#include <stdarg.h>

#define SEEN __attribute__((visibility("default")))

static int open_as(int at, const char *path, int flags, mode_t mode);

#define MODE(flags)                                                            \
	mode_t mode = 0;                                                       \
	if ((flags)&O_CREAT) {                                                 \
		va_list args;                                                  \
		va_start(args, flags);                                         \
		mode = va_arg(args, mode_t);                                   \
		va_end(args);                                                  \
	}

SEEN int open(const char *path, int flags, ...)
{
	MODE(flags)
	return open_as(AT_FDCWD, path, flags, mode);
}

SEEN int open64(const char *path, int flags, ...)
{
	MODE(flags)
	return open_as(AT_FDCWD, path, flags, mode);
}

SEEN int openat(int at, const char *path, int flags, ...)
{
	MODE(flags)
	return open_as(at, path, flags, mode);
}

SEEN int openat64(int at, const char *path, int flags, ...)
{
	MODE(flags)
	return open_as(at, path, flags, mode);
}

#undef MODE

#endif
