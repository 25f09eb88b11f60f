/* library.h - somebody else's JOSE library in C, as a program:
 *
 *	PROGRAM verify KEY-FILE  <token  >payload
 *	PROGRAM sign KEY-FILE ALG KID TYP  <payload  >token
 *
 * Exit 1 and a line when the library refuses.  What a library calls a key
 * file is its own affair.  Both functions print what comes out and return
 * whether anything did; text ends with a NUL behind its length.
 */
#ifndef MM_TESTS_INTEROP_LIBRARY_H
#define MM_TESTS_INTEROP_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct text {
	char at[16384];
	size_t len;
};

struct head {
	const char *alg, *kid, *typ;
};

bool library_verify(const struct text *key, const struct text *token);
bool library_sign(const struct text *key, const struct head *head,
		  const struct text *payload);

#endif
