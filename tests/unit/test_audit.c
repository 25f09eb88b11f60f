/* test_audit.c - lines of the audit, and what breaks their chain. */
#include "common/audit.h"

#include "tests/unit/unit.h"

static void write(const struct audit_entry *e, char line[1024])
{
	AUTO_BUF struct buf b = buf_new(1023);
	struct span text;
	assert_int_equal(audit_write(e, &b), MM_OK);
	assert_int_equal(buf_done(&b, &text), MM_OK);
	assert_true(span_copy(line, 1024, text));
}

/* Every member, in its place; quotes and what is no UTF-8 made harmless. */
static void test_whole_line(void **state)
{
	char line[1024];
	(void)state;
	write(&(struct audit_entry){ .seq = 2,
				     .at = 1790000000,
				     .event = "token.mint",
				     .by = "a \"b\"",
				     .id = "3.7",
				     .user = "ann\n",
				     .key = "q1W2e3R4t5Y",
				     .label = "\xFF",
				     .scope = "x:y",
				     .audience = "files",
				     .cidr = "10.0.0.0/8",
				     .expires_at = 1790000001,
				     .auto_refresh = 60,
				     .detail = "d",
				     .address = "::1",
				     .request = "r",
				     .before = "h" },
	      line);
	assert_string_equal(
		line,
		"{\"seq\":2,\"at\":\"2026-09-21T14:13:20Z\","
		"\"event\":\"token.mint\",\"by\":\"a "
		"\\\"b\\\"\",\"id\":\"3.7\","
		"\"user\":\"ann\\u000a\",\"key\":\"q1W2e3R4t5Y\","
		"\"label\":\"\xEF\xBF\xBD\",\"scope\":\"x:y\","
		"\"audience\":\"files\",\"cidr\":\"10.0.0.0/8\","
		"\"expires_at\":\"2026-09-21T14:13:21Z\",\"auto_refresh\":60,"
		"\"detail\":\"d\",\"address\":\"::1\",\"request\":\"r\","
		"\"before\":\"h\"}");
}

static void test_short_line(void **state)
{
	char line[1024];
	(void)state;
	write(
		&(struct audit_entry){
			.seq = 1, .at = 1, .event = "e", .detail = "" },
		line);
	assert_string_equal(line, "{\"seq\":1,\"at\":\"1970-01-01T00:00:01Z\","
				  "\"event\":\"e\"}");
}

/* ---- the chain ---- */

#define LINES 4

static void write_chain(char lines[LINES][1024])
{
	char digest[AUDIT_DIGEST_SIZE] = "";
	for (unsigned i = 0; i < LINES; i++) {
		write(&(struct audit_entry){ .seq = i + 1,
					     .at = 1790000000 + i,
					     .event = "token.mint",
					     .before = digest },
		      lines[i]);
		assert_int_equal(audit_digest(span_str(lines[i]), digest),
				 MM_OK);
	}
}

static void test_follows(void **state)
{
	char lines[LINES][1024], digest[AUDIT_DIGEST_SIZE];
	struct audit_chain all = { 0 }, rest = { 0 };
	struct why why;
	(void)state;
	write_chain(lines);
	for (unsigned i = 0; i < LINES; i++) {
		assert_int_equal(
			audit_chain_take(&all, span_str(lines[i]), &why),
			MM_OK);
		assert_int_equal(all.seq, i + 1);
		assert_int_equal(audit_digest(span_str(lines[i]), digest),
				 MM_OK);
		assert_string_equal(all.digest, digest);
		if (i >= 2) /* a part of it is a chain, too */
			assert_int_equal(audit_chain_take(&rest,
							  span_str(lines[i]),
							  &why),
					 MM_OK);
	}
}

/* One line is changed, and which one is it that does not fit? */
static void test_broken(void **state)
{
	static const struct {
		unsigned line;
		const char *from, *to;
		unsigned stops_at;
		const char *why;
	} cases[] = {
		{ 1, "token.mint", "token.mind", 2, "is not what was written" },
		{ 0, "\"seq\":1,", "\"seq\":1, ", 1, "is not what was" },
		{ 1, "\"seq\":2,", "\"seq\":3,", 1, "is missing" },
		{ 1, "\"before\"", "\"befour\"", 1, "only line 1" },
		{ 2, "{", "[", 2, "no line of an audit" },
		{ 2, "\"seq\":3,", "\"seq\":3,\"seq\":3,", 2, "no line" },
		{ 0, "\"event\"", "\"before\":\"x\",\"event\"", 0,
		  "only line" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char lines[LINES][1024], changed[1100];
		struct audit_chain chain = { 0 };
		struct why why = { .text = "" };
		unsigned n = 0;
		write_chain(lines);
		char *hit = strstr(lines[cases[i].line], cases[i].from);
		assert_non_null(hit);
		*hit = '\0';
		snprintf(changed, sizeof changed, "%s%s%s",
			 lines[cases[i].line], cases[i].to,
			 hit + strlen(cases[i].from));
		while (n < LINES &&
		       audit_chain_take(&chain,
					span_str(n == cases[i].line ? changed
								    : lines[n]),
					&why) == MM_OK)
			n++;
		assert_int_equal(n, cases[i].stops_at);
		assert_non_null(strstr(why.text, cases[i].why));
		assert_int_equal(chain.seq, n); /* it stands where it stood */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_line),
		cmocka_unit_test(test_short_line),
		cmocka_unit_test(test_follows),
		cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
