/* overview.h - one answer for who wants to see how things stand: counted
 * once in some seconds, however many look.  Threads: any. */
#ifndef MM_ISSUER_OVERVIEW_H
#define MM_ISSUER_OVERVIEW_H

struct overview;

struct overview *overview_new(void);	/* NULL: no memory */
void overview_free(struct overview *o); /* NULL is allowed */

#endif
