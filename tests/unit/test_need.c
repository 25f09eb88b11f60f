/* What a door needs: how it is said, and which tokens have it. */
#include "tests/unit/unit.h"
#include "verifier/agent/need.h"

#include <stdio.h>

static struct need_methods methods_of(const char *header)
{
	struct need_methods m = { 0 };
	if (header != NULL)
		need_add_method(&m, header);
	return m;
}

static enum mm_err read(const char *text, const char *header, struct need *n,
			char room[1024])
{
	struct form f;
	struct why why = { .text = "" };
	assert_true(FORM_ROOM(strlen(text)) <= 1024);
	assert_true(form_read(span_str(text), room, &f));
	enum mm_err e = need_read(&f, methods_of(header), n, &why);
	assert_int_equal(e == MM_OK, why.text[0] == '\0');
	return e;
}

/* ---- what is said ---- */

static void test_misconfigured(void **state)
{
	(void)state;
	static const struct {
		const char *text, *header;
		enum mm_err e;
	} rows[] = {
		{ "", NULL, MM_OK },
		{ "scope=photos:read", NULL, MM_OK },
		{ "scope=a+node:1:rw", NULL, MM_OK },
		{ "type=node&ids=1&perm=r", NULL, MM_OK },
		{ "type=node&ids=1", "GET", MM_OK },
		{ "type=node&ids=&method=GET", NULL, MM_OK },
		{ "type=node&ids=1&to=2&method=MOVE", NULL, MM_OK },
		{ "audience=files", NULL, MM_OK },
		{ "method=GET", NULL, MM_OK },
		{ "scop=photos:read", NULL, MM_ERR_SETUP },
		{ "Scope=photos:read", NULL, MM_ERR_SETUP },
		{ "access_token=a.b.c", NULL, MM_ERR_SETUP },
		{ "scope=", NULL, MM_ERR_SETUP },
		{ "scope=+a", NULL, MM_ERR_SETUP },
		{ "scope=node:1:rwx", NULL, MM_ERR_SETUP },
		{ "scope=a%22b", NULL, MM_ERR_SETUP },
		{ "type=node", "GET", MM_ERR_SETUP },
		{ "ids=1", "GET", MM_ERR_SETUP },
		{ "to=1", "GET", MM_ERR_SETUP },
		{ "perm=r", "GET", MM_ERR_SETUP },
		{ "type=&ids=1", "GET", MM_ERR_SETUP },
		{ "type=a:b&ids=1", "GET", MM_ERR_SETUP },
		{ "type=a+b&ids=1", "GET", MM_ERR_SETUP },
		{ "type=node&ids=1", NULL, MM_ERR_SETUP },
		{ "type=node&ids=1&perm=", NULL, MM_ERR_SETUP },
		{ "type=node&ids=1&perm=wr", NULL, MM_ERR_SETUP },
		{ "type=node&ids=1&perm=rwx", NULL, MM_ERR_SETUP },
		{ "audience=", NULL, MM_ERR_SETUP },
		{ "from=192.0.2.7", NULL, MM_OK },
		{ "from=fe80::1", NULL, MM_OK },
		{ "from=", NULL, MM_ERR_SETUP },
		{ "from=%25DOWNSTREAM_REMOTE_ADDRESS%25", NULL, MM_ERR_SETUP },
		{ "from=192.0.2.7:443", NULL, MM_ERR_SETUP },
	};
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct need n;
		char room[1024];
		expect(rows[i].text,
		       read(rows[i].text, rows[i].header, &n, room), rows[i].e);
	}
}

static void test_how_many_ids(void **state)
{
	(void)state;
	AUTO_BUF struct buf b = buf_new(1 << 16);
	struct need n;
	char room[1024];
	buf_str(&b, "type=node&perm=r&ids=0");
	for (int i = 1; i < NEED_IDS; i++)
		buf_fmt(&b, "+%d", i);
	expect("32", read((const char *)done(&b).at, NULL, &n, room), MM_OK);
	assert_int_equal(n.ids.count, NEED_IDS);
	assert_string_equal(n.ids.at[31], "31");
	buf_str(&b, "++"); /* spaces are not ids */
	expect("32", read((const char *)done(&b).at, NULL, &n, room), MM_OK);
	buf_str(&b, "33");
	expect("33", read((const char *)done(&b).at, NULL, &n, room),
	       MM_ERR_SETUP);

	struct why why;
	char text[2 * NEED_TEXT] = "type=node&perm=r&ids=", *to;
	to = text + strlen(text);
	memset(to, 'x', NEED_TEXT);
	to[NEED_TEXT] = '\0';
	char large[FORM_ROOM(sizeof text)];
	struct form f;
	assert_true(form_read(span_str(text), large, &f));
	expect("too long", need_read(&f, methods_of(NULL), &n, &why),
	       MM_ERR_SETUP);
	to[NEED_TEXT - 1] = '\0';
	assert_true(form_read(span_str(text), large, &f));
	expect("as long as can be", need_read(&f, methods_of(NULL), &n, &why),
	       MM_OK);
}

/* ---- who has it ---- */

#define NODE "type=node&ids=leaf+dir+root&"

static const struct row {
	const char *need, *header;
	const char *scope;   /* of the token; NULL: none */
	const char *missing; /* NULL: it may */
} rows[] = {
	{ "", NULL, "a", NULL },
	{ "scope=a", NULL, NULL, NULL },
	{ "scope=a", NULL, "a", NULL },
	{ "scope=a", NULL, "ab", "a" },
	{ "scope=a+b", NULL, "b a", NULL },
	{ "scope=a+b", NULL, "a c", "b" },
	{ "scope=b+a", NULL, "a c", "b" },
	{ "scope=node:1:r", NULL, "node:1:rw", NULL },
	{ "scope=node:1:rw", NULL, "node:1:r", "node:1:rw" },

	{ NODE "perm=r", NULL, "node:dir:r", NULL },
	{ NODE "perm=w", NULL, "node:dir:r", "node:leaf:w" },
	{ NODE "perm=rw", NULL, "node:dir:r node:root:w", NULL },
	{ NODE "perm=rw", NULL, "node:dir:r", "node:leaf:rw" },
	{ NODE "perm=r", NULL, "node:other:r", "node:leaf:r" },
	{ NODE "perm=r", NULL, "folder:dir:r", "node:leaf:r" },
	{ NODE "perm=r", NULL, "node:r", "node:leaf:r" },
	{ NODE "perm=r", NULL, NULL, NULL },
	{ NODE "perm=r&scope=x", NULL, "node:dir:r", "x" },

	/* methods */
	{ NODE "method=GET", NULL, "node:dir:r", NULL },
	{ NODE "method=HEAD", NULL, "node:dir:r", NULL },
	{ NODE "method=OPTIONS", NULL, "node:dir:r", NULL },
	{ NODE "method=PROPFIND", NULL, "node:dir:r", NULL },
	{ NODE "method=get", NULL, "node:dir:r", "node:leaf:w" },
	{ NODE "method=", NULL, "node:dir:r", "node:leaf:w" },
	{ NODE "method=PUT", NULL, "node:dir:r", "node:leaf:w" },
	{ NODE "method=LOCK", NULL, "node:dir:r", "node:leaf:w" },
	{ NODE "method=GETX", NULL, "node:dir:r", "node:leaf:w" },
	{ NODE "method=PUT", NULL, "node:dir:w", NULL },
	{ NODE, "DELETE", "node:dir:r", "node:leaf:w" },
	{ NODE, "GET", "node:dir:r", NULL },
	/* two who say it: neither makes it less */
	{ NODE "method=PUT", "GET", "node:dir:r", "node:leaf:rw" },
	{ NODE "method=GET", "PUT", "node:dir:r", "node:leaf:rw" },
	/* said outright: the method does not count */
	{ NODE "perm=r&method=POST", "POST", "node:dir:r", NULL },

	/* where nobody knows what it is, and where it goes */
	{ "type=node&ids=&perm=r", NULL, "node:dir:r", "" },
	{ "type=node&ids=&perm=r", NULL, NULL, NULL },
	{ "type=node&ids=%22&perm=r", NULL, "node:dir:r", "" },
	{ "type=node&ids=a:b&perm=r", NULL, "node:a:r", "" },
	{ NODE "method=MOVE&to=x+root", NULL, "node:root:rw", NULL },
	{ NODE "method=MOVE&to=x", NULL, "node:root:rw", "node:x:w" },
	{ NODE "method=COPY&to=x", NULL, "node:root:rw", "node:x:w" },
	{ NODE "method=COPY&to=x", NULL, "node:root:rw node:x:r", "node:x:w" },
	{ NODE "method=COPY&to=x", NULL, "node:x:rw", "node:leaf:w" },
	{ NODE "method=MOVE", NULL, "node:root:rw", "" },
	{ NODE "method=MOVE&to=", NULL, "node:root:rw", "" },
	{ NODE "method=MOVE&to=", NULL, NULL, NULL },
	{ NODE "method=GET&to=x", "MOVE", "node:root:rw", "node:x:w" },
	{ NODE "perm=r&method=MOVE&to=x", NULL, "node:root:rw", "node:x:w" },
	{ NODE "method=GET&to=x", NULL, "node:root:r", NULL },
};

static void test_tokens(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const struct row *r = &rows[i];
		struct mm_token t = { .has_scope = r->scope != NULL };
		struct need n;
		char room[1024], missing[NEED_MISSING];
		snprintf(t.scope, sizeof t.scope, "%s",
			 r->scope ? r->scope : "");
		expect(r->need, read(r->need, r->header, &n, room), MM_OK);
		expect(r->need, need_check(&n, &t, missing),
		       r->missing ? MM_ERR_INSUFFICIENT_SCOPE : MM_OK);
		assert_string_equal(missing, r->missing ? r->missing : "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misconfigured),
		cmocka_unit_test(test_how_many_ids),
		cmocka_unit_test(test_tokens),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
