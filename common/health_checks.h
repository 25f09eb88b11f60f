/* health_checks.h - the checks of /health/ready: name, and what to do when one
 * fails.
 *
 * For the daemon that answers, and for mintmark doctor, who says what to do by
 * this table alone: root pastes that, and anybody may answer in a daemon's
 * place.
 */
#ifndef MM_COMMON_HEALTH_CHECKS_H
#define MM_COMMON_HEALTH_CHECKS_H

/* clang-format off */
/* Of mintmarkd (issuer/health.h). */
#define MINT_CHECKS(X)                                                        \
	X(STORE_READ,  "store_read",                                          \
	  "the store cannot be read: the log says why (publish.behind, "      \
	  "store.commit_failed)")                                             \
	X(STORE_WRITE, "store_write",                                         \
	  "the store cannot be written: make room on its disk "               \
	  "(storage_full), and see that no other program holds it (busy), "   \
	  "that mintmark.db is in its place, "                                \
	  "or that the database of --store answers: the reason is in the log") \
	X(STORE_WHOLE, "store_whole",                                         \
	  "nothing is minted, for the store's file is damaged: stop "         \
	  "mintmarkd, move mintmark.db* aside (keep them), put a backup in "  \
	  "their place, and start once with "                                 \
	  "--restored (store.corrupt in the log; SECURITY.md, When the "      \
	  "store is damaged)")                                                \
	X(SIGNING,     "signing",                                             \
	  "the active key does not sign: bring its PKCS#11 token back and "   \
	  "restart mintmarkd")                                                \
	X(KEYS,        "keys",                                                \
	  "what lies in keys/ could not be loaded, and mintmarkd goes on "    \
	  "with the keys that it has: the log says why (keys.reload_failed); " \
	  "mend it and send SIGHUP")                                          \
	X(KEYS_ENDED,  "keys_ended",                                          \
	  "nothing is minted, and nobody takes what is signed here, for "     \
	  "another issuer on this store has ended the key (keys.ended in "    \
	  "the log): copy the keys from that issuer and send SIGHUP "         \
	  "(keys/README.md, Several issuers), or take it out here, too: "     \
	  "mintmark key compromise")                                          \
	X(FEED,        "feed",                                                \
	  "agents hear of no change: mend the other checks; if they are "     \
	  "good, restart mintmarkd")                                          \
	X(CONNECTIONS, "connections",                                         \
	  "nobody can connect: the log says what is lacking (http.full)")     \
	X(CLOCK,       "clock",                                               \
	  "nothing is minted, for a token was issued at a later time than "   \
	  "this clock says it is: set the clock; or, if it was ahead then, "  \
	  "revoke what was issued ahead (clock.behind in the log, with the "  \
	  "next one that is asked for)")                                      \
	X(HISTORY,     "history",                                             \
	  "there were events that are not in this store: if it came from a "  \
	  "backup, stop mintmarkd (of several issuers all) and start it, one " \
	  "of them, once with --restored (feed.agent_ahead or "               \
	  "store.went_back in the log; SECURITY.md, After a backup was put "  \
	  "back)")

/* The same where the store is in PostgreSQL, of what has other reasons there. */
#define MINT_CHECKS_SHARED(X)                                                 \
	X(STORE_WRITE, "store_write",                                         \
	  "the store cannot be written: see that the database of --store "    \
	  "answers, takes changes (a standby does not) and has room on its "  \
	  "disk (storage_full): the reason is in the log "                    \
	  "(store.commit_failed)")

/* Of mintmark-agent (verifier/agent/health.h). */
#define AGENT_CHECKS(X)                                                       \
	X(STATE,       "state",                                               \
	  "every token is refused: the issuer has not been heard of for too " \
	  "long, or the state file cannot be written; the log says why "      \
	  "(feed.unreachable, feed.refused, state.behind)")                   \
	X(FEED,        "feed",                                                \
	  "what is revoked is not heard of, and uses are not told, for the "  \
	  "issuer refuses the agent's token, or says what is not believed: "  \
	  "the log says which (feed.refused).  Of its token: put another "    \
	  "into --token-file, from the mint: mintmark token create -u agent " \
	  "-e 365d -s mintmark:agent -q.  Of a rollback: see to the mint "    \
	  "(SECURITY.md, After a backup was put back)")                       \
	X(USES,        "uses",                                                \
	  "uses are not heard of, and tokens that refresh themselves will "   \
	  "die: restart mintmark-agent")                                      \
	X(CONNECTIONS, "connections",                                         \
	  "nobody can connect: the log says what is lacking (http.full)")
/* clang-format on */

#endif
