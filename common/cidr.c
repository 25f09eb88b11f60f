/* cidr.c - addresses and networks, by inet_pton(3) and a mask. */
#include "common/cidr.h"

#include <arpa/inet.h>

#include "common/text.h"

/* ---- addresses ---- */

static bool has(struct span text, char c)
{
	return text.len != 0 && memchr(text.at, c, text.len) != NULL;
}

static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

/* Leave out the scope id; only IPv6 has such. */
static bool cut_scope_id(struct span *text)
{
	struct span rest = *text, head;
	if (!span_cut(&rest, '%', &head))
		return true;
	*text = head;
	return rest.len != 0 && has(head, ':');
}

bool address_parse(struct span text, struct address *out)
{
	char copy[ADDRESS_SIZE];
	if (!cut_scope_id(&text) || !span_copy(copy, sizeof copy, text) ||
	    strlen(copy) != text.len)
		return false;
	out->len = 4;
	if (inet_pton(AF_INET, copy, out->at) == 1)
		return true;
	out->len = 16;
	if (inet_pton(AF_INET6, copy, out->at) != 1)
		return false;
	if (memcmp(out->at, mapped, sizeof mapped) == 0) {
		memmove(out->at, out->at + sizeof mapped, 4);
		out->len = 4;
	}
	return true;
}

void address_write(const struct address *a, char out[ADDRESS_SIZE])
{
	MM_ASSERT(inet_ntop(a->len == 4 ? AF_INET : AF_INET6, a->at, out,
			    ADDRESS_SIZE) != NULL);
}

/* ---- a network ---- */

/* The mask of the byte `i`. */
static uint8_t mask(unsigned bits, unsigned i)
{
	unsigned here = bits > 8 * i ? bits - 8 * i : 0;
	return (uint8_t)(here < 8 ? 0xff00u >> here : 0xffu);
}

static bool covers(const struct cidr *c, const struct address *a)
{
	if (a->len != c->net.len)
		return false;
	for (unsigned i = 0; i < a->len; i++)
		if (((a->at[i] ^ c->net.at[i]) & mask(c->bits, i)) != 0)
			return false;
	return true;
}

/* Clear what does not count.  Was anything there? */
static bool clear_host(struct cidr *c)
{
	struct address was = c->net;
	for (unsigned i = 0; i < c->net.len; i++)
		c->net.at[i] &= mask(c->bits, i);
	return memcmp(was.at, c->net.at, was.len) != 0;
}

static enum mm_err not_one(struct span text, struct why *why)
{
	char quoted[QUOTE_SIZE];
	text_quote(quoted, text);
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s is no network: it looks like 192.0.2.0/24 or "
		       "2001:db8::/32, or is one address",
		       quoted);
}

static enum mm_err not_ipv6(const struct address *a, struct why *why)
{
	char is[ADDRESS_SIZE];
	address_write(a, is);
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s is an IPv4 address: write it as such, its length "
		       "is 32 at most",
		       is);
}

/* The network, or the one host: which was meant? */
static enum mm_err too_many_bits(struct span text, const struct cidr *net,
				 struct why *why)
{
	char quoted[QUOTE_SIZE], meant[CIDR_WORD];
	text_quote(quoted, text);
	cidr_write(net, meant);
	return why_say(why, MM_ERR_INVALID, NULL,
		       "%s is an address inside of the network %s: write "
		       "that, or the address alone",
		       quoted, meant);
}

enum mm_err cidr_read(struct span text, struct cidr *out, struct why *why)
{
	struct span rest = text, head = text;
	bool has_bits = span_cut(&rest, '/', &head);
	if (has(text, '%') || !address_parse(head, &out->net))
		return not_one(text, why);
	if (out->net.len == 4 && has(head, ':'))
		return not_ipv6(&out->net, why);
	uint64_t most = 8 * out->net.len, bits = most;
	if (has_bits && !text_number(rest, most, &bits))
		return not_one(text, why);
	out->bits = (unsigned)bits;
	return clear_host(out) ? too_many_bits(text, out, why) : MM_OK;
}

void cidr_write(const struct cidr *c, char out[CIDR_WORD])
{
	address_write(&c->net, out);
	size_t n = strlen(out);
	(void)snprintf(out + n, CIDR_WORD - n, "/%u", c->bits);
}

/* ---- a list ---- */

static bool read_word(struct span word, struct cidr *out)
{
	return has(word, '/') && cidr_read(word, out, NULL) == MM_OK;
}

bool cidr_list_check(struct span list)
{
	struct span word;
	struct cidr c;
	for (size_t n = 1; n <= CIDR_MAX; n++) {
		bool more = span_cut(&list, ' ', &word);
		if (!read_word(more ? word : list, &c))
			return false;
		if (!more)
			return true;
	}
	return false;
}

bool cidr_list_has(struct span list, const struct address *a)
{
	struct span word;
	struct cidr c;
	for (bool more = true; more;) {
		more = span_cut(&list, ' ', &word);
		if (read_word(more ? word : list, &c) && covers(&c, a))
			return true;
	}
	return false;
}
