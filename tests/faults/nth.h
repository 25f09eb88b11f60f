/* nth.h - one call fails: the n-th of its kind from now on.
 *
 * libmm_nth.so stands in front of libc (LD_PRELOAD), so that what SQLite,
 * OpenSSL, jansson and libmicrohttpd call fails as what we call does.  Who
 * linked it says what is to fail; for other programs the file that MM_NTH
 * names holds the same struct nth, which tests/faults/nth.py changes while
 * they run.
 *
 * Threads: calls are counted together, whoever makes them.
 */
#ifndef MM_TESTS_NTH_H
#define MM_TESTS_NTH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* clang-format off */
enum nth_kind {
	NTH_MALLOC = 1,	 /* malloc, calloc, realloc and the aligned ones */
	NTH_WRITE  = 2,	 /* write, pwrite, pwritev; ftruncate, fallocate */
	NTH_SYNC   = 4,	 /* fsync, fdatasync */
	NTH_RENAME = 8,	 /* rename, renameat, unlink, unlinkat, mkdir, mkdirat */
	NTH_OPEN   = 16, /* open, openat, mkostemp: only what makes files */
	NTH_RANDOM = 32, /* getrandom, getentropy */
	NTH_MAP	   = 64, /* mmap: what we and libraries call, not libc itself */
};
/* clang-format on */

struct nth {
	atomic_uint kinds; /* enum nth_kind, or several; 0: nothing fails */
	atomic_uint err;   /* errno */
	atomic_uint ever;  /* 1: every later one fails, too */
	atomic_uint left;  /* calls up to the one that fails; 1: the next */
	atomic_uint hits;  /* how many failed */
};

/* From now on.  `ever`: the n-th and all after it. */
void nth_arm(unsigned kinds, unsigned n, int err, bool ever);
/* Nothing fails any more.  Did something? */
bool nth_disarm(void);

#endif
