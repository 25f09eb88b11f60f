/* secrecy.h - what a process of ours that holds secrets owes them.
 *
 * For whole programs, first thing in main(): never in a library, whose
 * process is somebody else's.
 */
#ifndef MM_COMMON_SECRECY_H
#define MM_COMMON_SECRECY_H

#include <stddef.h>

/* No core is dumped, and no other process of the same user may look into this
 * one (ptrace, /proc/PID/mem).  A change of user undoes it: say it again. */
void secrecy_of_process(void);

/* Private keys get memory that is locked (never swapped) and left out of
 * dumps: OpenSSL's secure heap, where it and OPENSSL_secure_malloc() put them.
 * Whatever else OpenSSL frees is wiped.  Before OpenSSL is first used.  Where
 * the host lets too little memory be locked (RLIMIT_MEMLOCK) the rest holds. */
enum secrecy {
	SECRECY_NONE, /* OpenSSL was in use already, or out of memory */
	SECRECY_NOT_LOCKED,
	SECRECY_LOCKED,
};
enum secrecy secrecy_of_keys(void);

/* malloc and its family, for libraries that take theirs from us: what is
 * freed is wiped.  Each may free what the C library's has allocated. */
void *wiped_realloc(void *p, size_t n);
void wiped_free(void *p);

#endif
