/* checkpoint.c - write and read a checkpoint. */
#include "verifier/checkpoint.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "common/feed.h"

#define MARK	 "mintmark-checkpoint 1 "
#define MARK_LEN (sizeof MARK - 1)
#define HEX_LEN	 64
#define HEAD_LEN (MARK_LEN + HEX_LEN + 1)

static enum mm_err write_head(struct span payload, char out[HEAD_LEN + 1])
{
	uint8_t digest[32];
	if (!EVP_Q_digest(NULL, "SHA256", NULL, payload.at, payload.len, digest,
			  NULL))
		return MM_ERR_CRYPTO;
	memcpy(out, MARK, MARK_LEN);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + MARK_LEN + 2 * i, 3, "%02x", digest[i]);
	out[HEAD_LEN - 1] = '\n';
	out[HEAD_LEN] = '\0';
	return MM_OK;
}

enum mm_err checkpoint_save(const struct replica *r, int64_t iat,
			    const char *path, struct why *why)
{
	AUTO_BUF struct buf payload = buf_new(SNAPSHOT_MAX);
	AUTO_BUF struct buf file = buf_new(SNAPSHOT_MAX + HEAD_LEN);
	char head[HEAD_LEN + 1];
	struct span text, whole;
	TRY(snapshot_write(r, iat, 0, &payload));
	TRY(buf_done(&payload, &text));
	TRY(write_head(text, head));
	buf_str(&file, head);
	buf_add(&file, text);
	TRY(buf_done(&file, &whole));
	return file_replace(path, whole, 0600, why);
}

enum mm_err checkpoint_load(struct replica *r, const char *path,
			    struct why *why)
{
	AUTO_BUF struct buf file = buf_new(SNAPSHOT_MAX + HEAD_LEN);
	char head[HEAD_LEN + 1];
	struct span whole;
	TRY(buf_read_kept_file(&file, path, why));
	TRY(buf_done(&file, &whole));
	size_t skip = whole.len < HEAD_LEN ? whole.len : HEAD_LEN;
	struct span rest = span_of(whole.at + skip, whole.len - skip);
	TRY(write_head(rest, head));
	enum mm_err e = MM_ERR_MALFORMED;
	if (skip == HEAD_LEN && memcmp(whole.at, head, HEAD_LEN) == 0)
		e = snapshot_read(rest, r);
	if (e != MM_OK && e != MM_ERR_NOMEM)
		return why_say(why, MM_ERR_INVALID, NULL,
			       "%s is damaged: going on without it", path);
	return e;
}
