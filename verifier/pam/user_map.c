/* user_map.c - read the map whole, and take the login's lines from it. */
#include "verifier/pam/user_map.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/fd.h"
#include "common/owner.h"

#define MAP_MAX (1u << 20)

/* ---- the file ---- */

/* Who can write it decides who is let in. */
static enum mm_err check_owner(int fd, const char *path, struct why *why)
{
	struct stat st;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s is not a file", path);
	if (owner_is_not_alone(&st))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "others may write %s: chmod go-w", path);
	if (!owner_is_right(&st, geteuid()))
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "%s does not belong to root", path);
	return MM_OK;
}

static enum mm_err read_whole(const char *path, struct buf *b, struct why *why)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return why_say(why, MM_ERR_UNAVAILABLE, NULL,
			       "cannot read %s: %s", path, strerror(errno));
	TRY(check_owner(fd, path, why));
	for (;;) {
		uint8_t *to = buf_room(b, 4096);
		ssize_t n = to ? read(fd, to, 4096) : -1;
		if (n == 0)
			return MM_OK;
		if (n < 0 && to != NULL && errno == EINTR)
			continue;
		if (n < 0)
			return why_say(why, MM_ERR_UNAVAILABLE, NULL,
				       "cannot read %s, or it is larger than "
				       "%u bytes",
				       path, MAP_MAX);
		buf_grew(b, (size_t)n);
	}
}

/* ---- its lines ---- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The next word of *rest; empty at its end. */
static struct span next_word(struct span *rest)
{
	size_t from = 0, to;
	while (from < rest->len && is_blank(rest->at[from]))
		from++;
	for (to = from; to < rest->len && !is_blank(rest->at[to]);)
		to++;
	struct span word = span_of(rest->at + from, to - from);
	*rest = span_of(rest->at + to, rest->len - to);
	return word;
}

static bool has_control(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if ((s.at[i] < 0x20 && s.at[i] != '\t') || s.at[i] == 0x7F)
			return true;
	return false;
}

/* NULL, or what is wrong with the line. */
static const char *take_line(struct span line, const char *login,
			     struct user_map *out)
{
	if (has_control(line))
		return "a character that does not print";
	struct span name = next_word(&line), user = next_word(&line);
	if (name.len == 0 || name.at[0] == '#')
		return NULL;
	if (user.len == 0 || next_word(&line).len != 0)
		return "it must be \"LOGIN USER\"";
	if (memchr(name.at, ':', name.len) != NULL)
		return "no login has a colon: it must be \"LOGIN USER\"";
	if (user.len >= USER_SIZE)
		return "the user's name is too long";
	if (!span_is(name, login))
		return NULL;
	if (out->count == USER_MAP_USERS)
		return "too many users for this login";
	out->listed = true;
	(void)span_copy(out->user[out->count++], USER_SIZE, user);
	return NULL;
}

enum mm_err user_map_read(const char *path, const char *login,
			  struct user_map *out, struct why *why)
{
	AUTO_BUF struct buf b = buf_new(MAP_MAX);
	struct span rest;
	out->listed = false;
	out->count = 0;
	if (path == NULL)
		return MM_OK;
	TRY(read_whole(path, &b, why));
	TRY(buf_done(&b, &rest));
	for (unsigned n = 1; rest.len != 0; n++) {
		const char *wrong = take_line(span_line(&rest), login, out);
		if (wrong != NULL)
			return why_say(why, MM_ERR_UNAVAILABLE, NULL,
				       "%s:%u: %s", path, n, wrong);
	}
	return MM_OK;
}
