/* status_list.c - lists packed and unpacked, a piece at a time.
 *
 * Both directions stream through buffers on the stack: packing a list needs
 * no more memory than its packed text, and unpacking stops at the caller's
 * size, whatever the text would inflate to.
 */
#include "common/status_list.h"

#include <limits.h>
#define ZLIB_CONST
#include <zlib.h>

/* Bytes inflated or deflated at a time: a multiple of 3, so that pieces of
 * base64url join without padding, and of 4, so that no renewal is cut. */
#define PIECE 12288

/* ---- packing ---- */

struct packer {
	z_stream z;
	struct buf *out;
	uint8_t piece[PIECE];
};

static void packer_end(struct packer *p)
{
	deflateEnd(&p->z);
}
#define AUTO_PACKER __attribute__((cleanup(packer_end)))

static void packer_flush(struct packer *p)
{
	base64url_add(p->out, span_of(p->piece, PIECE - p->z.avail_out));
	p->z.next_out = p->piece;
	p->z.avail_out = PIECE;
}

static enum mm_err packer_begin(struct packer *p, int level, struct buf *out)
{
	memset(&p->z, 0, sizeof p->z);
	p->out = out;
	p->z.next_out = p->piece;
	p->z.avail_out = PIECE;
	return deflateInit(&p->z, level) == Z_OK ? MM_OK : MM_ERR_NOMEM;
}

static void packer_add(struct packer *p, struct span s, int flush)
{
	int r = Z_OK;
	MM_ASSERT(s.len <= UINT_MAX);
	p->z.next_in = s.at;
	p->z.avail_in = (uInt)s.len;
	while (p->z.avail_in != 0 || (flush == Z_FINISH && r != Z_STREAM_END)) {
		if (p->z.avail_out == 0)
			packer_flush(p);
		r = deflate(&p->z, flush);
		MM_ASSERT(r == Z_OK || r == Z_STREAM_END);
	}
}

static enum mm_err packer_done(struct packer *p)
{
	packer_add(p, span_of(p->piece, 0), Z_FINISH);
	packer_flush(p);
	return p->out->failed;
}

enum mm_err pack_bytes(struct span bytes, bool whole, struct buf *out)
{
	AUTO_PACKER struct packer p;
	TRY(packer_begin(&p, Z_BEST_COMPRESSION, out));
	while (!whole && bytes.len != 0 && bytes.at[bytes.len - 1] == 0)
		bytes.len--;
	packer_add(&p, bytes, Z_NO_FLUSH);
	return packer_done(&p);
}

static void put_be32(uint8_t to[static 4], uint32_t v)
{
	to[0] = (uint8_t)(v >> 24);
	to[1] = (uint8_t)(v >> 16);
	to[2] = (uint8_t)(v >> 8);
	to[3] = (uint8_t)v;
}

enum mm_err pack_renewals(const uint32_t *last_use, size_t size,
			  struct buf *out)
{
	/* Times compress badly at any level, and there are 16 times as many
	 * bytes: spend no time on them. */
	AUTO_PACKER struct packer p;
	uint8_t bytes[PIECE];
	TRY(packer_begin(&p, Z_BEST_SPEED, out));
	while (size != 0 && last_use[size - 1] == 0)
		size--;
	for (size_t i = 0; i < size;) {
		size_t len = 0;
		for (; len < PIECE && i < size; len += 4)
			put_be32(bytes + len, last_use[i++]);
		packer_add(&p, span_of(bytes, len), Z_NO_FLUSH);
	}
	return packer_done(&p);
}

/* ---- unpacking ---- */

struct unpacker {
	z_stream z;
	struct span text; /* still to be decoded */
	bool ended;
	uint8_t raw[PIECE];
	uint8_t piece[PIECE];
};

static void unpacker_end(struct unpacker *u)
{
	inflateEnd(&u->z);
}
#define AUTO_UNPACKER __attribute__((cleanup(unpacker_end)))

static enum mm_err unpacker_begin(struct unpacker *u, struct span text)
{
	memset(&u->z, 0, sizeof u->z);
	u->text = text;
	u->ended = false;
	return inflateInit(&u->z) == Z_OK ? MM_OK : MM_ERR_NOMEM;
}

/* Decode some more text.  Whole groups of four may be decoded by themselves:
 * only the last can be short, and is then checked to be canonical. */
static enum mm_err unpacker_refill(struct unpacker *u)
{
	size_t n = u->text.len < PIECE ? u->text.len : PIECE;
	size_t len;
	TRY(base64url_decode(span_of(u->text.at, n), u->raw, PIECE, &len));
	if (len == 0)
		return MM_ERR_MALFORMED; /* cut short */
	u->text = span_of(u->text.at + n, u->text.len - n);
	u->z.next_in = u->raw;
	u->z.avail_in = (uInt)len;
	return MM_OK;
}

/* Inflate the next piece: full but for the last, and empty behind it. */
static enum mm_err unpacker_next(struct unpacker *u, struct span *piece)
{
	u->z.next_out = u->piece;
	u->z.avail_out = PIECE;
	while (!u->ended && u->z.avail_out != 0) {
		if (u->z.avail_in == 0)
			TRY(unpacker_refill(u));
		int r = inflate(&u->z, Z_NO_FLUSH);
		if (r == Z_MEM_ERROR)
			return MM_ERR_NOMEM;
		if (r != Z_OK && r != Z_STREAM_END)
			return MM_ERR_MALFORMED;
		u->ended = r == Z_STREAM_END;
	}
	if (u->ended && (u->z.avail_in != 0 || u->text.len != 0))
		return MM_ERR_MALFORMED; /* something behind the stream */
	*piece = span_of(u->piece, PIECE - u->z.avail_out);
	return MM_OK;
}

enum mm_err unpack_bytes(struct span text, uint8_t *out, size_t size, size_t *n)
{
	AUTO_UNPACKER struct unpacker u;
	struct span piece;
	TRY(unpacker_begin(&u, text));
	*n = 0;
	do {
		TRY(unpacker_next(&u, &piece));
		if (piece.len > size - *n)
			return MM_ERR_TOO_LARGE;
		if (piece.len != 0)
			memcpy(out + *n, piece.at, piece.len);
		*n += piece.len;
	} while (piece.len != 0);
	return MM_OK;
}

static uint32_t get_be32(const uint8_t from[static 4])
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 |
	       (uint32_t)from[2] << 8 | from[3];
}

/* What already is so is not written: pages of zeros that the kernel has not
 * yet had to provide stay with it. */
static void put_renewal(uint32_t *at, uint32_t v)
{
	if (*at != v)
		*at = v;
}

enum mm_err unpack_renewals(struct span text, uint32_t *last_use, size_t size,
			    size_t *n)
{
	AUTO_UNPACKER struct unpacker u;
	struct span piece;
	TRY(unpacker_begin(&u, text));
	*n = 0;
	do {
		TRY(unpacker_next(&u, &piece));
		if (piece.len % 4 != 0)
			return MM_ERR_MALFORMED;
		if (piece.len / 4 > size - *n)
			return MM_ERR_TOO_LARGE;
		for (size_t i = 0; i < piece.len; i += 4)
			put_renewal(&last_use[(*n)++], get_be32(piece.at + i));
	} while (piece.len != 0);
	return MM_OK;
}
