/* store_sql.h - every statement of the store, for both databases.
 *
 * Where they differ stands what they call it: BY_INDEX(index) (read by this
 * one; PostgreSQL chooses itself), HAS_TEXT(row, text) and LIKE_ANY_CASE (A to
 * Z alone are any case), COUNT_ALIKE(select, columns) (rows that are alike
 * in these come as one, with their number as count; or each with 1, where a row
 * costs less than to look for its like), USERS_WITH(after, limit, text) (whose
 * names come next and have it: at least that many, if there are so many), and
 * SQL_HEAD_LOCK, SQL_PROBE, SQL_BYTES, SQL_AUDIT_GUARDS.  Whoever expands
 * STATEMENTS has defined them: store_sqlite_sql.h, store_pg_sql.h.
 *
 * head is the one row that every change goes through: the number of the newest
 * event.  dies_at is the effective expiry, kept beside its parts so that it can
 * be indexed: in token_idle alone, for each renewal moves it.
 */
#ifndef MM_ISSUER_STORE_SQL_H
#define MM_ISSUER_STORE_SQL_H

#define USER "\"user\"" /* a word of PostgreSQL's own */

/* Of a token: does no verifier know its key any more? */
#define TOKEN_KEY_GONE                                                         \
	"EXISTS (SELECT 1 FROM key WHERE key.kid = token.kid"                  \
	" AND key.gone = 1)"
#define AS_NUMBER(condition) "CASE WHEN " condition " THEN 1 ELSE 0 END"

/* Of a token: when it died, or will.  Revoked when it was dead, it had died
 * before. */
#define TALLY_ENDS                                                             \
	"CASE WHEN status IN (1, 3) AND changed_at < dies_at"                  \
	" THEN changed_at ELSE dies_at END"
/* The day of its mint, and the day of its death; or, if it lives, whether that
 * is by ?2 (-1), by ?3 (-2) or later (-3).  It is ?1 now. */
#define TALLY_COLUMNS                                                          \
	"SELECT iat / 86400 AS minted, CASE WHEN ends > ?3 THEN -3"            \
	" WHEN ends > ?2 THEN -2 WHEN ends > ?1 THEN -1 ELSE ends / 86400 END" \
	" AS ending, status, used, kid"

#define TOKEN_COLUMNS                                                          \
	"list, idx, " USER ", label, scope, audience, kid, created_by,"        \
	" changed_by, iat, exp, auto_refresh, last_use, status,"               \
	" changed_at, revoke_at, cidr, " AS_NUMBER(                            \
		TOKEN_KEY_GONE) ", seen_at, seen_door, seen_from, warned"

/* Of a token, read out of an index without dies_at, at the time `now`: does it
 * live?  Only where its window decides is the row looked at. */
#define TOKEN_LIVES(now)                                                       \
	"exp > " now " AND (auto_refresh = 0 OR (SELECT dies_at FROM token"    \
	" AS own WHERE own.list = token.list AND own.idx = token.idx) > " now  \
	")"

/* A page of tokens: its keys first, out of an index that has all that is
 * asked, then the rows.  ?1 filter (enum token_filter), ?2 now, ?3..5 go on
 * behind this place, ?6 limit; then ?7 user, ?8 text or NULL, ?9 kid or NULL.
 * Searching reads every row, but in the order in which they lie (the plus
 * signs keep the indexes out): in the order of age each would be looked up. */
#define TOKEN_FITS(lives)                                                      \
	" (?1 = 5 OR (?1 = 1 AND status = 1)"                                  \
	" OR (?1 = 0 AND status = 0 AND " lives " AND NOT " TOKEN_KEY_GONE ")" \
	" OR (?1 = 2 AND status = 2 AND " lives ")"                            \
	" OR (?1 = 3 AND status <> 1 AND (status = 3 OR NOT (" lives ")))"     \
	" OR (?1 = 4 AND status = 0 AND " lives " AND " TOKEN_KEY_GONE "))"
#define TOKEN_FITS_INDEX TOKEN_FITS(TOKEN_LIVES("?2"))
#define TOKEN_FITS_ROW	 TOKEN_FITS("dies_at > ?2")
#define TOKEN_PLACE	 " AND (iat, list, idx) < (?3, ?4, ?5)"
#define TOKEN_ORDER	 " ORDER BY iat DESC, list DESC, idx DESC"
#define TOKEN_PAGE(where, order)                                               \
	"SELECT " TOKEN_COLUMNS " FROM token WHERE (list, idx) IN"             \
	" (SELECT list, idx FROM token" where order " LIMIT ?6)" TOKEN_ORDER
#define TEXT_IN(column, text)                                                  \
	column " " LIKE_ANY_CASE " '%' || replace(replace(replace(" text       \
	       ", '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%' ESCAPE '\\'"
#define TOKEN_HAS                                                              \
	" (?8 IS NULL OR " TEXT_IN(USER, "?8") " OR " TEXT_IN(                 \
		"label", "?8") ") AND (?9 IS NULL OR kid = ?9) AND"

/* Some that are in use: ?1 now, ?2 limit. */
#define TOKEN_PICK(keys, order)                                                \
	"SELECT " TOKEN_COLUMNS " FROM (" keys ") AS picked"                   \
	" JOIN token USING (list, idx) ORDER BY " order " LIMIT ?2"
#define PICK_KEYS(where, order)                                                \
	"SELECT list, idx FROM token" where " AND status = 0"                  \
	" AND NOT " TOKEN_KEY_GONE " ORDER BY " order " LIMIT ?2"

/* A token's end is its hard limit (token_ends), or, while it is nearer, the
 * end of its window (token_idle): those that have such a one. */
#define BY_WINDOW " auto_refresh > 0 AND status = 0 AND dies_at < exp"

/* Tokens of which there is something to say, as common/ending.h has it: ?1 now,
 * ?2 the threshold, ?3 the user, ?4 1: only what was not warned of so near, and
 * was given a longer life than that, ?5..7 go on behind this place, ?8 limit.
 * The keys first, out of two indexes that have nearly all that is asked:
 * hundreds of thousands may be near, and nothing to be said of them. */
#define ENDING_WHERE                                                           \
	" status = 0 AND revoke_at = 0"                                        \
	" AND (?4 = 0 OR ((warned = 0 OR warned > ?2) AND exp - iat > ?2))"
#define TOKEN_NEAR(idle, ends, who)                                            \
	"SELECT " TOKEN_COLUMNS " FROM (SELECT list, idx, ends FROM"           \
	" (SELECT list, idx, dies_at AS ends FROM token" BY_INDEX(             \
		idle) " WHERE" who BY_WINDOW                                   \
		      " AND dies_at > ?1 AND dies_at <= ?1 + ?2"               \
		      " AND auto_refresh > 2 * ?2 AND" ENDING_WHERE            \
		      " UNION ALL SELECT list, idx, exp FROM token" BY_INDEX(  \
			      ends) " WHERE" who " exp > ?1 AND exp <= ?1 + "  \
				    "?2 AND" ENDING_WHERE                      \
				    " AND (auto_refresh = 0 OR (SELECT "       \
				    "dies_at FROM token AS own"                \
				    " WHERE own.list = token.list AND "        \
				    "own.idx = token.idx)"                     \
				    " > CASE WHEN auto_refresh > 2 * ?2 THEN " \
				    "exp - 1 ELSE ?1 END)) AS ended"           \
				    " WHERE (ends, list, idx) > (?5, ?6, ?7)"  \
				    " ORDER BY ends, list, idx LIMIT ?8) AS "  \
				    "near"                                     \
				    " JOIN token USING (list, idx) ORDER BY "  \
				    "ends, list, idx"

/* Of one row each, said so: PostgreSQL takes a table that it has not analyzed
 * for one of thousands, and for so many compiles the statement, in 0.3 s. */
#define LAST_LINE " FROM audit ORDER BY seq DESC LIMIT 1"
#define THE_META  "(SELECT epoch, began FROM meta LIMIT 1) AS meta"
#define THE_HEAD  "(SELECT seq FROM head LIMIT 1) AS head"

/* clang-format off */
/* Users in order of name: ?1 go on behind this one, ?2 now, ?3 limit; then ?4
 * text.  Whether a window has passed is asked of token_idle, which has the few
 * that the sweep has not come to: there may be hundreds of thousands of rows
 * to look at. */
#define TOKEN_UNSWEPT(now)                                                 \
	"EXISTS (SELECT 1 FROM token AS own WHERE own.list = token.list"   \
	" AND own.idx = token.idx AND" BY_WINDOW " AND dies_at <= " now ")"
#define USERS(which)                                                       \
	"SELECT " USER ", sum(" AS_NUMBER("status = 0 AND exp > ?2"        \
		" AND (auto_refresh = 0 OR NOT " TOKEN_UNSWEPT("?2") ")"   \
		" AND NOT " TOKEN_KEY_GONE) "), count(*)"                  \
	" FROM token" BY_INDEX("token_user") " WHERE " which               \
	" GROUP BY " USER " ORDER BY " USER " LIMIT ?3"

#define STATEMENTS(X)                                                      \
	X(META_GET, "SELECT iss, epoch FROM meta")                         \
	X(META_PUT, "INSERT INTO meta(iss, epoch) VALUES(?1, ?2)")         \
	X(META_EPOCH, "UPDATE meta SET epoch = ?1, began ="                \
		" CASE WHEN began < ?2 THEN ?2 ELSE began + 1 END")        \
	X(META_NEWEST, "SELECT epoch, began, seq, (SELECT history"         \
		" FROM event WHERE event.seq = head.seq)"                  \
		" FROM " THE_META ", " THE_HEAD)                           \
	X(HEAD_GET, "SELECT seq, (SELECT history FROM event"               \
		" WHERE event.seq = head.seq) FROM head")                  \
	X(HEAD_LOCK, SQL_HEAD_LOCK)                                       \
	X(HEAD_SET, "UPDATE head SET seq = ?1")        \
	X(EVENT_PUT, "INSERT INTO event(seq, at, body, history)"          \
		" VALUES(?1, ?2, ?3, ?4)")                                 \
	X(PROBE, SQL_PROBE)                                                \
	X(BYTES, SQL_BYTES)                                                \
	X(EVENT_TIME, "SELECT coalesce(max(at), 0) FROM event")            \
	X(EVENT_FIRST, "SELECT min(seq) FROM event")                       \
	X(EVENT_HISTORY, "SELECT history FROM event WHERE seq = ?1")       \
	X(EVENT_LIST, "SELECT body, history FROM event WHERE seq > ?1"     \
		" ORDER BY seq LIMIT ?2")                                  \
	X(EVENT_FORGET, "WITH oldest AS (SELECT seq, at FROM event"        \
		" ORDER BY seq LIMIT ?2) DELETE FROM event WHERE seq IN"   \
		" (SELECT seq FROM oldest) AND seq <"                      \
		" coalesce((SELECT min(seq) FROM oldest WHERE at >= ?1),"  \
		" (SELECT seq FROM head))")                                \
	X(KEY_LIST, "SELECT kid, jwk, seq, last_exp, announced, signs,"    \
		" stopped FROM key"                                        \
		" WHERE gone = 0 ORDER BY seq")                            \
	X(KEY_FORMER, "SELECT jwk FROM key WHERE kid = ?1 AND gone = 1")   \
	X(KEY_GONE_LIST, "SELECT kid FROM key WHERE gone = 1 ORDER BY seq") \
	X(KEY_LIVE, "SELECT kid, count(*), max(exp) FROM token"            \
		BY_INDEX("token_age") " WHERE status <> 1 AND exp > ?1"    \
		" GROUP BY kid")                                           \
	X(KEY_PUT, "INSERT INTO key(kid, jwk, seq, announced)"             \
		" VALUES(?1, ?2, ?3, ?4)")                                 \
	X(KEY_KNOWN, "SELECT gone FROM key WHERE kid = ?1")                \
	X(KEY_GONE, "UPDATE key SET gone = 1 WHERE kid = ?1 AND gone = 0") \
	X(KEY_SIGNS, "UPDATE key SET signs = " AS_NUMBER("kid = ?1") ","   \
		" stopped = CASE kid WHEN ?1 THEN 0 ELSE ?2 END WHERE"     \
		" EXISTS (SELECT 1 FROM key WHERE kid = ?1 AND gone = 0)"  \
		" AND signs <> " AS_NUMBER("kid = ?1"))                    \
	X(KEY_SIGNED, "UPDATE key SET last_exp = CASE WHEN last_exp < ?2"  \
		" THEN ?2 ELSE last_exp END WHERE kid = ?1 AND gone = 0")  \
	X(LIST_ALIVE, "SELECT list, kind, size, expires FROM list"         \
		" WHERE dead = 0 ORDER BY list")                           \
	X(LIST_OPEN, "SELECT list, next, size FROM list WHERE dead = 0"    \
		" AND kind = ?1 AND expires = ?2 AND size - next >= ?3"    \
		" ORDER BY list LIMIT 1")                                  \
	X(LIST_PUT, "INSERT INTO list(list, kind, expires, size)"          \
		" SELECT coalesce(max(list), 0) + 1, ?1, ?2, ?3 FROM list" \
		" RETURNING list")                                         \
	X(LIST_TAKE, "UPDATE list SET next = next + ?2 WHERE list = ?1")   \
	X(LIST_DROP, "UPDATE list SET dead = 1 WHERE NOT EXISTS"           \
		" (SELECT 1 FROM token WHERE token.list = list.list)")     \
	X(LIST_CUT, "UPDATE list SET next = last, size = last FROM"        \
		" (SELECT list AS l, (max(idx) + 4) / 4 * 4 AS last"       \
		" FROM token GROUP BY list) AS ends"                       \
		" WHERE list.list = l AND dead = 0")                       \
	X(LIST_FILL, "WITH RECURSIVE edge(list, idx, before) AS"           \
		" (SELECT list, idx, lag(idx, 1, -1) OVER"                 \
		" (PARTITION BY list ORDER BY idx) FROM token"             \
		" UNION ALL SELECT list, size, size - 4 FROM list),"       \
		" gap(list, idx, until) AS"                                \
		" (SELECT list, before + 1, idx FROM edge"                 \
		" WHERE idx > before + 1"                                  \
		" UNION ALL SELECT list, idx + 1, until FROM gap"          \
		" WHERE idx + 1 < until)"                                  \
		" INSERT INTO token(list, idx, " USER ", label,"           \
		" audience, kid, created_by, changed_by, iat, exp,"        \
		" auto_refresh, dies_at, status)"                          \
		" SELECT list, idx, '(unknown)', 'not in the backup', '',"  \
		" '', 'restored', 'restored', 1, expires, 0, expires, 1"   \
		" FROM gap JOIN list USING (list) WHERE dead = 0"          \
		" ON CONFLICT DO NOTHING")                                 \
	X(LIST_SKIP, "INSERT INTO list SELECT coalesce(max(list), 0)"      \
		" + ?1, 1, 1, 4, 4, 1 FROM list")                          \
	X(LIST_LIVES, "SELECT 1 FROM list WHERE list = ?1 AND dead = 0")   \
	X(LIST_ENDED, "SELECT list FROM list WHERE dead = 0"               \
		" AND expires <= ?1")                                      \
	X(LIST_DEAD, "UPDATE list SET dead = 1 WHERE list = ?1")           \
	X(TOKEN_PUT, "INSERT INTO token(list, idx, " USER ", label,"       \
		" scope, audience, kid, created_by, iat, exp,"             \
		" auto_refresh, dies_at, cidr)"                            \
		" SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"    \
		" ?12, ?13 WHERE EXISTS (SELECT 1 FROM list WHERE"         \
		" list = ?1 AND dead = 0 AND next > ?2)"                   \
		" AND EXISTS (SELECT 1 FROM key WHERE kid = ?7"            \
		" AND gone = 0) AND NOT EXISTS (SELECT 1 FROM token"       \
		" WHERE list = ?1 AND idx = ?2)")                          \
	X(TOKEN_GET, "SELECT " TOKEN_COLUMNS " FROM token"                 \
		" WHERE list = ?1 AND idx = ?2")                           \
	X(TOKEN_AFTER, "SELECT " TOKEN_COLUMNS " FROM token"               \
		" WHERE iat > ?1 AND status <> 1"                          \
		" ORDER BY iat DESC, list DESC, idx DESC LIMIT 1")         \
	X(TOKEN_COUNT, "SELECT count(*),"                                  \
		" count(CASE WHEN status = 0 AND dies_at > ?1 THEN 1 END)" \
		" FROM token")                                             \
	X(TOKEN_QUERY, TOKEN_PAGE(BY_INDEX("token_age") " WHERE"           \
		TOKEN_FITS_INDEX TOKEN_PLACE, TOKEN_ORDER))                \
	X(TOKEN_QUERY_USER, TOKEN_PAGE(BY_INDEX("token_user") " WHERE "    \
		USER " = ?7 AND" TOKEN_FITS_INDEX TOKEN_PLACE,             \
		TOKEN_ORDER))                                              \
	X(TOKEN_SEARCH, TOKEN_PAGE(" WHERE" TOKEN_HAS TOKEN_FITS_ROW       \
		" AND (+iat, list, idx) < (?3, ?4, ?5)",                   \
		" ORDER BY +iat DESC, list DESC, idx DESC"))               \
	X(TOKEN_SEARCH_USER, TOKEN_PAGE(BY_INDEX("token_user") " WHERE "   \
		USER " = ?7 AND" TOKEN_HAS TOKEN_FITS_ROW TOKEN_PLACE,     \
		TOKEN_ORDER))                                              \
	X(TOKEN_SOON, TOKEN_PICK("SELECT * FROM ("                         \
		PICK_KEYS(BY_INDEX("token_idle") " WHERE" BY_WINDOW        \
			" AND dies_at > ?1", "dies_at")                    \
		") AS idle UNION ALL SELECT * FROM ("                      \
		PICK_KEYS(BY_INDEX("token_ends") " WHERE exp > ?1"         \
			" AND dies_at = exp", "exp") ") AS ends", "dies_at")) \
	X(TOKEN_UNUSED, TOKEN_PICK(PICK_KEYS(BY_INDEX("token_age") " WHERE" \
		" dies_at > ?1 AND last_use = 0 AND seen_at = 0", "iat"),  \
		"iat"))                                                    \
	X(TALLY_TOKENS, "SELECT minted, ending, status, used, "             \
		AS_NUMBER(TOKEN_KEY_GONE) ", count FROM ("                 \
		COUNT_ALIKE(TALLY_COLUMNS                                  \
			" FROM (SELECT iat, status, kid, "                 \
			AS_NUMBER("last_use > 0 OR seen_at > 0")           \
			" AS used, " TALLY_ENDS " AS ends FROM token) AS life", \
			"minted, ending, status, used, kid")               \
		") AS token")                                              \
	X(TALLY_USERS, "SELECT count(DISTINCT " USER ") FROM token")       \
	X(TOKEN_MARK, "UPDATE token SET status = ?3, changed_by = ?4,"     \
		" changed_at = ?5,"                                        \
		" revoke_at = CASE ?3 WHEN 1 THEN 0 ELSE revoke_at END"    \
		" WHERE list = ?1 AND idx = ?2")                           \
	X(TOKEN_DUE_AT, "UPDATE token SET revoke_at = ?3"                  \
		" WHERE list = ?1 AND idx = ?2")                           \
	X(TOKEN_USED, "UPDATE token SET last_use = ?3, dies_at = ?4"       \
		" WHERE list = ?1 AND idx = ?2 AND last_use < ?3")         \
	X(TOKEN_SEEN, "UPDATE token SET seen_at = ?3, seen_door = ?4,"     \
		" seen_from = ?5 WHERE list = ?1 AND idx = ?2"             \
		" AND status <> 1 AND ?3 < exp AND ?3 + ?6 > iat"          \
		" AND (seen_at < ?3 OR (seen_at = ?3"                      \
		" AND seen_door <> ?4))")                                  \
	X(SEEN_FORGET, "UPDATE token SET seen_from = ''"                   \
		" WHERE (list, idx) IN (SELECT list, idx FROM token"       \
		BY_INDEX("token_from") " WHERE seen_from <> ''"            \
		" AND (list, idx) > (?1, ?2) ORDER BY list, idx LIMIT ?3)" \
		" RETURNING list, idx")                                    \
	X(TOKEN_OF_USER, "SELECT " TOKEN_COLUMNS " FROM token"             \
		BY_INDEX("token_live") " WHERE " USER " = ?1 AND status <> 1" \
		" AND exp >= ?2 AND (exp, list, idx) > (?2, ?3, ?4)"       \
		" ORDER BY exp, list, idx LIMIT ?5")                       \
	X(TOKEN_LIVE, "SELECT count(*) FROM (SELECT 1 FROM token"          \
		BY_INDEX("token_live") " WHERE " USER " = ?1 AND status <> 1" \
		" AND exp > ?2 AND dies_at > ?2"                           \
		" AND NOT " TOKEN_KEY_GONE " LIMIT ?3) AS live")           \
	X(TOKEN_SWEEP, "SELECT " TOKEN_COLUMNS " FROM token"               \
		BY_INDEX("token_idle") " WHERE" BY_WINDOW                  \
		" AND dies_at <= ?1 LIMIT ?2")                             \
	X(TOKEN_DUE, "SELECT " TOKEN_COLUMNS " FROM token"                 \
		" WHERE revoke_at > 0 AND status <> 1"                     \
		" AND revoke_at <= ?1 LIMIT ?2")                           \
	X(TOKEN_ENDING, TOKEN_NEAR("token_idle", "token_ends", ""))        \
	X(TOKEN_ENDING_USER, TOKEN_NEAR("token_live", "token_live",        \
		" " USER " = ?3 AND status <> 1 AND exp > ?1 AND"))        \
	X(TOKEN_WARNED, "UPDATE token SET warned = ?3"                     \
		" WHERE list = ?1 AND idx = ?2 AND dies_at = ?4")          \
	X(REPEAT_GET, "SELECT request, list, idx FROM repeat"              \
		" WHERE name = ?1")                                        \
	X(REPEAT_PUT, "INSERT INTO repeat(name, request, at, list, idx)"   \
		" VALUES(?1, ?2, ?3, ?4, ?5)")                             \
	X(REPEAT_FORGET, "DELETE FROM repeat WHERE name IN"                \
		" (SELECT name FROM repeat WHERE at < ?1"                  \
		" ORDER BY at LIMIT ?2)")                                  \
	X(AUDIT_END, "SELECT epoch, began, (SELECT seq" LAST_LINE "),"     \
		" (SELECT line" LAST_LINE "),"                             \
		" (SELECT line FROM audit WHERE seq = ?1) FROM " THE_META) \
	X(AUDIT_GUARDS, SQL_AUDIT_GUARDS)                                  \
	X(AUDIT_PUT, "INSERT INTO audit VALUES(?1, ?2)")                   \
	X(AUDIT_ON, "SELECT line FROM audit WHERE seq > ?1 AND"            \
		" (?2 IS NULL OR " HAS_TEXT("line", "?2") ")"              \
		" ORDER BY seq LIMIT ?3")                                  \
	X(AUDIT_BACK, "SELECT line FROM audit WHERE seq < ?1 AND"          \
		" (?2 IS NULL OR " HAS_TEXT("line", "?2") ")"              \
		" ORDER BY seq DESC LIMIT ?3")                             \
	X(LOAD_STATUS, "SELECT list, idx, status FROM token"               \
		" WHERE status <> 0")                                      \
	X(LOAD_USED, "SELECT list, idx, last_use FROM token"               \
		" WHERE last_use > 0")                                     \
	X(USER_LIST, USERS(USER " > ?1"))                                  \
	X(USER_SEARCH, USERS(USERS_WITH("?1", "?3", "?4")))
/* clang-format on */

#endif
