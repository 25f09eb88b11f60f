/* gzip.c - one stream, packed in one go. */
#include "common/gzip.h"

#include <limits.h>
#define ZLIB_CONST
#include <zlib.h>

#define GZIP_WINDOW (15 + 16) /* zlib's way to ask for a gzip header */

enum mm_err gzip_bytes(struct span bytes, struct buf *out)
{
	z_stream z = { .next_in = bytes.at, .avail_in = (uInt)bytes.len };
	MM_ASSERT(bytes.len <= UINT_MAX);
	if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, 8,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return MM_ERR_NOMEM;
	size_t room = deflateBound(&z, bytes.len);
	z.next_out = buf_room(out, room);
	z.avail_out = (uInt)room;
	if (z.next_out != NULL) {
		int r = deflate(&z, Z_FINISH);
		MM_ASSERT(r == Z_STREAM_END);
		buf_grew(out, room - z.avail_out);
	}
	deflateEnd(&z);
	return out->failed;
}
