/* key_handout.c - see key_handout.h. */
#include "cli/key_handout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/output.h"
#include "common/claims.h"

#define FILE_MAX (256u << 20)
#define USER_MAX 200 /* bytes of a user's name, escaped, in a file's */

static enum mm_err failed(const char *what, const char *name, struct why *why)
{
	return why_say(why, errno == ENOSPC ? MM_ERR_FULL : MM_ERR_IO, NULL,
		       "cannot %s %.300s: %s", what, name, strerror(errno));
}

/* ---- the folder ---- */

static enum mm_err check_folder(const char *folder, int fd, struct why *why)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return failed("look at", folder, why);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IRWXG | S_IRWXO)))
		return why_say(why, MM_ERR_CONFLICT, NULL,
			       "others may look into %.300s: name a folder of "
			       "your own with mode 700, or one to be made",
			       folder);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0)
		return why_say(why, MM_ERR_BUSY, NULL,
			       "another run is writing to %.300s", folder);
	return MM_OK;
}

enum mm_err handout_open(struct handout *h, const char *folder, struct why *why)
{
	*h = (struct handout){ .folder = -1, .fd = -1, .done = json_object() };
	if (folder == NULL)
		return MM_OK;
	if (mkdir(folder, S_IRWXU) == 0 ? !file_sync_folder_of(folder)
					: errno != EEXIST)
		return failed("make the folder", folder, why);
	h->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (h->folder < 0)
		return failed("open the folder", folder, why);
	return check_folder(folder, h->folder, why);
}

static void close_file(struct handout *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	json_object_clear(h->done);
}

void handout_close(struct handout *h)
{
	close_file(h);
	json_decref(h->done);
	if (h->folder >= 0)
		close(h->folder); /* and with it the lock */
}

/* ---- a file ---- */

/* Users may have any name: what is no letter, digit or "-._~" is escaped, a
 * dot at the beginning too.  One that is still too long is cut, and told
 * from its like by its first token. */
static void file_name(char out[HANDOUT_NAME], const char *user,
		      const char *first)
{
	AUTO_BUF struct buf b = buf_new(4096);
	struct span text;
	if (user[0] == '.')
		buf_str(&b, "%2E");
	client_escape(&b, user + (user[0] == '.'));
	bool whole = buf_done(&b, &text) == MM_OK && text.len <= USER_MAX;
	snprintf(out, HANDOUT_NAME, "%.*s%s%.30s.tokens", USER_MAX,
		 (const char *)b.at, whole ? "" : "~", whole ? "" : first);
}

/* "# OLD -> NEW of ...", without the line's end. */
static bool read_head(struct span line, char old[JTI_SIZE], char new[JTI_SIZE])
{
	struct span word;
	uint32_t list, idx;
	return span_cut(&line, ' ', &word) && span_is(word, "#") &&
	       span_cut(&line, ' ', &word) && span_copy(old, JTI_SIZE, word) &&
	       token_id_read(word, &list, &idx) == MM_OK &&
	       span_cut(&line, ' ', &word) && span_is(word, "->") &&
	       span_cut(&line, ' ', &word) && span_copy(new, JTI_SIZE, word);
}

/* Fills h->done and returns where the last whole record ends. */
static size_t read_records(struct handout *h, struct span text)
{
	char old[JTI_SIZE] = "", new[JTI_SIZE] = "";
	struct span rest = text, line;
	size_t end = 0;
	while (span_cut(&rest, '\n', &line)) {
		if (line.len != 0 && line.at[0] == '#') {
			if (!read_head(line, old, new))
				old[0] = '\0';
			continue;
		}
		if (old[0] != '\0')
			json_object_set_new(h->done, old, json_string(new));
		old[0] = '\0';
		end = text.len - rest.len;
	}
	return end;
}

static enum mm_err read_all(int fd, struct buf *b)
{
	ssize_t n = 1;
	while (n > 0) {
		uint8_t *to = buf_room(b, 65536);
		if (to == NULL)
			return b->failed;
		n = read(fd, to, 65536);
		if (n > 0)
			buf_grew(b, (size_t)n);
	}
	return n < 0 ? MM_ERR_IO : MM_OK;
}

static int open_file(const struct handout *h, int flags)
{
	return openat(h->folder, h->name,
		      flags | O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
		      S_IRUSR | S_IWUSR);
}

enum mm_err handout_begin(struct handout *h, const char *user,
			  const char *first, struct why *why)
{
	AUTO_BUF struct buf b = buf_new(FILE_MAX);
	struct span text;
	close_file(h);
	file_name(h->name, user, first);
	if (h->folder < 0)
		return MM_OK;
	h->fd = open_file(h, 0);
	if (h->fd < 0 && errno == ENOENT)
		return MM_OK;
	if (h->fd < 0 || read_all(h->fd, &b) != MM_OK ||
	    buf_done(&b, &text) != MM_OK)
		return failed("read", h->name, why);
	if (ftruncate(h->fd, (off_t)read_records(h, text)) != 0)
		return failed("write", h->name, why);
	return MM_OK;
}

static enum mm_err put_stdout(struct handout *h, struct span record,
			      const char *old, const json_t *token)
{
	if (!h->json) {
		fwrite(record.at, 1, record.len, stdout);
	} else {
		AUTO_JSON json_t *copy = json_copy((json_t *)(uintptr_t)token);
		json_object_set_new(copy, "replaces", json_string(old));
		put_json(copy);
	}
	fflush(stdout);
	return ferror(stdout) ? MM_ERR_IO : MM_OK;
}

enum mm_err handout_put(struct handout *h, const char *old, const json_t *token,
			struct why *why)
{
	AUTO_BUF struct buf b = buf_new(16384);
	struct span record;
	const char *new = json_text(token, "id", ""),
		   *secret = json_text(token, "token", NULL);
	if (secret == NULL)
		return why_say(why, MM_ERR_IO, NULL,
			       "the mint answered without a token");
	buf_fmt(&b, "# %s -> %s of %s, until %s: %s\n%s\n", old, new,
		json_text(token, "user", "-"),
		json_text(token, "expires_at", "-"),
		json_text(token, "label", "no label"), secret);
	TRY(buf_done(&b, &record));
	if (h->folder < 0)
		return put_stdout(h, record, old, token);
	if (h->fd < 0)
		h->fd = open_file(h, O_CREAT);
	if (h->fd < 0 || !file_write_all(h->fd, record) || fsync(h->fd) != 0 ||
	    fsync(h->folder) != 0)
		return failed("write the new token", new, why);
	json_object_set_new(h->done, old, json_string(new));
	return MM_OK;
}
