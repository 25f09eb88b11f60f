/* test_negotiate.c - Accept-Encoding and If-None-Match, as clients and caches
 * write them, and as nobody should. */
#include "common/gzip.h"
#include "common/negotiate.h"
#include "tests/unit/unit.h"

#include <zlib.h>

static void test_accepts_gzip(void **state)
{
	static const struct {
		const char *header;
		bool gzip;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "gzip", true },
		{ "GZip", true },
		{ "x-gzip", true },
		{ "gzip, deflate, br", true },
		{ "br,gzip", true },
		{ "br ; q=1 , gzip ;\tq=0.5", true },
		{ "deflate", false },
		{ "gzipped", false },
		{ "gzi", false },
		{ "gzip;q=0", false },
		{ "gzip;q=0.0", false },
		{ "gzip;q=0.000", false },
		{ "gzip;q=0.001", true },
		{ "gzip;Q=1.000", true },
		{ "gzip;q=1.001", false },
		{ "gzip;q=2", false },
		{ "gzip;q=", false },
		{ "gzip;q=0.1234", false },
		{ "gzip;q=-1", false },
		{ "gzip;q=1x", false },
		{ "gzip;level=9", false },
		{ "gzip;q=1;q=0", false },
		{ "*", true },
		{ "*;q=0", false },
		{ "*;q=0, gzip", true },
		{ "*, gzip;q=0", false },
		{ "identity", false },
		{ "identity;q=0, gzip;q=0.1", true },
		{ "identity;q=1, gzip;q=0.5", false },
		{ "gzip;q=0.5, identity;q=0.5", true },
		{ "identity;q=0.5, *;q=0.1", false },
		{ ",,gzip,,", true },
		{ " gzip ", true },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (accepts_gzip(rows[i].header) != rows[i].gzip)
			fail_msg("%s", rows[i].header);
}

static void test_etag_listed(void **state)
{
	static const struct {
		const char *header;
		bool listed;
	} rows[] = {
		{ NULL, false },
		{ "", false },
		{ "\"abc\"", true },
		{ "W/\"abc\"", true },
		{ " \"abc\" ", true },
		{ "\"x\", \"abc\"", true },
		{ "\"x\",\"y\",W/\"abc\",\"z\"", true },
		{ "*", true },
		{ " * ", true },
		{ "\"x\", *", false },
		{ "abc", false },
		{ "\"ab\"", false },
		{ "\"abcd\"", false },
		{ "\"ABC\"", false },
		{ "w/\"abc\"", false },
		{ "W/", false },
		{ "\"a,b\", \"abc\"", true },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (etag_listed(rows[i].header, "\"abc\"") != rows[i].listed)
			fail_msg("%s", rows[i].header);
}

static void test_gzip(void **state)
{
	static uint8_t text[100000], back[sizeof text + 1];
	static const size_t sizes[] = { 0, 1, 1000, sizeof text };
	(void)state;
	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (uint8_t)(i * i >> 7);
	for (size_t i = 0; i < ROWS(sizes); i++) {
		AUTO_BUF struct buf b = buf_new(SIZE_MAX);
		expect("gzip", gzip_bytes(span_of(text, sizes[i]), &b), MM_OK);
		struct span s = done(&b);
		z_stream z = { .next_in = (uint8_t *)(uintptr_t)s.at,
			       .avail_in = (uInt)s.len,
			       .next_out = back,
			       .avail_out = sizeof back };
		assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
		assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
		assert_int_equal(z.total_out, sizes[i]);
		assert_memory_equal(back, text, sizes[i]);
		inflateEnd(&z);
	}
	AUTO_BUF struct buf small = buf_new(10);
	expect("no room", gzip_bytes(span_of(text, 1000), &small),
	       MM_ERR_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepts_gzip),
		cmocka_unit_test(test_etag_listed),
		cmocka_unit_test(test_gzip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
