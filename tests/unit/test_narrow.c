/* test_narrow.c - an access token has the same or less than the token that it
 * is made from, and never more: scopes, audiences, time. */
#include "issuer/narrow.h"
#include "tests/unit/unit.h"

#define NOW  INT64_C(1790000000)
#define LIFE 600

/* A token that says `more` besides. */
static void parent_of(const char *more, struct claims *out)
{
	AUTO_BUF struct buf b = buf_new(JSON_TEXT_MAX);
	buf_fmt(&b,
		"{\"iss\":\"https://x.org\",\"sub\":\"alice\",\"iat\":1,"
		"\"exp\":1990000000,\"jti\":\"3.1\",\"status\":{\"status_"
		"list\":"
		"{\"idx\":1,\"uri\":\"https://x.org/s/3\"}}%s}",
		more);
	expect(more, claims_read(done(&b), TOKEN_PAT, out), MM_OK);
}

static enum mm_err ask(const char *parent, struct narrow_ask a,
		       struct narrow_grant *out, struct why *why)
{
	struct claims c;
	parent_of(parent, &c);
	a.now = NOW;
	a.life = LIFE;
	return narrow(&c, NOW + 1000, &a, out, why);
}

static void test_scopes(void **state)
{
	/* parent's scope, what is asked for, whether it is given, and as what
	 */
	static const struct {
		const char *parent, *asked, *given;
	} rows[] = {
		{ NULL, NULL, "" }, /* no claim */
		{ NULL, "photos:read", "photos:read" },
		{ NULL, "node:1:rw x", "node:1:rw x" },
		{ NULL, "mintmark:self", "mintmark:self" },
		{ NULL, "mintmark:admin", NULL },
		{ NULL, "x mintmark:agent", NULL },
		{ NULL, "node::r", NULL },
		{ NULL, "a  b", NULL },
		{ NULL, " a", NULL },
		{ NULL, "a ", NULL },
		{ NULL, "node:1:rwx", NULL },
		{ NULL, "a\"b", NULL },
		{ "a b", NULL, "a b" },
		{ "a b", "a", "a" },
		{ "a b", "b a", "b a" },
		{ "a b", "a a", "a a" },
		{ "a b", "c", NULL },
		{ "a b", "a c", NULL },
		{ "a b", "A", NULL },
		{ "a:b", "a", NULL },
		{ "a", "a:b", NULL },
		{ "node:1:rw", "node:1:r", "node:1:r" },
		{ "node:1:rw", "node:1:w", "node:1:w" },
		{ "node:1:rw", "node:1:rw", "node:1:rw" },
		{ "node:1:r", "node:1:rw", NULL },
		{ "node:1:r", "node:1:w", NULL },
		{ "node:1:r node:1:w", "node:1:rw", "node:1:rw" },
		{ "node:1:rw", "node:2:r", NULL },
		{ "node:1:rw", "disk:1:r", NULL },
		{ "node:1:rw", "node:1", NULL },
		{ "node:1:rw x", "node:1:r y", NULL },
		{ "mintmark:admin", "mintmark:admin", "mintmark:admin" },
		{ "mintmark:admin", "mintmark:agent", NULL },
		{ "mintmark:admin", "x", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char parent[200] = ",\"aud\":\"f\"";
		struct narrow_grant g;
		struct why why = { .text = "" };
		if (rows[i].parent != NULL)
			snprintf(parent, sizeof parent,
				 ",\"aud\":\"f\",\"scope\":\"%s\"",
				 rows[i].parent);
		enum mm_err e = ask(
			parent, (struct narrow_ask){ .scope = rows[i].asked },
			&g, &why);
		expect(rows[i].asked ? rows[i].asked : rows[i].parent, e,
		       rows[i].given ? MM_OK : MM_ERR_INSUFFICIENT_SCOPE);
		if (rows[i].given == NULL) {
			assert_true(strlen(why.text) > 10);
			continue;
		}
		assert_string_equal(g.scope, rows[i].given);
		assert_int_equal(g.has_scope, rows[i].given[0] != '\0');
	}
}

static void test_long_scope(void **state)
{
	static char scope[SCOPE_SIZE + 1];
	struct narrow_grant g;
	(void)state;
	memset(scope, 'x', SCOPE_SIZE - 1);
	expect("longest",
	       ask(",\"aud\":\"f\"", (struct narrow_ask){ .scope = scope }, &g,
		   NULL),
	       MM_OK);
	scope[SCOPE_SIZE - 1] = 'x';
	expect("longer",
	       ask(",\"aud\":\"f\"", (struct narrow_ask){ .scope = scope }, &g,
		   NULL),
	       MM_ERR_INSUFFICIENT_SCOPE);
}

static void test_audiences(void **state)
{
	static const struct {
		const char *parent;
		struct narrow_ask ask;
		const char *given[4]; /* none: refused */
	} rows[] = {
#define A(...)                                                                 \
	.audience = { { __VA_ARGS__ },                                         \
		      sizeof((const char *[]){ __VA_ARGS__ }) /                \
			      sizeof(char *) }
#define R(...)                                                                 \
	.resource = { { __VA_ARGS__ },                                         \
		      sizeof((const char *[]){ __VA_ARGS__ }) /                \
			      sizeof(char *) }
		{ "", { 0 }, { NULL } }, /* RFC 9068: one must be said */
		{ "", { A("f") }, { "f" } },
		{ "", { A("f", "g") }, { "f", "g" } },
		{ "", { A("f", "f") }, { "f" } },
		{ "", { A("f g") }, { NULL } },
		{ "", { R("https://f.org/a?b") }, { "https://f.org/a?b" } },
		{ "", { R("https://f.org/#a") }, { NULL } },
		{ "", { R("f") }, { NULL } },
		{ "", { R("/f") }, { NULL } },
		{ "", { R(":f") }, { NULL } },
		{ "", { R("1:f") }, { NULL } },
		{ "", { R("https:") }, { NULL } },
		{ "", { R("urn:f") }, { "urn:f" } },
		{ "", { A("f"), R("urn:g") }, { "f", "urn:g" } },
		{ ",\"aud\":\"f\"", { 0 }, { "f" } },
		{ ",\"aud\":[\"f\",\"g\"]", { 0 }, { "f", "g" } },
		{ ",\"aud\":[\"f\",\"g\"]", { A("g") }, { "g" } },
		{ ",\"aud\":[\"f\",\"g\"]", { A("g", "f") }, { "g", "f" } },
		{ ",\"aud\":[\"f\",\"g\"]", { A("h") }, { NULL } },
		{ ",\"aud\":[\"f\",\"g\"]", { A("f", "h") }, { NULL } },
		{ ",\"aud\":\"f\"", { R("urn:f") }, { NULL } },
		{ ",\"aud\":\"f\"", { A("f"), R("urn:f") }, { NULL } },
		{ ",\"aud\":\"urn:f\"", { R("urn:f") }, { "urn:f" } },
		{ ",\"aud\":\"f\"", { A("F") }, { NULL } },
		{ ",\"aud\":\"files\"", { A("file") }, { NULL } },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct narrow_grant g;
		struct why why = { .text = "" };
		size_t n = 0;
		while (n < 4 && rows[i].given[n] != NULL)
			n++;
		enum mm_err e = ask(rows[i].parent, rows[i].ask, &g, &why);
		if (e != (n ? MM_OK : MM_ERR_WRONG_AUDIENCE))
			fail_msg("row %zu: %s", i, mm_err_word(e));
		if (n == 0)
			continue;
		const char *at = g.aud;
		assert_int_equal(g.aud_count, n);
		for (size_t k = 0; k < n; k++, at += strlen(at) + 1)
			assert_string_equal(at, rows[i].given[k]);
		assert_int_equal(g.aud_used, at - g.aud);
	}
}

/* AUD_SIZE bytes, each with its NUL. */
static void test_long_audiences(void **state)
{
	static char a[AUD_SIZE], b[8] = "bbb";
	struct narrow_grant g;
	(void)state;
	memset(a, 'a', AUD_SIZE - 5);
	expect("fits", ask("", (struct narrow_ask){ A(a, b) }, &g, NULL),
	       MM_OK);
	a[AUD_SIZE - 5] = 'a';
	expect("does not", ask("", (struct narrow_ask){ A(a, b) }, &g, NULL),
	       MM_ERR_WRONG_AUDIENCE);
}

static void test_time(void **state)
{
	static const struct {
		int64_t dies_at, life, exp;
	} rows[] = {
		{ NOW + 1000, 600, NOW + 600 }, { NOW + 601, 600, NOW + 600 },
		{ NOW + 600, 600, NOW + 600 },	{ NOW + 599, 600, NOW + 599 },
		{ NOW + 1, 600, NOW + 1 },
	};
	struct claims c;
	struct narrow_grant g;
	(void)state;
	parent_of(",\"aud\":\"f\"", &c);
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct narrow_ask a = { .now = NOW, .life = rows[i].life };
		expect("time", narrow(&c, rows[i].dies_at, &a, &g, NULL),
		       MM_OK);
		assert_true(g.exp == rows[i].exp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_scopes),
		cmocka_unit_test(test_long_scope),
		cmocka_unit_test(test_audiences),
		cmocka_unit_test(test_long_audiences),
		cmocka_unit_test(test_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
