/* fuzz_pam.c - a whole conversation with pam_mintmark.so, auth and then
 * account, by a libpam of our own.  The lines of the input:
 *
 *	login; password; remote host; service; login at account, behind a !
 *	if the token is revoked in between; then the words of pam.d's line
 *
 * %T stands for alice's token, %S for the state file, %M for a map by which
 * `door` and `root` open for alice, and `listed` for carol.
 *
 * Nobody gets in but with that token to the byte, at a login that is hers,
 * with scopes that she has, by a state that was named; and a plain login of
 * hers does.  Account lets in whom auth did, under the same name, while the
 * token lives.  The log has neither passwords nor characters that do not
 * print.
 */
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/clock.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/tokens.h"

enum { WORDS_MAX = 16, LOG_MAX = 16384 };

/* One attempt; NULL: it was not said. */
struct pam_handle {
	const char *login, *password, *rhost, *service;
	void *kept;
	void (*forget)(pam_handle_t *, void *, int);
	char log[LOG_MAX];
	size_t logged;
};

/* ---- libpam ---- */

int pam_get_user(pam_handle_t *h, const char **user, const char *prompt)
{
	(void)prompt;
	*user = h->login;
	return PAM_SUCCESS;
}

int pam_get_authtok(pam_handle_t *h, int item, const char **authtok,
		    const char *prompt)
{
	(void)prompt;
	MM_ASSERT(item == PAM_AUTHTOK);
	*authtok = h->password;
	return h->password ? PAM_SUCCESS : PAM_AUTH_ERR;
}

int pam_get_item(const pam_handle_t *h, int item, const void **out)
{
	*out = item == PAM_RHOST     ? h->rhost
	       : item == PAM_SERVICE ? h->service
	       : item == PAM_USER    ? h->login
				     : NULL;
	return PAM_SUCCESS;
}

static void forget(pam_handle_t *h)
{
	if (h->forget != NULL)
		h->forget(h, h->kept, 0);
	h->kept = NULL;
	h->forget = NULL;
}

int pam_set_data(pam_handle_t *h, const char *name, void *data,
		 void (*cleanup)(pam_handle_t *, void *, int))
{
	(void)name;
	forget(h);
	h->kept = data;
	h->forget = cleanup;
	return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *h, const char *name, const void **data)
{
	(void)name;
	*data = h->kept;
	return h->kept ? PAM_SUCCESS : PAM_NO_MODULE_DATA;
}

void pam_syslog(const pam_handle_t *handle, int priority, const char *fmt, ...)
{
	pam_handle_t *h = (pam_handle_t *)(uintptr_t)handle;
	va_list args;
	(void)priority;
	va_start(args, fmt);
	int n = vsnprintf(h->log + h->logged, LOG_MAX - h->logged, fmt, args);
	va_end(args);
	MM_ASSERT(n > 0 && (size_t)n < LOG_MAX - h->logged);
	h->logged += (size_t)n;
}

/* ---- the host ---- */

static struct buf token;
static struct state_writer live;
static char state[256], map[256];

static void end(void)
{
	state_writer_close(&live);
	unlink(state);
	unlink(map);
	fuzz_folder_end();
}

static void begin(void)
{
	struct replica r;
	if (token.len != 0)
		return;
	live = STATE_WRITER_NONE;
	snprintf(state, sizeof state, "%s/state", fuzz_folder());
	snprintf(map, sizeof map, "%s/map", fuzz_folder());
	model_base(&r);
	struct jwk *key = tokens_key(&r);
	tokens_sign(key, 0, clock_now(), "photos:read node:dir:r", &token);
	MM_ASSERT(state_create(&live, state, &r, NULL, 365 * 86400, NULL) ==
		  MM_OK);
	state_put_head(&live, r.seq, clock_now());
	MM_ASSERT(state_install(&live, NULL) == MM_OK);
	MM_ASSERT(file_replace(map,
			       span_str("door alice\nroot alice\nlisted carol"),
			       0600, NULL) == MM_OK);
	replica_free(&r);
	jwk_drop(key);
	MM_ASSERT(atexit(end) == 0);
}

/* ---- the attempt ---- */

/* `from` with one mark replaced: a C string, the caller's to free. */
static char *fill(const char *from, const char *mark, const char *by)
{
	AUTO_BUF struct buf b = buf_new(1 << 20);
	for (; *from != '\0'; from++)
		if (strncmp(from, mark, 2) != 0)
			buf_add(&b, span_of(from, 1));
		else {
			buf_str(&b, by);
			from++;
		}
	buf_add(&b, span_of("", 1));
	MM_ASSERT(b.failed == MM_OK);
	return strndup((const char *)b.at, b.len);
}

struct attempt {
	char *text; /* all of it, cut in place */
	const char *login, *password, *rhost, *service, *again;
	bool revoke;
	const char *word[WORDS_MAX];
	int words;
};

static void read_attempt(struct span input, struct attempt *a)
{
	*a = (struct attempt){ .text = NULL };
	char *plain = strndup((const char *)input.at, input.len);
	MM_ASSERT(plain != NULL);
	char *with_token = fill(plain, "%T", (const char *)token.at);
	char *with_state = fill(with_token, "%S", state);
	a->text = fill(with_state, "%M", map);
	free(plain);
	free(with_token);
	free(with_state);
	char *rest = a->text;
	a->login = strsep(&rest, "\n");
	a->password = strsep(&rest, "\n");
	a->rhost = strsep(&rest, "\n");
	a->service = strsep(&rest, "\n");
	a->again = strsep(&rest, "\n");
	a->revoke = a->again != NULL && a->again[0] == '!';
	if (a->revoke)
		a->again++;
	while (rest != NULL && a->words < WORDS_MAX)
		a->word[a->words++] = strsep(&rest, "\n");
}

/* The value of the last such word; NULL: there is none. */
static const char *option(const struct attempt *a, const char *name)
{
	for (int i = a->words; i-- > 0;)
		if (strncmp(a->word[i], name, strlen(name)) == 0)
			return a->word[i] + strlen(name);
	return NULL;
}

static bool is(const char *a, const char *b)
{
	return a != NULL && strcmp(a, b) == 0;
}

/* The same file, however it is spelled. */
static bool is_file(const char *a, const char *b)
{
	struct stat x, y;
	return a != NULL && stat(a, &x) == 0 && stat(b, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* ---- what must hold ---- */

/* Has she a scope for each that the line asks for? */
static bool has_scopes(const struct attempt *a)
{
	for (int i = 0; i < a->words; i++)
		if (strncmp(a->word[i], "scope=", 6) == 0 &&
		    !is(a->word[i] + 6, "photos:read") &&
		    !is(a->word[i] + 6, "node:dir:r"))
			return false;
	return true;
}

static void check_in(const struct attempt *a)
{
	bool mapped = option(a, "user_map=") != NULL;
	MM_ASSERT(is(a->password, (const char *)token.at));
	MM_ASSERT(is_file(option(a, "state="), state) && has_scopes(a));
	MM_ASSERT(is(a->login, "alice") ||
		  (mapped && (is(a->login, "door") || is(a->login, "root"))));
	MM_ASSERT(!mapped || is_file(option(a, "user_map="), map));
}

static bool must_be_in(const struct attempt *a)
{
	return is(a->login, "alice") &&
	       is(a->password, (const char *)token.at) && a->words == 1 &&
	       is(option(a, "state="), state);
}

static bool said(const char *in, const char *what)
{
	return in != NULL && strstr(in, what) != NULL;
}

/* Did somebody say it where no password belongs? */
static bool said_elsewhere(const struct attempt *a, const char *what)
{
	bool any = said(a->rhost, what) || said(state, what) || said(map, what);
	for (int i = 0; i < a->words; i++)
		any |= said(a->word[i], what);
	return any;
}

static bool prints(const char *text)
{
	for (; *text != '\0'; text++)
		if ((uint8_t)*text < 0x20 || *text == 0x7F)
			return false;
	return true;
}

/* Those of pam.d are not a stranger's. */
static bool words_print(const struct attempt *a)
{
	bool all = true;
	for (int i = 0; i < a->words; i++)
		all &= prints(a->word[i]);
	return all;
}

static void check_log(const struct attempt *a, const pam_handle_t *h)
{
	const char *all = (const char *)token.at;
	MM_ASSERT(prints(h->log) || !words_print(a));
	MM_ASSERT(!said(h->log, strrchr(all, '.')));
	/* people do paste it there */
	if (is(a->login, all))
		MM_ASSERT(!said(h->log, "eyJ") || said_elsewhere(a, "eyJ"));
	/* shorter ones may be words of our own */
	if (a->password != NULL && strlen(a->password) >= 40)
		MM_ASSERT(!said(h->log, a->password) ||
			  said(a->login, a->password) ||
			  said_elsewhere(a, a->password));
}

static int account(struct attempt *a, pam_handle_t *h, int auth)
{
	h->login = a->again;
	if (a->revoke)
		MM_ASSERT(state_put_status(&live, 1, 0, STATUS_REVOKED) ==
			  MM_OK);
	int r = pam_sm_acct_mgmt(h, 0, a->words, a->word);
	if (a->revoke)
		MM_ASSERT(state_put_status(&live, 1, 0, STATUS_VALID) == MM_OK);
	if (r == PAM_SUCCESS)
		MM_ASSERT(auth == PAM_SUCCESS && !a->revoke &&
			  is(a->again, a->login));
	if (auth == PAM_SUCCESS && is(a->again, a->login))
		MM_ASSERT(r == (a->revoke ? PAM_PERM_DENIED : PAM_SUCCESS));
	MM_ASSERT(r != PAM_IGNORE || auth != PAM_SUCCESS);
	return r;
}

bool fuzz_one(struct span input)
{
	static pam_handle_t h;
	struct attempt a;
	begin();
	read_attempt(input, &a);
	h = (pam_handle_t){ .login = a.login,
			    .password = a.password,
			    .rhost = a.rhost,
			    .service = a.service };
	int auth = pam_sm_authenticate(&h, 0, a.words, a.word);
	MM_ASSERT(auth != PAM_IGNORE);
	if (auth == PAM_SUCCESS)
		check_in(&a);
	else
		MM_ASSERT(!must_be_in(&a));
	int in = account(&a, &h, auth);
	forget(&h);
	check_log(&a, &h);
	free(a.text);
	return auth == PAM_SUCCESS && in == PAM_SUCCESS;
}
