/* store_pg_steps.c - what makes version N of version N - 1 in PostgreSQL.  A
 * step is never changed once a release has it: another is added (and to
 * STORE_STEPS of SQLite).  Tables there began with version 3. */
#include "issuer/store_pg.h"

const struct pg_step pg_steps[] = {
	{ 0, NULL },
};
