/* store_sqlite_sql.h - SQLite's own: the schema, and where its dialect is not
 * PostgreSQL's (store_sql.h).
 */
#ifndef MM_ISSUER_STORE_SQLITE_SQL_H
#define MM_ISSUER_STORE_SQLITE_SQL_H

#include "issuer/store_db.h"

#define STORE_APPLICATION_ID 0x4d4d4b31 /* "MMK1" */

/* Version 1; STORE_STEPS lead on from it, for new stores too.
 *
 * dies_at is the effective expiry, kept beside its parts so that it can be
 * indexed: in token_idle alone, for each renewal moves it.  head has one row:
 * the number of the newest event. */
#define STORE_SCHEMA                                                           \
	"CREATE TABLE meta(iss TEXT NOT NULL, epoch TEXT NOT NULL);"           \
	"CREATE TABLE head(seq INTEGER NOT NULL);"                             \
	"INSERT INTO head VALUES(0);"                                          \
	"CREATE TABLE event(seq INTEGER PRIMARY KEY,"                          \
	" at INTEGER NOT NULL, body TEXT NOT NULL);"                           \
	"CREATE TABLE key(kid TEXT PRIMARY KEY, jwk TEXT NOT NULL,"            \
	" seq INTEGER NOT NULL, last_exp INTEGER NOT NULL DEFAULT 0,"          \
	" gone INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"                     \
	"CREATE TABLE list(list INTEGER PRIMARY KEY,"                          \
	" kind INTEGER NOT NULL, expires INTEGER NOT NULL,"                    \
	" size INTEGER NOT NULL, next INTEGER NOT NULL DEFAULT 0,"             \
	" dead INTEGER NOT NULL DEFAULT 0);"                                   \
	"CREATE INDEX list_open ON list(kind, expires) WHERE dead = 0;"        \
	"CREATE TABLE token(list INTEGER, idx INTEGER,"                        \
	" user TEXT NOT NULL, label TEXT NOT NULL, scope TEXT,"                \
	" audience TEXT NOT NULL, kid TEXT NOT NULL,"                          \
	" created_by TEXT NOT NULL, changed_by TEXT NOT NULL DEFAULT '',"      \
	" iat INTEGER NOT NULL, exp INTEGER NOT NULL,"                         \
	" auto_refresh INTEGER NOT NULL,"                                      \
	" last_use INTEGER NOT NULL DEFAULT 0,"                                \
	" dies_at INTEGER NOT NULL, status INTEGER NOT NULL DEFAULT 0,"        \
	" changed_at INTEGER NOT NULL DEFAULT 0,"                              \
	" revoke_at INTEGER NOT NULL DEFAULT 0,"                               \
	" PRIMARY KEY(list, idx)) WITHOUT ROWID;"                              \
	"CREATE INDEX token_age ON token(iat, list, idx);"                     \
	"CREATE INDEX token_user ON token(user, iat, list, idx);"              \
	"CREATE INDEX token_changed ON token(status) WHERE status <> 0;"       \
	"CREATE INDEX token_used ON token(last_use) WHERE last_use > 0;"       \
	"CREATE INDEX token_idle ON token(dies_at) WHERE"                      \
	" auto_refresh > 0 AND status = 0 AND dies_at < exp;"                  \
	"CREATE INDEX token_due ON token(revoke_at) WHERE"                     \
	" revoke_at > 0 AND status <> 1;"

/* What guards the audit.  As SQLite keeps the text: store_open() looks. */
#define AUDIT_STAYS                                                            \
	"CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN"              \
	" SELECT raise(ABORT, 'the audit is only added to'); END"
#define AUDIT_STANDS                                                           \
	"CREATE TRIGGER audit_stands BEFORE UPDATE ON audit BEGIN"             \
	" SELECT raise(ABORT, 'the audit is only added to'); END"

/* What makes version N of version N - 1.  A step is never changed once a
 * release has it: another is added. */
#define STORE_STEPS(X)                                                         \
	X(2, "CREATE TABLE repeat(name TEXT PRIMARY KEY,"                      \
	     " request TEXT NOT NULL, at INTEGER NOT NULL,"                    \
	     " list INTEGER NOT NULL, idx INTEGER NOT NULL) WITHOUT ROWID;"    \
	     "CREATE INDEX repeat_age ON repeat(at);")                         \
	X(3, "ALTER TABLE event ADD history TEXT NOT NULL DEFAULT '';"         \
	     "ALTER TABLE meta ADD began INTEGER NOT NULL DEFAULT 0;"          \
	     "CREATE TABLE audit(seq INTEGER PRIMARY KEY,"                     \
	     " line TEXT NOT NULL);" AUDIT_STAYS ";" AUDIT_STANDS ";"          \
	     "ALTER TABLE key ADD signs INTEGER NOT NULL DEFAULT 0;"           \
	     "ALTER TABLE key ADD announced INTEGER NOT NULL DEFAULT 0;"       \
	     "ALTER TABLE key ADD stopped INTEGER NOT NULL DEFAULT 0;"         \
	     "UPDATE key SET stopped = strftime('%s', 'now');"                 \
	     "ALTER TABLE token ADD cidr TEXT NOT NULL DEFAULT '';"            \
	     "ALTER TABLE token ADD seen_at INTEGER NOT NULL DEFAULT 0;"       \
	     "ALTER TABLE token ADD seen_door TEXT NOT NULL DEFAULT '';"       \
	     "ALTER TABLE token ADD seen_from TEXT NOT NULL DEFAULT '';"       \
	     "CREATE INDEX token_from ON token(list)"                          \
	     " WHERE seen_from <> '';"                                         \
	     "ALTER TABLE token ADD warned INTEGER NOT NULL DEFAULT 0;"        \
	     "DROP INDEX token_age; DROP INDEX token_user;"                    \
	     "DROP INDEX token_idle;"                                          \
	     "CREATE INDEX token_age ON token(iat, list, idx, status,"         \
	     " auto_refresh, exp, kid);"                                       \
	     "CREATE INDEX token_user ON token(user, iat, list, idx, status,"  \
	     " auto_refresh, exp, kid);"                                       \
	     "CREATE INDEX token_live ON token(user, exp) WHERE status <> 1;"  \
	     "CREATE INDEX token_ends ON token(exp, list, idx, status,"        \
	     " revoke_at, auto_refresh, warned, iat) WHERE status = 0;"        \
	     "CREATE INDEX token_idle ON token(dies_at, list, idx, status,"    \
	     " revoke_at, auto_refresh, warned, iat, exp)"                     \
	     " WHERE auto_refresh > 0 AND status = 0 AND dies_at < exp;")

/* ---- the dialect of store_sql.h ---- */

#define BY_INDEX(index)		     " INDEXED BY " index
#define HAS_TEXT(row, text)	     "instr(lower(" row "), lower(" text ")) > 0"
#define COUNT_ALIKE(select, columns) "SELECT *, 1 AS count FROM (" select ")"
#define LIKE_ANY_CASE		     "LIKE"
#define USERS_WITH(after, limit, text)                                         \
	USER " > " after " AND " TEXT_IN(USER, text)
/* The first page goes to the disk as it is.  (An UPDATE of a row to what it
 * says already is no write to SQLite.) */
#define TEXT_OF(x)    #x
#define NUMBER_OF(x)  TEXT_OF(x)
#define SQL_PROBE     "PRAGMA user_version = " NUMBER_OF(STORE_VERSION)
#define SQL_HEAD_LOCK "SELECT seq FROM head" /* BEGIN IMMEDIATE has done it */
#define SQL_BYTES                                                              \
	"SELECT page_count * page_size"                                        \
	" FROM pragma_page_count(), pragma_page_size()"
#define SQL_AUDIT_GUARDS                                                       \
	"SELECT count(*) FROM sqlite_master"                                   \
	" WHERE type = 'trigger' AND sql IN (?1, ?2)"

#endif
