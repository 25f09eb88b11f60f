/* buf.c - the growing buffer, and files read and replaced whole. */
#include "common/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"
#include "common/owner.h"

void buf_free(struct buf *b)
{
	if (b->at != NULL)
		explicit_bzero(b->at, b->cap);
	free(b->at);
	*b = buf_new(b->limit);
}

/* realloc() would leave a copy of what may be a secret behind it. */
static bool buf_move(struct buf *b, size_t cap)
{
	uint8_t *at = malloc(cap);
	if (at == NULL)
		return false;
	if (b->at != NULL) {
		memcpy(at, b->at, b->len);
		explicit_bzero(b->at, b->cap);
		free(b->at);
	}
	b->at = at;
	b->cap = cap;
	return true;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	if (b->failed != MM_OK)
		return NULL;
	if (n > b->limit - b->len) {
		b->failed = MM_ERR_TOO_LARGE;
		return NULL;
	}
	size_t need = b->len + n + 1; /* the NUL behind the last byte */
	if (need > b->cap) {
		size_t cap = b->cap ? b->cap : 256;
		while (cap < need)
			cap *= 2;
		if (!buf_move(b, cap)) {
			b->failed = MM_ERR_NOMEM;
			return NULL;
		}
	}
	return b->at + b->len;
}

void buf_grew(struct buf *b, size_t n)
{
	if (b->failed != MM_OK)
		return;
	MM_ASSERT(b->len + n < b->cap);
	b->len += n;
}

void buf_add(struct buf *b, struct span s)
{
	uint8_t *to = buf_room(b, s.len);
	if (to == NULL || s.len == 0)
		return;
	memcpy(to, s.at, s.len);
	buf_grew(b, s.len);
}

void buf_str(struct buf *b, const char *s)
{
	buf_add(b, span_str(s));
}

void buf_fmt(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);

	uint8_t *to = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (to != NULL) {
		vsnprintf((char *)to, (size_t)n + 1, fmt, again);
		buf_grew(b, (size_t)n);
	}
	va_end(again);
}

enum mm_err buf_done(struct buf *b, struct span *out)
{
	if (buf_room(b, 0) == NULL)
		return b->failed;
	b->at[b->len] = '\0';
	*out = span_of(b->at, b->len);
	return MM_OK;
}

/* ---- files ---- */

static enum mm_err cannot_read(const char *path, struct why *why)
{
	return why_say(why, errno == ENOENT ? MM_ERR_NOT_FOUND : MM_ERR_IO,
		       NULL, "cannot read %s: %s", path, strerror(errno));
}

static enum mm_err read_all(struct buf *b, int fd, const char *path,
			    struct why *why)
{
	char piece[4096];
	ssize_t n;
	while ((n = read(fd, piece, sizeof piece)) > 0)
		buf_add(b, span_of(piece, (size_t)n));
	explicit_bzero(piece, sizeof piece);
	if (n < 0)
		return cannot_read(path, why);
	if (b->failed == MM_ERR_TOO_LARGE)
		return why_say(why, MM_ERR_TOO_LARGE, NULL,
			       "%s is larger than %zu bytes", path, b->limit);
	return b->failed;
}

enum mm_err buf_read_file(struct buf *b, const char *path, struct why *why)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? cannot_read(path, why) : read_all(b, fd, path, why);
}

enum mm_err buf_read_our_file(struct buf *b, const char *path, struct why *why)
{
	struct stat st;
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return cannot_read(path, why);
	TRY(owner_check(&st, geteuid(), path, why));
	return read_all(b, fd, path, why);
}

/* O_NONBLOCK: a pipe in its place must not hang us. */
enum mm_err buf_read_kept_file(struct buf *b, const char *path, struct why *why)
{
	struct stat st;
	AUTO_FD int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) != 0)
		return cannot_read(path, why);
	TRY(owner_check_file(&st, geteuid(), path, why));
	return read_all(b, fd, path, why);
}

enum mm_err buf_read_others_file(struct buf *b, const char *path, bool linked,
				 struct why *why)
{
	struct stat st;
	AUTO_FD int fd =
		open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
				   (linked ? 0 : O_NOFOLLOW));
	if (fd < 0 || fstat(fd, &st) != 0)
		return cannot_read(path, why);
	if (linked ? !S_ISREG(st.st_mode) : !owner_is_file(&st))
		return why_say(why, MM_ERR_INVALID, NULL, "%s is no file",
			       path);
	return read_all(b, fd, path, why);
}

bool file_write_all(int fd, struct span s)
{
	while (s.len != 0) {
		ssize_t n = write(fd, s.at, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		s = span_of(s.at + n, s.len - (size_t)n);
	}
	return true;
}

bool file_sync_folder_of(const char *path)
{
	char copy[4096];
	if (!span_copy(copy, sizeof copy, span_str(path)))
		return false;
	AUTO_FD int fd =
		open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0;
}

/* ENOSPC and EDQUOT are the owner's to mend, and get a name of their own. */
static enum mm_err write_failed(const char *path, struct why *why)
{
	bool full = errno == ENOSPC || errno == EDQUOT;
	return why_say(why, full ? MM_ERR_FULL : MM_ERR_IO, NULL,
		       "cannot write %s: %s", path, strerror(errno));
}

enum mm_err file_replace(const char *path, struct span content, unsigned mode,
			 struct why *why)
{
	char temp[4096];
	int n = snprintf(temp, sizeof temp, "%s.XXXXXX", path);
	if (n < 0 || (size_t)n >= sizeof temp)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "the path %.80s... is too long", path);

	AUTO_FD int fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return write_failed(path, why);
	if (fchmod(fd, mode) != 0 || !file_write_all(fd, content) ||
	    fsync(fd) != 0 || rename(temp, path) != 0) {
		enum mm_err e = write_failed(path, why);
		unlink(temp);
		return e;
	}
	return file_sync_folder_of(path) ? MM_OK : write_failed(path, why);
}
