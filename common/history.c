/* history.c - the first half of SHA-256 over the one before, as text, and the
 * event as it stands in batches. */
#include "common/history.h"

#include <openssl/evp.h>

#include "common/base64url.h"
#include "common/feed.h"
#include "common/text.h"

#define HISTORY_BYTES 16
#define DIGEST_BYTES  32

enum mm_err history_add(char history[HISTORY_SIZE], const struct event *e)
{
	uint8_t digest[DIGEST_BYTES];
	struct span text;
	AUTO_BUF struct buf all = buf_new(4096);
	buf_str(&all, history);
	TRY(event_write(e, &all));
	TRY(buf_done(&all, &text));
	if (!EVP_Q_digest(NULL, "SHA256", NULL, text.at, text.len, digest,
			  NULL))
		return MM_ERR_NOMEM;
	size_t n = base64url_encode(span_of(digest, HISTORY_BYTES), history,
				    HISTORY_SIZE - 1);
	history[n] = '\0';
	return MM_OK;
}

/* Base64url of so many bytes, at most those of SHA-256? */
static bool is_bytes(const char *text, size_t count)
{
	uint8_t bytes[DIGEST_BYTES];
	size_t n;
	return base64url_decode(span_str(text), bytes, count, &n) == MM_OK &&
	       n == count;
}

bool history_is_one(const char *text)
{
	return is_bytes(text, HISTORY_BYTES);
}

/* ---- DATA/newest ---- */

static bool cut_number(struct span *text, uint64_t max, uint64_t *out)
{
	struct span digits;
	return span_cut(text, ' ', &digits) && text_number(digits, max, out);
}

/* "LINE DIGEST"; nothing is that of an audit that nobody noted. */
static bool read_audit(struct span text, struct audit_chain *out)
{
	*out = (struct audit_chain){ .seq = 0 };
	if (text.at == NULL)
		return true;
	return cut_number(&text, INT64_MAX, &out->seq) && out->seq != 0 &&
	       span_copy(out->digest, sizeof out->digest, text) &&
	       is_bytes(out->digest, DIGEST_BYTES);
}

bool newest_line_read(struct span text, struct newest *out)
{
	struct span line, epoch, history;
	uint64_t began;
	if (!span_cut(&text, '\n', &line) || text.len != 0 ||
	    !span_cut(&line, ' ', &epoch) || epoch.len == 0 ||
	    !span_copy(out->epoch, sizeof out->epoch, epoch) ||
	    !cut_number(&line, INT64_MAX, &out->seq) || out->seq == 0 ||
	    !cut_number(&line, INT64_MAX - 1, &began) ||
	    !span_word(&line, &history) ||
	    !span_copy(out->history, sizeof out->history, history))
		return false;
	out->began = (int64_t)began;
	return history_is_one(out->history) && read_audit(line, &out->audit);
}
