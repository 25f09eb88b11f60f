/* status_list.h - two bits a token: draft-ietf-oauth-status-list.
 *
 * Least significant bits first: token i is bits 2(i%4) and 2(i%4)+1 of
 * byte i/4.  Packed = zlib (RFC 1950), then base64url where it stands in
 * JSON.  The renewal list is packed the same way: last_use of each index,
 * 4 bytes, big-endian, in seconds.
 */
#ifndef MM_COMMON_STATUS_LIST_H
#define MM_COMMON_STATUS_LIST_H

#include "common/base64url.h"

#define LIST_SIZE_MAX (1u << 20)

enum status { STATUS_VALID = 0, STATUS_REVOKED = 1, STATUS_SUSPENDED = 2 };

static inline unsigned status_get(const uint8_t *bits, uint32_t idx)
{
	return bits[idx / 4] >> (2 * (idx % 4)) & 3;
}

static inline void status_set(uint8_t *bits, uint32_t idx, unsigned value)
{
	unsigned shift = 2 * (idx % 4);
	bits[idx / 4] =
		(uint8_t)((bits[idx / 4] & ~(3u << shift)) | value << shift);
}

/* Append base64url(zlib(bytes)) to *out.  Trailing zero bytes are packed as
 * they are when whole, cut off first when not (the reader zero-fills). */
MM_MUST_USE enum mm_err pack_bytes(struct span bytes, bool whole,
				   struct buf *out);
/* The reverse, into out[0..size): *n bytes, and those behind them, which are
 * zeros of the list, are left as they are.  More than fits is
 * MM_ERR_TOO_LARGE (decompression bombs end there). */
MM_MUST_USE enum mm_err unpack_bytes(struct span text, uint8_t *out,
				     size_t size, size_t *n);

/* The same for a renewal list: sizes are of entries. */
MM_MUST_USE enum mm_err pack_renewals(const uint32_t *last_use, size_t size,
				      struct buf *out);
MM_MUST_USE enum mm_err unpack_renewals(struct span text, uint32_t *last_use,
					size_t size, size_t *n);

#endif
