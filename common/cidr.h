/* cidr.h - addresses, and the networks that a token may come from.
 * PROTOCOL.md section 2.
 *
 * An IPv4 address that came in over IPv6 (::ffff:192.0.2.7, RFC 4291
 * s2.5.5.2) is the IPv4 address that it means, so a token need not say
 * both.  Pure: no resolver, no heap; any thread.
 */
#ifndef MM_COMMON_CIDR_H
#define MM_COMMON_CIDR_H

#include "common/error.h"
#include "common/span.h"

#define ADDRESS_SIZE 46 /* INET6_ADDRSTRLEN: an address as text, and NUL */
#define CIDR_MAX     8	/* networks of one token */
#define CIDR_WORD    (ADDRESS_SIZE + 4)	    /* one as text, and NUL */
#define CIDR_SIZE    (CIDR_MAX * CIDR_WORD) /* all, spaces between them */

struct address {
	unsigned len; /* in bytes: 4, or 16 */
	uint8_t at[16];
};

/* False: it is no address (a host name, say; or with a port).  A scope id
 * behind it (fe80::1%eth0, RFC 4007 s11) names an interface of this host and
 * is left out. */
bool address_parse(struct span text, struct address *out);
/* The other way, as inet_ntop(3) has it (RFC 5952 s4). */
void address_write(const struct address *a, char out[ADDRESS_SIZE]);

struct cidr {
	struct address net;
	unsigned bits; /* that count, from the front: RFC 4632 s3.1 */
};

/* Read "192.0.2.0/24" or "2001:db8::/32"; without a length it is one
 * address.  MM_ERR_INVALID with the sentence: no network, or more of it is
 * set than the bits that count, or IPv4 written as IPv6. */
MM_MUST_USE enum mm_err cidr_read(struct span text, struct cidr *out,
				  struct why *why);
void cidr_write(const struct cidr *c, char out[CIDR_WORD]);

/* Is it a claim: 1 to CIDR_MAX networks, each with its length, one space
 * between two? */
bool cidr_list_check(struct span list);
/* Is the address in one of them?  Not where the list is none. */
bool cidr_list_has(struct span list, const struct address *a);

#endif
