/* fd.h - a file descriptor that is closed when its block ends.
 *
 *	AUTO_FD int fd = open(...);
 */
#ifndef MM_COMMON_FD_H
#define MM_COMMON_FD_H

#include <unistd.h>

/* Nothing is done to one that is not open (-1), as it is after this. */
static inline void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
#define AUTO_FD __attribute__((cleanup(fd_close)))

#endif
