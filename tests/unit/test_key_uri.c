/* test_key_uri.c - the line of a KID.uri file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "keys/key_uri.h"

static const struct {
	const char *text, *uri, *pin_file;
} good[] = {
	{ "pkcs11:token=mint;object=one;type=private",
	  "pkcs11:token=mint;object=one;type=private", "" },
	{ "pkcs11:object=one\n", "pkcs11:object=one", "" },
	{ "pkcs11:object=one?pin-source=file:/etc/pin", "pkcs11:object=one",
	  "/etc/pin" },
	{ "pkcs11:object=one?pin-source=file:///etc/pin", "pkcs11:object=one",
	  "/etc/pin" },
	{ "pkcs11:object=one?pin-source=/etc/pin&module-name=x",
	  "pkcs11:object=one?module-name=x", "/etc/pin" },
	{ "pkcs11:object=one?module-name=x&pin-source=/etc/pin",
	  "pkcs11:object=one?module-name=x", "/etc/pin" },
	{ "pkcs11:token=a%20b;id=%01%02", "pkcs11:token=a%20b;id=%01%02", "" },
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct key_uri u;
		assert_int_equal(key_uri_read(span_str(good[i].text), &u, NULL),
				 MM_OK);
		assert_string_equal(u.uri, good[i].uri);
		assert_string_equal(u.pin_file, good[i].pin_file);
		assert_memory_equal(u.line, good[i].text, strlen(u.line));
	}
}

static const struct {
	const char *text, *says;
} bad[] = {
	{ "", "PKCS#11 URI" },
	{ "\n", "PKCS#11 URI" },
	{ "pkcs11", "PKCS#11 URI" },
	{ "pkcs11:", "PKCS#11 URI" },
	{ "pkcs11:\n", "PKCS#11 URI" },
	{ "PKCS11:object=one", "PKCS#11 URI" },
	{ " pkcs11:object=one", "PKCS#11 URI" },
	{ "file:/etc/passwd", "PKCS#11 URI" },
	{ "pkcs11:object=one\nmore\n", "PKCS#11 URI" },
	{ "pkcs11:object=one\n\n", "PKCS#11 URI" },
	{ "pkcs11:object=o ne", "PKCS#11 URI" },
	{ "pkcs11:object=\xc3\xa9", "PKCS#11 URI" },
	{ "pkcs11:object=one?pin-value=1234", "pin-value" },
	{ "pkcs11:object=one;pin-value=1234", "pin-value" },
	{ "pkcs11:pin-value=1234", "pin-value" },
	{ "pkcs11:object=one?a=b&pin-value=1234", "pin-value" },
	{ "pkcs11:object=one?pin-source=", "pin-source" },
	{ "pkcs11:object=one?pin-source=file:", "pin-source" },
	{ "pkcs11:object=one?pin-source=pin", "pin-source" },
	{ "pkcs11:object=one?pin-source=|/bin/pin", "pin-source" },
	{ "pkcs11:object=one?pin-source=/a%20b", "pin-source" },
	{ "pkcs11:object=one?pin-source=/a&pin-source=/b", "pin-source" },
	{ "pkcs11:pin-source=/a", "names no key" },
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct key_uri u;
		struct why why = { .text = "" };
		assert_int_equal(key_uri_read(span_str(bad[i].text), &u, &why),
				 MM_ERR_INVALID);
		assert_non_null(strstr(why.text, bad[i].says));
		assert_null(strstr(why.text, "1234"));
	}
}

static void test_length(void **state)
{
	char text[KEY_URI_SIZE + 1] = "pkcs11:object=";
	struct key_uri u;
	(void)state;
	memset(text + 14, 'x', sizeof text - 15);
	text[KEY_URI_SIZE] = '\0';
	assert_int_equal(key_uri_read(span_str(text), &u, NULL),
			 MM_ERR_INVALID);
	text[KEY_URI_SIZE - 1] = '\0';
	assert_int_equal(key_uri_read(span_str(text), &u, NULL), MM_OK);
	text[KEY_URI_SIZE - 1] = '\n'; /* the end of a line is not counted */
	assert_int_equal(key_uri_read(span_str(text), &u, NULL), MM_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
