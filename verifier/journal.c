/* journal.c - a file of length-prefixed batches. */
#include "verifier/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/feed.h"
#include "common/owner.h"

#define HEAD	     "mintmark-journal 1\n"
#define HEAD_LEN     (sizeof HEAD - 1)
#define JOURNAL_LONG (1u << 20)

static bool has_head(int fd)
{
	char head[HEAD_LEN];
	return pread(fd, head, HEAD_LEN, 0) == (ssize_t)HEAD_LEN &&
	       !memcmp(head, HEAD, HEAD_LEN);
}

enum mm_err journal_empty(struct journal *j)
{
	j->broken = true;
	if (ftruncate(j->fd, 0) != 0 ||
	    pwrite(j->fd, HEAD, HEAD_LEN, 0) != (ssize_t)HEAD_LEN)
		return MM_ERR_IO;
	j->size = HEAD_LEN;
	j->broken = false;
	return MM_OK;
}

enum mm_err journal_open(struct journal *j, const char *path, struct why *why)
{
	struct stat st;
	j->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->fd < 0 || fstat(j->fd, &st) != 0)
		return why_say(why, MM_ERR_IO, NULL, "cannot open %s: %s", path,
			       strerror(errno));
	TRY(owner_check_file(&st, geteuid(), path, why));
	j->size = (uint64_t)st.st_size;
	if (has_head(j->fd) ||
	    (journal_empty(j) == MM_OK && file_sync_folder_of(path)))
		return MM_OK;
	return why_say(why, MM_ERR_IO, NULL, "cannot write %s: %s", path,
		       strerror(errno));
}

void journal_close(struct journal *j)
{
	if (j->fd >= 0)
		close(j->fd);
	*j = JOURNAL_NONE;
}

/* ---- reading ---- */

/* MM_ERR_NOT_FOUND: it ends before that. */
static enum mm_err read_at(int fd, void *to, size_t n, uint64_t at)
{
	uint8_t *p = to;
	while (n != 0) {
		ssize_t did = pread(fd, p, n, (off_t)at);
		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0)
			return did < 0 ? MM_ERR_IO : MM_ERR_NOT_FOUND;
		p += did;
		n -= (size_t)did;
		at += (uint64_t)did;
	}
	return MM_OK;
}

/* The batch at `at`.  MM_ERR_NOT_FOUND at the end, and where it is torn. */
static enum mm_err read_batch(const struct journal *j, uint64_t at,
			      struct buf *out)
{
	uint8_t p[4];
	TRY(read_at(j->fd, p, sizeof p, at));
	uint32_t n = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
		     (uint32_t)p[2] << 8 | p[3];
	if (n > FEED_BATCH_MAX)
		return MM_ERR_NOT_FOUND;
	uint8_t *to = buf_room(out, n);
	if (to == NULL)
		return out->failed;
	TRY(read_at(j->fd, to, n, at + sizeof p));
	buf_grew(out, n);
	return MM_OK;
}

enum mm_err journal_replay(struct journal *j,
			   enum mm_err (*take)(void *, struct span), void *ctx)
{
	uint64_t at = HEAD_LEN;
	for (;;) {
		AUTO_BUF struct buf batch = buf_new(FEED_BATCH_MAX);
		enum mm_err e = read_batch(j, at, &batch);
		if (e == MM_OK)
			e = take(ctx, span_of(batch.at, batch.len));
		if (e == MM_ERR_NOMEM || e == MM_ERR_IO)
			return e; /* nothing is wrong with it */
		if (e != MM_OK)
			break;
		at += 4 + batch.len;
	}
	if (at < j->size && ftruncate(j->fd, (off_t)at) != 0)
		return MM_ERR_IO;
	j->size = at;
	return MM_OK;
}

/* ---- writing ---- */

enum mm_err journal_append(struct journal *j, struct span batch)
{
	uint32_t n = (uint32_t)batch.len;
	uint8_t p[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
			 (uint8_t)(n >> 8), (uint8_t)n };
	union {
		const uint8_t *at;
		void *base; /* struct iovec serves readv() too: no const */
	} text = { .at = batch.at };
	struct iovec parts[] = { { p, sizeof p }, { text.base, batch.len } };
	if (j->broken)
		return MM_ERR_IO;
	ssize_t did = pwritev(j->fd, parts, 2, (off_t)j->size);
	if (did != (ssize_t)(sizeof p + batch.len)) {
		/* a gap must not be: later batches wait for a checkpoint */
		j->broken = true;
		return MM_ERR_IO;
	}
	j->size += (uint64_t)did;
	return MM_OK;
}

enum mm_err journal_sync(struct journal *j)
{
	if (!j->broken && fdatasync(j->fd) == 0)
		return MM_OK;
	j->broken = true; /* what did not reach the disk never will */
	return MM_ERR_IO;
}

void journal_break(struct journal *j)
{
	j->broken = true;
}

bool journal_is_long(const struct journal *j)
{
	return j->broken || j->size > JOURNAL_LONG;
}
