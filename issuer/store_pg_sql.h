/* store_pg_sql.h - PostgreSQL's own: the schema, and where its dialect is not
 * SQLite's (store_sql.h).
 *
 * Plain SQL that databases of its kind (CockroachDB, YugabyteDB) have, too,
 * but for the triggers of the audit.  Texts are compared and sorted by their
 * bytes, as in SQLite.
 */
#ifndef MM_ISSUER_STORE_PG_SQL_H
#define MM_ISSUER_STORE_PG_SQL_H

#include "issuer/store_db.h"

#define PG_TEXT " TEXT COLLATE \"C\" NOT NULL"
#define PG_INT	" BIGINT NOT NULL"

/* All of it is in a schema of its own, "mintmark". */
#define PG_SCHEMA                                                              \
	"CREATE TABLE meta(iss" PG_TEXT ", epoch" PG_TEXT ","                  \
	" began" PG_INT " DEFAULT 0, timeline" PG_INT " DEFAULT 0);"           \
	"CREATE TABLE head(seq" PG_INT ", version" PG_INT ");"                 \
	"CREATE TABLE event(seq BIGINT PRIMARY KEY, at" PG_INT ","             \
	" body" PG_TEXT ", history" PG_TEXT ");"                               \
	"CREATE INDEX event_age ON event(at, seq);"                            \
	"CREATE TABLE key(kid TEXT COLLATE \"C\" PRIMARY KEY, jwk" PG_TEXT "," \
	" seq" PG_INT ", last_exp" PG_INT " DEFAULT 0,"                        \
	" gone" PG_INT " DEFAULT 0, signs" PG_INT " DEFAULT 0,"                \
	" announced" PG_INT " DEFAULT 0, stopped" PG_INT " DEFAULT 0);"        \
	"CREATE TABLE list(list BIGINT PRIMARY KEY, kind" PG_INT ","           \
	" expires" PG_INT ", size" PG_INT ", next" PG_INT " DEFAULT 0,"        \
	" dead" PG_INT " DEFAULT 0);"                                          \
	"CREATE INDEX list_open ON list(kind, expires) WHERE dead = 0;"        \
	"CREATE TABLE token(list BIGINT, idx BIGINT, " USER PG_TEXT ","        \
	" label" PG_TEXT ", scope TEXT COLLATE \"C\", audience" PG_TEXT ","    \
	" kid" PG_TEXT ", created_by" PG_TEXT ","                              \
	" changed_by" PG_TEXT " DEFAULT '', iat" PG_INT ", exp" PG_INT ","     \
	" auto_refresh" PG_INT ", last_use" PG_INT " DEFAULT 0,"               \
	" dies_at" PG_INT ", status" PG_INT " DEFAULT 0,"                      \
	" changed_at" PG_INT " DEFAULT 0, revoke_at" PG_INT " DEFAULT 0,"      \
	" cidr" PG_TEXT " DEFAULT '', seen_at" PG_INT " DEFAULT 0,"            \
	" seen_door" PG_TEXT " DEFAULT '', seen_from" PG_TEXT " DEFAULT '',"   \
	" warned" PG_INT " DEFAULT 0, PRIMARY KEY(list, idx));"                \
	"CREATE INDEX token_age ON token(iat, list, idx, status,"              \
	" auto_refresh, exp, kid);"                                            \
	"CREATE INDEX token_user ON token(" USER ", iat, list, idx, status,"   \
	" auto_refresh, exp, kid);"                                            \
	"CREATE INDEX token_live ON token(" USER ", exp) WHERE status <> 1;"   \
	"CREATE INDEX token_ends ON token(exp, list, idx, status,"             \
	" revoke_at, auto_refresh, warned, iat) WHERE status = 0;"             \
	"CREATE INDEX token_idle ON token(dies_at, list, idx, status,"         \
	" revoke_at, auto_refresh, warned, iat, exp)"                          \
	" WHERE auto_refresh > 0 AND status = 0 AND dies_at < exp;"            \
	"CREATE INDEX token_changed ON token(status) WHERE status <> 0;"       \
	"CREATE INDEX token_used ON token(list) WHERE last_use > 0;"           \
	"CREATE INDEX token_due ON token(revoke_at)"                           \
	" WHERE revoke_at > 0 AND status <> 1;"                                \
	"CREATE INDEX token_from ON token(list) WHERE seen_from <> '';"        \
	"CREATE TABLE repeat(name TEXT COLLATE \"C\" PRIMARY KEY,"             \
	" request" PG_TEXT ", at" PG_INT ", list" PG_INT ", idx" PG_INT ");"   \
	"CREATE INDEX repeat_age ON repeat(at);"                               \
	"CREATE TABLE audit(seq BIGINT PRIMARY KEY, line" PG_TEXT ")"

/* What guards the audit.  store_open() looks whether it is there. */
#define PG_AUDIT_STAYS "BEGIN RAISE EXCEPTION 'the audit is only added to'; END"
#define PG_AUDIT_GUARD_STEPS                                                   \
	"DROP TRIGGER IF EXISTS audit_stays ON audit",                         \
		"DROP TRIGGER IF EXISTS audit_stands ON audit",                \
		"CREATE OR REPLACE FUNCTION audit_stays() RETURNS trigger"     \
		" LANGUAGE plpgsql AS $$" PG_AUDIT_STAYS "$$",                 \
		"CREATE TRIGGER audit_stays BEFORE TRUNCATE ON audit"          \
		" FOR EACH STATEMENT EXECUTE FUNCTION audit_stays()",          \
		"CREATE TRIGGER audit_stands BEFORE UPDATE OR DELETE ON audit" \
		" FOR EACH ROW EXECUTE FUNCTION audit_stays()"

/* Who owns a table, or a function of its triggers, decides what happens there:
 * an owner of anything in the schema who is not us.  (A superuser is a member
 * of every role, and would take what anybody has laid out for him.) */
#define PG_STRANGER                                                            \
	"SELECT pg_get_userbyid(owner) FROM"                                   \
	" (SELECT oid AS place, nspowner AS owner FROM pg_namespace"           \
	" UNION ALL SELECT relnamespace, relowner FROM pg_class"               \
	" UNION ALL SELECT pronamespace, proowner FROM pg_proc) AS there"      \
	" JOIN pg_namespace ON pg_namespace.oid = place"                       \
	" JOIN pg_roles ON rolname = current_user"                             \
	" WHERE nspname = 'mintmark' AND owner <> pg_roles.oid"                \
	" AND (rolsuper OR NOT pg_has_role(owner, 'MEMBER')) LIMIT 1"

/* PostgreSQL counts up its timeline when a standby takes over from its primary;
 * which may have had changes that the standby had not been told yet.  Answers
 * with what it is, and was when it was asked last (0: never). */
#define PG_TIMELINE                                                            \
	"SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))"  \
	"::bit(32)::int, (SELECT timeline FROM mintmark.meta)"

/* ---- the dialect of store_sql.h ---- */

#define BY_INDEX(index) ""
#define HAS_TEXT(row, text)                                                    \
	"strpos(lower(" row "), lower(" text " COLLATE \"C\")) > 0"
#define COUNT_ALIKE(select, columns)                                           \
	"SELECT *, count(*) AS count FROM (" select                            \
	") AS each GROUP BY " columns
#define LIKE_ANY_CASE "ILIKE"

/* PostgreSQL trusts a LIMIT to end soon what reads token_user in order.  Of a
 * text that is in few names it would read all of it, and look up in the table
 * whether each entry is still there, unless that was vacuumed since.  So the
 * names that are near are stepped through, one after the other: enough if the
 * text is in many.  If not, all rows are read, as they lie (what is joined to
 * the name keeps the indexes out). */
#define PG_STEPS "1000"
/* clang-format off */
#define PG_NEAR(after)                                                     \
	"near(name, nth) AS (SELECT min(" USER "), 1 FROM token"           \
		" WHERE " USER " > " after                                 \
	" UNION ALL SELECT (SELECT min(" USER ") FROM token"               \
		" WHERE " USER " > name), nth + 1 FROM near"               \
		" WHERE name IS NOT NULL AND nth < " PG_STEPS ")"
/* The last of them, if there may be more and is to be. */
#define PG_FAR(limit, text)                                                \
	"far(name) AS (SELECT max(name) FROM near"                         \
		" HAVING count(name) = " PG_STEPS " AND count("            \
		"CASE WHEN " TEXT_IN("name", text) " THEN 1 END) < " limit ")"
#define USERS_WITH(after, limit, text)                                     \
	USER " = ANY (ARRAY(WITH RECURSIVE " PG_NEAR(after) ", "           \
		PG_FAR(limit, text)                                        \
	" SELECT name FROM near WHERE " TEXT_IN("name", text)              \
	" UNION ALL (SELECT " USER " || '' FROM token"                     \
		" WHERE EXISTS (SELECT 1 FROM far)"                        \
		" AND " USER " || '' > (SELECT name FROM far)"             \
		" AND " TEXT_IN(USER, text)                                \
		" GROUP BY " USER " || '' ORDER BY " USER " || ''"         \
		" LIMIT " limit ")))"
/* clang-format on */

#define SQL_HEAD_LOCK "SELECT version FROM head FOR UPDATE"
#define SQL_PROBE     "UPDATE meta SET iss = iss"
#define SQL_BYTES                                                              \
	"SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE"          \
	" relkind = 'r' AND relnamespace = 'mintmark'::regnamespace"
#define SQL_AUDIT_GUARDS                                                       \
	"SELECT count(*) FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid" \
	" WHERE tgrelid = 'audit'::regclass AND tgenabled = 'O'"               \
	" AND tgqual IS NULL AND prosrc = ?1"                                  \
	" AND (tgname, tgtype) IN (('audit_stays', 34), ('audit_stands', 27))"

#endif
