/* store_sqlite_stats.c - does the disk take a write? */
#include "issuer/store_sqlite.h"

#define TEXT_OF(x)   #x
#define NUMBER_OF(x) TEXT_OF(x)

/* The first page goes to the disk as it is.  (An UPDATE of a row to what it
 * says already is no write to SQLite.) */
static enum mm_err probe(struct conn *c, void *arg)
{
	(void)arg;
	return conn_exec(c, "PRAGMA user_version = " NUMBER_OF(STORE_VERSION));
}

enum mm_err store_probe(struct store *s)
{
	return store_write(s, probe, NULL);
}
