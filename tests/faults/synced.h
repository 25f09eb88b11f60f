/* synced.h - what would a power cut take?
 *
 * libmm_synced.so stands in front of libc (LD_PRELOAD) and notes what is done
 * to files and folders below one folder: what is written, cut, created, renamed
 * or removed is only in memory, until the file is synced, or the folder that
 * holds the name.
 *
 * Two things are wrong whatever comes later: a file takes its final name before
 * its bytes are on the disk; something is cut or removed while what is to
 * replace it is not.
 *
 * In-process, for who linked it.
 *
 * Not seen: what is written through mmap(), and what libc writes by itself
 * (stdio).
 */
#ifndef MM_TESTS_SYNCED_H
#define MM_TESTS_SYNCED_H

/* Forget all, and from now on look at what is below `folder`; "": at nothing.
 */
void synced_watch(const char *folder);
/* Nor at a file of this name, in any folder: it need not outlive the machine.
 * `name` is kept. */
void synced_let(const char *name);
/* What a power cut would take now, or might have taken meanwhile: a line each,
 * or "". */
const char *synced_lost(void);

#endif
