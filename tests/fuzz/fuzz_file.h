/* fuzz_file.h - an input as a file, for what reads files. */
#ifndef MM_TESTS_FUZZ_FILE_H
#define MM_TESTS_FUZZ_FILE_H

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"

/* The path of a file in memory that holds `content`, until the next call. */
static inline const char *fuzz_file(struct span content)
{
	static int fd = -1;
	static char path[64];
	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		MM_ASSERT(fd >= 0 && fchmod(fd, 0600) == 0);
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	}
	MM_ASSERT(ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	MM_ASSERT(file_write_all(fd, content));
	return path;
}

/* A folder for this process, where a real path is needed, in memory if that
 * can be; whoever makes files there removes them, and fuzz_folder_end() the
 * folder. */
static inline const char *fuzz_folder(void)
{
	static char path[128];
	if (path[0] != '\0')
		return path;
	snprintf(path, sizeof path, "%s/mintmark-fuzz-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	MM_ASSERT(mkdtemp(path) != NULL);
	return path;
}

static inline void fuzz_folder_end(void)
{
	rmdir(fuzz_folder());
}

#endif
