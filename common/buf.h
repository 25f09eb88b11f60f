/* buf.h - a growing buffer with a limit from birth and a sticky failure.
 *
 *	struct buf b = buf_new(64 * 1024);
 *	buf_str(&b, "hello ");
 *	buf_fmt(&b, "%d", 42);
 *	if (buf_done(&b, &text) != MM_OK) ...     (asked once, at the end)
 *	buf_free(&b);                             (or AUTO_BUF)
 *
 * After a failure (out of memory, or over the limit) every append is a
 * no-op and buf_done() says which it was.
 */
#ifndef MM_COMMON_BUF_H
#define MM_COMMON_BUF_H

#include "common/error.h"
#include "common/span.h"

struct buf {
	uint8_t *at;
	size_t len, cap, limit;
	enum mm_err failed;
};

static inline struct buf buf_new(size_t limit)
{
	return (struct buf){ .limit = limit };
}

void buf_free(struct buf *b); /* wipes: what was in it may be secret */
#define AUTO_BUF __attribute__((cleanup(buf_free)))

/* Room for n more bytes; NULL after a failure.  Then buf_grew(b, used). */
uint8_t *buf_room(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

void buf_add(struct buf *b, struct span s);
void buf_str(struct buf *b, const char *s);
void buf_fmt(struct buf *b, const char *fmt, ...) MM_PRINTF(2, 3);

/* The content (owned by b), or why there is none.  A NUL stands behind the
 * last byte and is not counted. */
MM_MUST_USE enum mm_err buf_done(struct buf *b, struct span *out);

/* The whole of a file, at most b's limit. */
MM_MUST_USE enum mm_err buf_read_file(struct buf *b, const char *path,
				      struct why *why);
/* The same of one that only root and our own user can write to: owner_check().
 */
MM_MUST_USE enum mm_err buf_read_our_file(struct buf *b, const char *path,
					  struct why *why);
/* The same of one that we keep: owner_check_file(). */
MM_MUST_USE enum mm_err buf_read_kept_file(struct buf *b, const char *path,
					   struct why *why);
/* The same of one where others put what they like: it must be a file, and with
 * no other name; `linked`: it may be reached through links, and have several.
 * Root is not led to another file, nor held up by a pipe. */
MM_MUST_USE enum mm_err buf_read_others_file(struct buf *b, const char *path,
					     bool linked, struct why *why);
/* All of s, whatever write(2) takes at a time.  False: errno says why. */
bool file_write_all(int fd, struct span s);
/* A name that came, or was renamed, is durable when the folder that holds it
 * is.  False: errno says why. */
bool file_sync_folder_of(const char *path);
/* Write whole, fsync, rename over `path`, fsync the folder: after a crash
 * the old content or the new is there, never a mixture. */
MM_MUST_USE enum mm_err file_replace(const char *path, struct span content,
				     unsigned mode, struct why *why);

#endif
