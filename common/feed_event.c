/* feed_event.c - one event as JSON, read and written from one table. */
#include <stddef.h>

#include "common/feed_json.h"

#define EVENT_MAX 2048 /* bytes; a key-new with a 4096-bit RSA key has 900 */

static const char *const type_names[] = {
	[EVENT_STATUS] = "status",
	[EVENT_RENEW] = "renew",
	[EVENT_LIST_NEW] = "list-new",
	[EVENT_LIST_DEAD] = "list-dead",
	[EVENT_KEY_NEW] = "key-new",
	[EVENT_KEY_RETIRED] = "key-retired",
	[EVENT_KEY_COMPROMISED] = "key-compromised",
};

enum form { FORM_U32, FORM_I64, FORM_KIND, FORM_KID, FORM_JWK };

/* Sets of event types. */
#define ON(type)   (1u << EVENT_##type)
#define ON_STATUS  ON(STATUS)
#define ON_RENEW   ON(RENEW)
#define ON_NEW	   ON(LIST_NEW)
#define ON_INDEX   (ON(STATUS) | ON(RENEW))
#define ON_LIST	   (ON_INDEX | ON(LIST_NEW) | ON(LIST_DEAD))
#define ON_KEY_NEW ON(KEY_NEW)
#define ON_KEY	   (ON(KEY_NEW) | ON(KEY_RETIRED) | ON(KEY_COMPROMISED))

struct member {
	const char *name;
	enum form form;
	size_t offset;
	int64_t min, max;
	unsigned types;
};

/* clang-format off */
#define AT(member) offsetof(struct event, member)
static const struct member members[] = {
	{ "list",     FORM_U32,  AT(list),     0, UINT32_MAX,        ON_LIST },
	{ "idx",      FORM_U32,  AT(idx),      0, LIST_SIZE_MAX - 1, ON_INDEX },
	{ "value",    FORM_U32,  AT(value),    0, STATUS_SUSPENDED,  ON_STATUS },
	{ "last_use", FORM_I64,  AT(last_use), 1, UINT32_MAX,        ON_RENEW },
	{ "kind",     FORM_KIND, AT(kind),     0, 0,                 ON_NEW },
	{ "size",     FORM_U32,  AT(size),     1, LIST_SIZE_MAX,     ON_NEW },
	{ "expires",  FORM_I64,  AT(expires),  1, DATE_MAX,          ON_NEW },
	{ "kid",      FORM_KID,  AT(kid),      0, 0,                 ON_KEY },
	{ "jwk",      FORM_JWK,  AT(jwk),      0, 0,                 ON_KEY_NEW },
};
/* clang-format on */
#define MEMBERS (sizeof members / sizeof members[0])

_Static_assert(sizeof(unsigned) == sizeof(uint32_t), "FORM_U32 is for both");

static bool type_known(enum event_type t)
{
	return t >= EVENT_STATUS && t <= EVENT_KEY_COMPROMISED;
}

/* ---- writing ---- */

static int64_t number_of(const struct event *e, const struct member *m)
{
	const char *at = (const char *)e + m->offset;
	uint32_t u32;
	int64_t i64;
	if (m->form == FORM_I64) {
		memcpy(&i64, at, sizeof i64);
		return i64;
	}
	memcpy(&u32, at, sizeof u32);
	return u32;
}

static enum mm_err write_member(const struct event *e, const struct member *m,
				struct buf *out)
{
	buf_fmt(out, ",\"%s\":", m->name);
	switch (m->form) {
	case FORM_U32:
	case FORM_I64:
		buf_fmt(out, "%lld", (long long)number_of(e, m));
		break;
	case FORM_KIND:
		if (list_kind_name(e->kind) == NULL)
			return MM_ERR_INVALID;
		buf_fmt(out, "\"%s\"", list_kind_name(e->kind));
		break;
	case FORM_KID:
		buf_fmt(out, "\"%s\"", e->kid);
		break;
	case FORM_JWK:
		buf_str(out, e->jwk);
		break;
	}
	return out->failed;
}

enum mm_err event_write(const struct event *e, struct buf *out)
{
	if (!type_known(e->type))
		return MM_ERR_INVALID;
	buf_fmt(out, "{\"seq\":%llu,\"type\":\"%s\"",
		(unsigned long long)e->seq, type_names[e->type]);
	for (size_t i = 0; i < MEMBERS; i++)
		if (members[i].types & 1u << e->type)
			TRY(write_member(e, &members[i], out));
	buf_str(out, "}");
	return out->failed;
}

/* ---- reading ---- */

static enum mm_err read_number(const json_t *o, const struct member *m,
			       struct event *e)
{
	char *at = (char *)e + m->offset;
	int64_t v;
	TRY(feed_json_int(o, m->name, m->min, m->max, &v));
	uint32_t u32 = (uint32_t)v;
	if (m->form == FORM_I64)
		memcpy(at, &v, sizeof v);
	else
		memcpy(at, &u32, sizeof u32);
	return MM_OK;
}

static enum mm_err read_kind(const json_t *o, const char *name,
			     enum list_kind *out)
{
	char text[16];
	TRY(feed_json_str(o, name, text, sizeof text));
	*out = list_kind_of(text);
	return *out ? MM_OK : MM_ERR_MALFORMED;
}

static enum mm_err read_kid(const json_t *o, const char *name,
			    char out[KID_SIZE])
{
	TRY(feed_json_str(o, name, out, KID_SIZE));
	return jwk_is_kid(out) ? MM_OK : MM_ERR_MALFORMED;
}

/* Kept as text; whether it is a key, and this one, the replica says. */
static enum mm_err read_jwk(const json_t *o, const char *name,
			    char out[JWK_TEXT_MAX])
{
	const json_t *v = json_object_get(o, name);
	if (!json_is_object(v))
		return MM_ERR_MALFORMED;
	size_t n = json_dumpb(v, out, JWK_TEXT_MAX - 1, JSON_COMPACT);
	if (n == 0 || n > JWK_TEXT_MAX - 1)
		return MM_ERR_MALFORMED;
	out[n] = '\0';
	return MM_OK;
}

static enum mm_err read_member(const json_t *o, const struct member *m,
			       struct event *e)
{
	switch (m->form) {
	case FORM_U32:
	case FORM_I64:
		break;
	case FORM_KIND:
		return read_kind(o, m->name, &e->kind);
	case FORM_KID:
		return read_kid(o, m->name, e->kid);
	case FORM_JWK:
		return read_jwk(o, m->name, e->jwk);
	}
	return read_number(o, m, e);
}

static enum mm_err read_type(const json_t *o, enum event_type *out)
{
	char text[24];
	TRY(feed_json_str(o, "type", text, sizeof text));
	for (unsigned t = EVENT_STATUS; t <= EVENT_KEY_COMPROMISED; t++)
		if (strcmp(type_names[t], text) == 0) {
			*out = (enum event_type)t;
			return MM_OK;
		}
	/* An event that we cannot apply is one that we would lose. */
	return MM_ERR_MALFORMED;
}

enum mm_err event_from_json(const json_t *o, struct event *out)
{
	int64_t seq;
	if (!json_is_object(o))
		return MM_ERR_MALFORMED;
	memset(out, 0, sizeof *out);
	TRY(feed_json_int(o, "seq", 1, INT64_MAX, &seq));
	out->seq = (uint64_t)seq;
	TRY(read_type(o, &out->type));
	for (size_t i = 0; i < MEMBERS; i++)
		if (members[i].types & 1u << out->type)
			TRY(read_member(o, &members[i], out));
	return MM_OK;
}

enum mm_err event_read(struct span json, struct event *out)
{
	AUTO_JSON json_t *o = NULL;
	TRY(feed_json_parse(json, EVENT_MAX, &o));
	return event_from_json(o, out);
}
