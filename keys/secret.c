/* secret.c - one line of a file, read with care and wiped. */
#include "keys/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.h"

void secret_wipe(struct secret *s)
{
	explicit_bzero(s, sizeof *s);
}

/* The whole of a file, as long as it fits with a NUL behind it. */
static enum mm_err read_all(int fd, struct secret *out)
{
	ssize_t n = 1;
	while (n > 0 && out->len < sizeof out->text - 1) {
		n = read(fd, out->text + out->len,
			 sizeof out->text - 1 - out->len);
		if (n > 0)
			out->len += (size_t)n;
	}
	return n < 0 ? MM_ERR_IO : MM_OK;
}

static enum mm_err check_line(const char *path, struct secret *s,
			      struct why *why)
{
	if (s->len == sizeof s->text - 1)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is longer than a passphrase can be (%d "
			       "bytes)",
			       path, SECRET_SIZE - 2);
	if (s->len != 0 && s->text[s->len - 1] == '\n')
		s->len--;
	if (s->len != 0 && s->text[s->len - 1] == '\r')
		s->len--;
	for (size_t i = 0; i < s->len; i++)
		if ((uint8_t)s->text[i] < ' ')
			return why_say(why, MM_ERR_INVALID, NULL,
				       "%s is to hold one line of text", path);
	return s->len ? MM_OK
		      : why_say(why, MM_ERR_INVALID, NULL, "%s is empty", path);
}

static enum mm_err read_file(const char *path, bool guarded, struct secret *out,
			     struct why *why)
{
	struct stat st;
	AUTO_FD int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) != 0)
		return why_say(
			why, errno == ENOENT ? MM_ERR_NOT_FOUND : MM_ERR_IO,
			NULL, "cannot read %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is not a plain file", path);
	if (guarded && st.st_mode & (S_IRWXG | S_IRWXO))
		return why_say(why, MM_ERR_INVALID, NULL,
			       "others can read %s: chmod 600 it, and replace "
			       "the secret if they may have",
			       path);
	if (read_all(fd, out) != MM_OK)
		return why_say(why, MM_ERR_IO, NULL, "cannot read %s: %s", path,
			       strerror(errno));
	return check_line(path, out, why);
}

/* systemd keeps strangers out of the folder; a credential's own mode says
 * 0440, which is its way to let the service's user in. */
static enum mm_err read_credential(const char *name, struct secret *out,
				   struct why *why)
{
	char path[4096];
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	if (dir == NULL || dir[0] != '/')
		return MM_OK;
	int n = snprintf(path, sizeof path, "%s/%s", dir, name);
	if (n < 0 || n >= (int)sizeof path || access(path, F_OK) != 0)
		return MM_OK;
	return read_file(path, false, out, why);
}

enum mm_err secret_read(const char *path, const char *credential,
			struct secret *out, struct why *why)
{
	*out = (struct secret){ .len = 0 };
	enum mm_err e = path != NULL && path[0] != '\0'
				? read_file(path, true, out, why)
				: read_credential(credential, out, why);
	if (e == MM_ERR_NOT_FOUND) /* that would mean: no keyring */
		e = MM_ERR_INVALID;
	if (e != MM_OK)
		secret_wipe(out);
	return e;
}
