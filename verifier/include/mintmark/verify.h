/* mintmark/verify.h - check a personal access token without asking anybody.
 *
 *	struct mm_options opt = { .state = "/run/mintmark/state" };
 *	struct mm_verifier *v;
 *	if (mm_open(&opt, &v) != MM_OK) ...
 *
 *	struct mm_token t;
 *	enum mm_err e = mm_verify(v, token, len, &t);
 *	if (e == MM_OK)
 *		e = mm_allow(&t, "node", ids, 3, MM_READ);
 *	if (e != MM_OK)
 *		refuse(mm_reason(e));
 *
 * Threads: one verifier may be used from any number of threads at once.
 * Memory:  struct mm_token is filled by value and needs no freeing; the
 *          only thing to free is the verifier, with mm_close().
 * I/O:     mm_verify() reads mapped memory and the clock.  It takes no lock
 *          and uses no heap of its own, opens no file (but when the agent
 *          has put a new state file in place of the mapped one, which it
 *          then maps; without news for a minute it looks for one, once a
 *          second), and sends at most one non-blocking datagram to the
 *          local agent, now and then: once an hour for each token that it
 *          remembers, and as often as it keeps one alive.
 * Processes: a verifier is not to be used by a child after fork(); open
 *          one there.
 *
 * Formats and rules: PROTOCOL.md; RFC 7515, 7519, 8725;
 * draft-ietf-oauth-status-list.
 */
#ifndef MINTMARK_VERIFY_H
#define MINTMARK_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MM_API	 __attribute__((visibility("default")))
#define MM_CHECK __attribute__((warn_unused_result))
#else
#define MM_API
#define MM_CHECK
#endif

#ifndef MINTMARK_INTERNAL
/* Zero is success; everything else is a refusal with its reason.  Later
 * versions may add reasons: treat an unknown one as a refusal. */
enum mm_err {
	MM_OK,
	MM_ERR_MALFORMED,     /* not a token, or not in its one form */
	MM_ERR_BAD_SIGNATURE, /* not signed by the key it names */
	MM_ERR_UNKNOWN_KEY,   /* names a key that is not this issuer's */
	MM_ERR_WRONG_ISSUER,
	MM_ERR_WRONG_AUDIENCE,
	MM_ERR_WRONG_USER,    /* not the user's own token */
	MM_ERR_WRONG_ADDRESS, /* good, but not from there (cidr) */
	MM_ERR_NOT_YET_VALID, /* iat or nbf over 60 s ahead */
	MM_ERR_EXPIRED,	      /* its exp has passed */
	MM_ERR_IDLE,	      /* auto_refresh: unused for its window */
	MM_ERR_REVOKED,
	MM_ERR_SUSPENDED,
	MM_ERR_INSUFFICIENT_SCOPE, /* good token, but not for this */
	MM_ERR_STALE,		   /* the state is older than allowed */
	MM_ERR_UNAVAILABLE	   /* no state, or not a usable one */
};
#endif

/* Permissions, for mm_allow(). */
#define MM_READ	 1u
#define MM_WRITE 2u

/* Flags of struct mm_options.  MM_ACCESS_TOKENS needs an audience: access
 * tokens are for one service, by name (RFC 9068 s4). */
#define MM_NO_USE	 1u /* do not report uses: looking is not using */
#define MM_NO_CACHE	 2u /* remember no tokens: for a single check */
#define MM_ACCESS_TOKENS 4u /* take at+jwt access tokens, too */

#define MM_CACHE_SIZE (7u << 20) /* the standard size of the cache */

struct mm_verifier;

/* Start from { 0 } and set what you need; strings are copied. */
struct mm_options {
	/* Path of the state file that mintmark-agent keeps, or the issuer's
	 * URL ("https://..."): then this process follows the feed itself, in
	 * a thread, on a private file, with the token in token_file. */
	const char *state;
	const char *token_file; /* URL only: a PAT with mintmark:agent */
	const char *jwks_file;	/* URL only: pinned keys, or NULL */
	/* The audience that tokens must carry, or NULL: do not ask.  A token
	 * without aud is good for any audience of its issuer. */
	const char *audience;
	/* Seconds after which a state without news is refused; 0: as the
	 * agent was told (24 h by default).  May only be stricter. */
	int64_t max_staleness;
	unsigned flags;
	/* Bytes, at most, for remembering tokens whose signature was good; 0:
	 * MM_CACHE_SIZE, for some 9,000 tokens.  Memory is taken as it is
	 * needed, and when it is full the oldest make room.  Less than 24 KiB
	 * remembers nothing, more than 1 GiB is taken as 1 GiB. */
	size_t cache_size;
	/* Seconds since 1970, or NULL: the system's clock. */
	int64_t (*now)(void *ctx);
	void *now_ctx;
	/* Where mm_open() writes one line for people, or NULL: why it failed,
	 * or, with MM_OK, a warning ("": none) that uses will not reach the
	 * agent, whose socket is not ours to write to. */
	char *why;
	size_t why_size;
	/* What people call this place, where they see when and where a token
	 * was used last: "photos", "imap".  At most 31 bytes of it are told,
	 * without spaces.  NULL: the audience, if there is one. */
	const char *door;
};

/* A verified token. */
struct mm_token {
	char id[24];	      /* jti, "3.4711" or "3.4711.k3_Z": safe to log */
	char user[256];	      /* sub */
	char scope[2048];     /* words separated by spaces; see has_scope */
	bool has_scope;	      /* false: all the user's rights */
	int64_t issued_at;    /* seconds since 1970, as all times */
	int64_t expires_at;   /* the hard limit, never passed */
	int64_t dies_at;      /* now >= dies_at: dead.  Slides with use */
	int64_t auto_refresh; /* window in seconds; 0: fixed expiry */
	uint32_t list, index; /* of its status */
	bool access_token;    /* made from a PAT: see MM_ACCESS_TOKENS */
};

/* Open a state.  MM_ERR_UNAVAILABLE: none there, or not usable (opt->why
 * says which).  A stale state opens, and refuses each token until news
 * arrives.  Free with mm_close(). */
MM_API MM_CHECK enum mm_err mm_open(const struct mm_options *opt,
				    struct mm_verifier **out);

/* Check a token, len bytes as they came (no NUL needed): signature, form,
 * issuer, audience, times, status, renewal.  Nothing is known here of who
 * shows it, so one that is limited to addresses (cidr) is refused; who knows
 * more asks mm_verify_client().  Of a token seen before (see
 * cache_size) form and signature are known; all else is asked each time.
 * *out is written only when the answer is MM_OK, its texts as far as their
 * NUL, and its scopes are yet to be asked: mm_allow(), mm_has_scope().  */
MM_API MM_CHECK enum mm_err mm_verify(struct mm_verifier *v, const char *token,
				      size_t len, struct mm_token *out);

/* The same for Basic, WebDAV, SFTP: the token must also be `user`'s own,
 * byte for byte, or it is MM_ERR_WRONG_USER. */
MM_API MM_CHECK enum mm_err mm_verify_user(struct mm_verifier *v,
					   const char *user, const char *token,
					   size_t len, struct mm_token *out);

/* What is known of who shows the token.  Start from { 0 }; the texts are
 * only read. */
struct mm_client {
	/* Basic, WebDAV, SFTP: the token must be this user's own, byte for
	 * byte, or it is MM_ERR_WRONG_USER.  NULL: anybody's (Bearer). */
	const char *user;
	/* The other end of the connection, as inet_ntop(3) writes it, in
	 * IPv4 or IPv6; a scope id is left out.  Behind a proxy: what that
	 * proxy says, and not what its client says.  NULL: not known.  A
	 * token that is limited to addresses (cidr) is MM_ERR_WRONG_ADDRESS
	 * from any other, from what is no address, and where none is known. */
	const char *address;
};

/* The same for who knows that: what should ask when there is a network. */
MM_API MM_CHECK enum mm_err mm_verify_client(struct mm_verifier *v,
					     const struct mm_client *client,
					     const char *token, size_t len,
					     struct mm_token *out);

/* May it do `perm` (MM_READ, MM_WRITE or both) on the resource of this
 * type?  ids[0] is the resource, ids[1..n) its ancestors, nearest first: a
 * folder's scope covers what is inside it.  MM_OK or
 * MM_ERR_INSUFFICIENT_SCOPE. */
MM_API MM_CHECK enum mm_err mm_allow(const struct mm_token *t, const char *type,
				     const char *const *ids, size_t n,
				     unsigned perm);

/* Does it hold the named scope?  True too when the token has no scope
 * claim: then it may do all that its user may. */
MM_API bool mm_has_scope(const struct mm_token *t, const char *name);

/* What a verifier goes by: for health checks, and for people. */
struct mm_state {
	char issuer[256];
	uint64_t sequence;     /* of the newest event that it knows */
	int64_t heard_at;      /* when the issuer signed its newest news; 0: who
				* keeps it could not write the next one, or has
				* heard nothing for max_staleness */
	int64_t max_staleness; /* seconds; older than that is refused */
	bool superseded;       /* it was to be replaced, and was not yet */
};

/* Fill *out.  MM_ERR_STALE: and each token is refused for want of news. */
MM_API MM_CHECK enum mm_err mm_state(struct mm_verifier *v,
				     struct mm_state *out);

/* The reason's word: "revoked", "expired" ...; "ok" for MM_OK. */
MM_API const char *mm_reason(enum mm_err e);

/* NULL is allowed.  No thread may be inside mm_verify() of this v. */
MM_API void mm_close(struct mm_verifier *v);

#ifdef __cplusplus
}
#endif

#endif
