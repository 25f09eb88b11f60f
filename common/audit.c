/* audit.c - lines of the audit, written and followed. */
#include "common/audit.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stddef.h>

#include "common/base64url.h"
#include "common/duration.h"
#include "common/text.h"

/* ---- writing ---- */

enum form { FORM_TEXT, FORM_TIME, FORM_SECONDS };

static const struct member {
	const char *name;
	enum form form;
	size_t offset;
} members[] = {
#define M(name, form)                                                          \
	{                                                                      \
#name, form, offsetof(struct audit_entry, name)                \
	}
	M(at, FORM_TIME),	  M(event, FORM_TEXT),
	M(by, FORM_TEXT),	  M(id, FORM_TEXT),
	M(user, FORM_TEXT),	  M(key, FORM_TEXT),
	M(label, FORM_TEXT),	  M(scope, FORM_TEXT),
	M(audience, FORM_TEXT),	  M(cidr, FORM_TEXT),
	M(expires_at, FORM_TIME), M(auto_refresh, FORM_SECONDS),
	M(detail, FORM_TEXT),	  M(address, FORM_TEXT),
	M(request, FORM_TEXT),	  M(before, FORM_TEXT),
#undef M
};

static void write_text(const char *name, const char *text, struct buf *out)
{
	if (text == NULL || text[0] == '\0')
		return;
	buf_fmt(out, ",\"%s\":", name);
	text_json(out, span_str(text));
}

static void write_number(const struct member *m, int64_t v, struct buf *out)
{
	char date[32];
	if (v == 0)
		return;
	date_write(date, v);
	if (m->form == FORM_TIME)
		write_text(m->name, date, out);
	else
		buf_fmt(out, ",\"%s\":%lld", m->name, (long long)v);
}

enum mm_err audit_write(const struct audit_entry *e, struct buf *out)
{
	buf_fmt(out, "{\"seq\":%llu", (unsigned long long)e->seq);
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		const struct member *m = &members[i];
		const void *at = (const char *)e + m->offset;
		if (m->form == FORM_TEXT)
			write_text(m->name, *(const char *const *)at, out);
		else
			write_number(m, *(const int64_t *)at, out);
	}
	buf_str(out, "}");
	return out->failed;
}

enum mm_err audit_digest(struct span line, char out[AUDIT_DIGEST_SIZE])
{
	uint8_t digest[32];
	if (!EVP_Q_digest(NULL, "SHA256", NULL, line.at, line.len, digest,
			  NULL))
		return MM_ERR_NOMEM;
	size_t n = base64url_encode(span_of(digest, sizeof digest), out,
				    AUDIT_DIGEST_SIZE - 1);
	out[n] = '\0';
	return MM_OK;
}

/* ---- following ---- */

static enum mm_err broken(struct why *why, const struct audit_chain *c,
			  const char *what)
{
	if (c->seq == 0)
		return why_say(why, MM_ERR_MALFORMED, NULL, "%s", what);
	return why_say(why, MM_ERR_MALFORMED, NULL, "behind line %llu: %s",
		       (unsigned long long)c->seq, what);
}

static enum mm_err check_place(const struct audit_chain *c, uint64_t seq,
			       const char *before, struct why *why)
{
	if ((before == NULL) != (seq == 1))
		return broken(why, c, "only line 1 has none before it");
	if (c->seq == 0)
		return MM_OK;
	if (seq != c->seq + 1)
		return broken(why, c, "the next line is missing");
	return strcmp(before, c->digest) == 0
		       ? MM_OK
		       : broken(why, c,
				"it, or what follows, is not what was "
				"written");
}

enum mm_err audit_chain_take(struct audit_chain *c, struct span line,
			     struct why *why)
{
	json_t *o = json_loadb((const char *)line.at, line.len,
			       JSON_REJECT_DUPLICATES, NULL);
	json_int_t seq = json_integer_value(json_object_get(o, "seq"));
	const char *before = json_string_value(json_object_get(o, "before"));
	enum mm_err e = seq < 1 ? broken(why, c, "no line of an audit")
				: check_place(c, (uint64_t)seq, before, why);
	json_decref(o);
	TRY(e);
	c->seq = (uint64_t)seq;
	return audit_digest(line, c->digest);
}
