/* test_cidr.c - addresses, networks, and who is inside of them. */
#include "common/cidr.h"
#include "tests/unit/unit.h"

#define V6_MOST "1111:2222:3333:4444:5555:6666:7777:8888"

/* ---- addresses ---- */

static void test_addresses(void **state)
{
	static const struct {
		const char *text, *is; /* NULL: no address */
	} rows[] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "2001:DB8:0:0::7", "2001:db8::7" },
		{ "::", "::" },
		{ V6_MOST, V6_MOST },
		/* IPv4 that came in over IPv6 */
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "::FFFF:c000:207", "192.0.2.7" },
		{ "0:0:0:0:0:ffff:255.255.255.255", "255.255.255.255" },
		{ "::fffe:192.0.2.7", "::fffe:c000:207" },
		/* a scope id is this host's own affair */
		{ "fe80::1%eth0", "fe80::1" },
		{ "fe80::1%2", "fe80::1" },
		{ "fe80::1%", NULL },
		{ "%eth0", NULL },
		{ "192.0.2.7%eth0", NULL },
		{ "eth0%fe80::1", NULL },
		/* names, and what is written beside addresses */
		{ "", NULL },
		{ " ", NULL },
		{ "localhost", NULL },
		{ "host.example.org", NULL },
		{ "unknown", NULL },
		{ " 192.0.2.7", NULL },
		{ "192.0.2.7 ", NULL },
		{ "192.0.2.7\n", NULL },
		{ "192.0.2.7:443", NULL },
		{ "[::1]", NULL },
		{ "[::1]:443", NULL },
		{ "192.0.2.7/32", NULL },
		{ "192.0.2", NULL },
		{ "192.0.2.7.1", NULL },
		{ "192.0.2.256", NULL },
		{ "192.0.02.7", NULL },
		{ "0xc0.0.2.7", NULL },
		{ "3221225991", NULL },
		{ "1:2:3:4:5:6:7", NULL },
		{ "1::2::3", NULL },
		{ "12345::", NULL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa", NULL },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct address a;
		char text[ADDRESS_SIZE];
		bool good = address_parse(span_str(rows[i].text), &a);
		if (good != (rows[i].is != NULL))
			fail_msg("%s: %d", rows[i].text, good);
		if (!good)
			continue;
		address_write(&a, text);
		assert_string_equal(text, rows[i].is);
	}
	struct address a;
	assert_false(address_parse(span_of("192.0.2.7\0", 10), &a));
	assert_false(address_parse(span_of("192.0.2.7\0x", 11), &a));
	assert_false(address_parse(span_of(NULL, 0), &a));
}

/* ---- networks ---- */

static void test_networks(void **state)
{
	static const struct {
		const char *text, *is;
	} rows[] = {
		{ "10.0.0.0/8", "10.0.0.0/8" },
		{ "192.0.2.128/25", "192.0.2.128/25" },
		{ "192.0.2.7", "192.0.2.7/32" },
		{ "192.0.2.7/32", "192.0.2.7/32" },
		{ "0.0.0.0/0", "0.0.0.0/0" },
		{ "128.0.0.0/1", "128.0.0.0/1" },
		{ "2001:DB8::/32", "2001:db8::/32" },
		{ "2001:db8::7", "2001:db8::7/128" },
		{ "::/0", "::/0" },
		{ "fe80::/10", "fe80::/10" },
		{ V6_MOST "/128", V6_MOST "/128" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct cidr c;
		char text[CIDR_WORD];
		expect(rows[i].text,
		       cidr_read(span_str(rows[i].text), &c, NULL), MM_OK);
		cidr_write(&c, text);
		assert_string_equal(text, rows[i].is);
	}
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		/* which was meant? */
		{ "10.1.2.3/8", "inside of the network 10.0.0.0/8" },
		{ "192.0.2.255/31", "inside of the network 192.0.2.254/31" },
		{ "0.0.0.1/0", "inside of the network 0.0.0.0/0" },
		{ "2001:db8::1/32", "inside of the network 2001:db8::/32" },
		{ V6_MOST "/124", "inside of the network" },
		/* IPv4 written as IPv6 */
		{ "::ffff:10.0.0.0/104", "10.0.0.0 is an IPv4 address" },
		{ "::ffff:10.0.0.1", "10.0.0.1 is an IPv4 address" },
		{ "::ffff:0:0/96", "0.0.0.0 is an IPv4 address" },
		{ "::ffff:a00:1/128", "10.0.0.1 is an IPv4 address" },
		/* none at all */
		{ "", "is no network" },
		{ "/", "is no network" },
		{ "/8", "is no network" },
		{ "10.0.0.0/", "is no network" },
		{ "10.0.0.0/33", "is no network" },
		{ "2001:db8::/129", "is no network" },
		{ "10.0.0.0/08", "is no network" },
		{ "10.0.0.0/+8", "is no network" },
		{ "10.0.0.0/-8", "is no network" },
		{ "10.0.0.0/8 ", "is no network" },
		{ "10.0.0.0 /8", "is no network" },
		{ "10.0.0.0/8/8", "is no network" },
		{ "10.0.0.0/255.0.0.0", "is no network" },
		{ "10.0.0.0/4294967304", "is no network" },
		{ "10.0.0.0/18446744073709551624", "is no network" },
		{ "10/8", "is no network" },
		{ "10.0/8", "is no network" },
		{ "10.*", "is no network" },
		{ "10.0.0.1-10.0.0.9", "is no network" },
		{ "10.0.0.0/8,192.0.2.0/24", "is no network" },
		{ "10.0.0.0/8 192.0.2.0/24", "is no network" },
		{ "fe80::1%eth0", "is no network" },
		{ "fe80::%eth0/64", "is no network" },
		{ "host.example.org", "is no network" },
		{ "10.0.0.0/8\n", "is no network" },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct cidr c;
		struct why why = { .text = "" };
		expect(rows[i].text,
		       cidr_read(span_str(rows[i].text), &c, &why),
		       MM_ERR_INVALID);
		if (strstr(why.text, rows[i].says) == NULL)
			fail_msg("%s: %s", rows[i].text, why.text);
	}
	struct cidr c;
	assert_int_equal(cidr_read(span_of(NULL, 0), &c, NULL), MM_ERR_INVALID);
	assert_int_equal(cidr_read(span_of("10.0.0.0\0/8", 11), &c, NULL),
			 MM_ERR_INVALID);
}

/* ---- a list ---- */

#define FOUR "10.0.0.0/8 2001:db8::/32 192.0.2.7/32 0.0.0.0/0"

static void test_lists(void **state)
{
	static const struct {
		const char *list;
		bool good;
	} rows[] = {
		{ "10.0.0.0/8", true },
		{ "10.0.0.0/8 10.0.0.0/8", true },
		{ FOUR, true },
		{ FOUR " " FOUR, true },
		{ FOUR " " FOUR " ::/0", false }, /* nine */
		{ "", false },
		{ " ", false },
		{ " 10.0.0.0/8", false },
		{ "10.0.0.0/8 ", false },
		{ "10.0.0.0/8  ::/0", false },
		{ "10.0.0.0/8,::/0", false },
		{ "10.0.0.0/8\t::/0", false },
		/* at the mint a short form; not in a claim */
		{ "10.0.0.1", false },
		{ "10.0.0.0/8 2001:db8::7", false },
		{ "10.0.0.1/8", false },
		{ "::ffff:10.0.0.0/104", false },
		{ FOUR " x", false },
		{ "x " FOUR, false },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (cidr_list_check(span_str(rows[i].list)) != rows[i].good)
			fail_msg("%s", rows[i].list);
	assert_false(cidr_list_check(span_of(NULL, 0)));
}

/* As a bit pattern could be wrong: at each length, one bit further. */
static void test_every_length(void **state)
{
	char text[CIDR_WORD];
	(void)state;
	for (unsigned len = 4; len <= 16; len += 12)
		for (unsigned bits = 0; bits <= 8 * len; bits++) {
			struct cidr c = { { len, { 0 } }, bits };
			struct address in = c.net, out = c.net;
			cidr_write(&c, text);
			memset(in.at, 0xff, len);
			for (unsigned i = 0; i < bits; i++)
				in.at[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
			assert_true(cidr_list_has(span_str(text), &in));
			if (bits == 0)
				continue;
			out.at[(bits - 1) / 8] = 0x80 >> (bits - 1) % 8;
			assert_false(cidr_list_has(span_str(text), &out));
		}
}

static void test_has(void **state)
{
	static const struct {
		const char *list, *address;
		bool has;
	} rows[] = {
		{ "10.0.0.0/8", "10.255.255.255", true },
		{ "10.0.0.0/8", "11.0.0.0", false },
		{ "10.0.0.0/8", "9.255.255.255", false },
		{ "192.0.2.128/25", "192.0.2.127", false },
		{ "192.0.2.128/25", "192.0.2.128", true },
		{ "192.0.2.7/32", "192.0.2.7", true },
		{ "192.0.2.7/32", "192.0.2.6", false },
		{ "2001:db8::/33", "2001:db8:7fff::1", true },
		{ "2001:db8::/33", "2001:db8:8000::1", false },
		{ "2001:db8::7/128", "2001:db8::7", true },
		{ "2001:db8::7/128", "2001:db8::8", false },
		{ "fe80::/10", "fe80::1%eth0", true },
		/* any of several */
		{ "10.0.0.0/8 192.0.2.0/24", "192.0.2.1", true },
		{ "10.0.0.0/8 2001:db8::/32 192.0.2.0/24", "2001:db8::", true },
		{ "10.0.0.0/8 192.0.2.0/24", "192.0.3.1", false },
		/* IPv4 that came in over IPv6 is IPv4 */
		{ "10.0.0.0/8", "::ffff:10.1.2.3", true },
		{ "10.0.0.0/8", "::ffff:11.1.2.3", false },
		/* neither is the other */
		{ "::/0", "10.0.0.1", false },
		{ "::/0", "::ffff:10.0.0.1", false },
		{ "::/0", "::1", true },
		{ "0.0.0.0/0", "::1", false },
		{ "0.0.0.0/0", "255.255.255.255", true },
		{ "a00::/8", "10.0.0.1", false },
		{ "10.0.0.0/8", "a00::1", false },
		/* no claim at all, and one that is none */
		{ "", "10.0.0.1", false },
		{ "x", "10.0.0.1", false },
	};
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct address a;
		assert_true(address_parse(span_str(rows[i].address), &a));
		if (cidr_list_has(span_str(rows[i].list), &a) != rows[i].has)
			fail_msg("%s in %s", rows[i].address, rows[i].list);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_networks),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_has),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
