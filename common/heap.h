/* heap.h - how a daemon keeps its memory small.
 *
 * For whole programs, in main() before there are threads: a library's process
 * is somebody else's.
 */
#ifndef MM_COMMON_HEAP_H
#define MM_COMMON_HEAP_H

#include <malloc.h>

/* What is large, such as a snapshot, goes back to the system when it is freed.
 * glibc would learn from the first such one to keep them, up to 64 MiB. */
static inline void heap_gives_back(void)
{
#ifdef M_MMAP_THRESHOLD
	(void)mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

#endif
