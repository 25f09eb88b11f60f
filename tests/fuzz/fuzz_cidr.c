/* fuzz_cidr.c - a list of networks, a line feed, an address: what is
 * accepted is written as it can be read again, and who is inside is counted
 * bit by bit, from what inet_pton(3) says of the same text.
 */
#include "common/cidr.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "tests/fuzz/fuzz.h"

/* All as IPv6 (RFC 4291 s2.5.5.2), which tells IPv4 by its first 96 bits;
 * *bits is how many there are.  Text of which we know that it is good. */
static void oracle(struct span text, uint8_t out[16], unsigned *bits)
{
	char copy[64], mapped[72];
	struct span rest = text;
	(void)span_cut(&rest, '%', &text);
	MM_ASSERT(span_copy(copy, sizeof copy, text));
	bool v4 = strchr(copy, ':') == NULL;
	(void)snprintf(mapped, sizeof mapped, "::ffff:%s", copy);
	MM_ASSERT(inet_pton(AF_INET6, v4 ? mapped : copy, out) == 1);
	*bits = v4 ? 32 : 128;
}

static unsigned bit(const uint8_t at[16], unsigned i)
{
	return at[i / 8] >> (7 - i % 8) & 1;
}

static bool is_ipv4(const uint8_t at[16])
{
	static const uint8_t front[12] = { [10] = 0xff, [11] = 0xff };
	return memcmp(at, front, sizeof front) == 0;
}

/* Is `address` in the network?  And behind its length it is all zeros. */
static bool is_inside(struct span word, struct span address)
{
	uint8_t net[16], a[16];
	unsigned all, ignored;
	struct span head, rest = word;
	char number[8];
	MM_ASSERT(span_cut(&rest, '/', &head));
	MM_ASSERT(span_copy(number, sizeof number, rest));
	oracle(head, net, &all);
	oracle(address, a, &ignored);
	unsigned end = 128 - all + (unsigned)strtoul(number, NULL, 10);
	MM_ASSERT(end <= 128 && is_ipv4(net) == (all == 32));
	for (unsigned i = end; i < 128; i++)
		MM_ASSERT(bit(net, i) == 0);
	bool same = is_ipv4(net) == is_ipv4(a);
	for (unsigned i = 0; i < end; i++)
		same = same && bit(net, i) == bit(a, i);
	return same;
}

/* In its one form it means the same. */
static void check_again(struct span word, const struct address *a)
{
	struct cidr c, again;
	char text[CIDR_WORD];
	MM_ASSERT(cidr_read(word, &c, NULL) == MM_OK);
	cidr_write(&c, text);
	MM_ASSERT(cidr_read(span_str(text), &again, NULL) == MM_OK);
	MM_ASSERT(again.bits == c.bits && again.net.len == c.net.len &&
		  memcmp(again.net.at, c.net.at, c.net.len) == 0);
	MM_ASSERT(cidr_list_check(span_str(text)));
	MM_ASSERT(cidr_list_has(span_str(text), a) == cidr_list_has(word, a));
}

static void check(struct span list, struct span address,
		  const struct address *a)
{
	struct span rest = list, word;
	bool inside = false;
	size_t n = 0;
	for (bool more = true; more; n++) {
		more = span_cut(&rest, ' ', &word);
		word = more ? word : rest;
		check_again(word, a);
		inside |= is_inside(word, address);
	}
	MM_ASSERT(n <= CIDR_MAX);
	MM_ASSERT(cidr_list_has(list, a) == inside);
}

/* The sentence of a refusal has room for whatever was refused. */
static void check_refusal(struct span word)
{
	struct cidr c;
	struct why why = { .text = "" };
	enum mm_err e = cidr_read(word, &c, &why);
	MM_ASSERT((e == MM_OK) == (why.text[0] == '\0'));
	MM_ASSERT(strlen(why.text) < sizeof why.text - 1);
}

bool fuzz_one(struct span input)
{
	struct span list = { NULL, 0 }, address = input;
	struct address a;
	char text[ADDRESS_SIZE];
	(void)span_cut(&address, '\n', &list);
	check_refusal(list);
	bool good = address_parse(address, &a);
	if (good) {
		struct address again;
		address_write(&a, text);
		MM_ASSERT(address_parse(span_str(text), &again));
		MM_ASSERT(again.len == a.len &&
			  memcmp(again.at, a.at, a.len) == 0);
	}
	if (!cidr_list_check(list) || !good)
		return false;
	check(list, address, &a);
	return true;
}
