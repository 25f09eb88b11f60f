/* error.h - every way a Mintmark function can fail, named once.
 *
 * The first rows are the reasons of the installed header
 * <mintmark/verify.h>, in its order (tests/lint/errors.sh holds the two
 * lists together); the rest never leave our own programs.  A row carries
 * the HTTP status and the word that people and programs see.
 */
#ifndef MM_COMMON_ERROR_H
#define MM_COMMON_ERROR_H

#define MINTMARK_INTERNAL 1 /* <mintmark/verify.h> leaves enum mm_err to us */

/* clang-format off */
/*        name                       HTTP  word                     */
#define MM_ERRORS(X)                                                 \
	X(MM_OK,                     200, "ok")                      \
	X(MM_ERR_MALFORMED,          401, "malformed")               \
	X(MM_ERR_BAD_SIGNATURE,      401, "bad_signature")           \
	X(MM_ERR_UNKNOWN_KEY,        401, "unknown_key")             \
	X(MM_ERR_WRONG_ISSUER,       401, "wrong_issuer")            \
	X(MM_ERR_WRONG_AUDIENCE,     401, "wrong_audience")          \
	X(MM_ERR_WRONG_USER,         401, "wrong_user")              \
	X(MM_ERR_WRONG_ADDRESS,      401, "wrong_address")           \
	X(MM_ERR_NOT_YET_VALID,      401, "not_yet_valid")           \
	X(MM_ERR_EXPIRED,            401, "expired")                 \
	X(MM_ERR_IDLE,               401, "idle")                    \
	X(MM_ERR_REVOKED,            401, "revoked")                 \
	X(MM_ERR_SUSPENDED,          401, "suspended")               \
	X(MM_ERR_INSUFFICIENT_SCOPE, 403, "insufficient_scope")      \
	X(MM_ERR_STALE,              503, "stale")                   \
	X(MM_ERR_UNAVAILABLE,        503, "unavailable")             \
	/* from here on: inside our own programs only */             \
	X(MM_ERR_NOMEM,              503, "out_of_memory")           \
	X(MM_ERR_IO,                 503, "io_error")                \
	X(MM_ERR_FULL,               507, "storage_full")            \
	X(MM_ERR_INVALID,            400, "invalid_request")         \
	X(MM_ERR_TOO_LARGE,          413, "too_large")               \
	X(MM_ERR_UNAUTHENTICATED,    401, "unauthenticated")         \
	X(MM_ERR_FORBIDDEN,          403, "forbidden")               \
	X(MM_ERR_NOT_FOUND,          404, "not_found")               \
	X(MM_ERR_CONFLICT,           409, "conflict")                \
	X(MM_ERR_REUSED,             422, "key_reused")              \
	X(MM_ERR_GONE,               410, "gone")                    \
	X(MM_ERR_BUSY,               503, "busy")                    \
	X(MM_ERR_UNSURE,             503, "unsure")                  \
	X(MM_ERR_VERSION,            503, "wrong_version")           \
	X(MM_ERR_ROLLBACK,           502, "rollback")                \
	X(MM_ERR_GAP,                502, "gap")                     \
	X(MM_ERR_EPOCH,              502, "wrong_epoch")             \
	X(MM_ERR_CRYPTO,             500, "crypto_failure")          \
	X(MM_ERR_NOT_IMPLEMENTED,    501, "not_implemented")         \
	X(MM_ERR_SETUP,              500, "misconfigured")
/* clang-format on */

enum mm_err {
#define X(name, http, word) name,
	MM_ERRORS(X)
#undef X
		MM_ERR_COUNT
};

#define MM_MUST_USE	     __attribute__((warn_unused_result))
#define MM_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* The only macro that hides a return. */
#define TRY(expr)                                                              \
	do {                                                                   \
		enum mm_err try_err_ = (expr);                                 \
		if (try_err_ != MM_OK)                                         \
			return try_err_;                                       \
	} while (0)

/* A broken promise between our own functions: stop, in every build. */
_Noreturn void mm_bug(const char *what, const char *file, int line);
#define MM_ASSERT(c) ((c) ? (void)0 : mm_bug(#c, __FILE__, __LINE__))

/* The word for people and programs ("revoked"); never NULL. */
const char *mm_err_word(enum mm_err e);
/* The HTTP status that goes with it. */
unsigned mm_err_http(enum mm_err e);

/* The sentence beside an error: which field, what is wrong, what to do.
 * For people.  Never holds a token, a key or a password. */
struct why {
	char field[48];
	char text[512];
};

/* Fill *why (NULL is allowed; field NULL means "no single field") and hand
 * `e` back, so that a refusal is one line: return why_say(why, e, ...). */
enum mm_err why_say(struct why *why, enum mm_err e, const char *field,
		    const char *fmt, ...) MM_PRINTF(4, 5);

#endif
