/* model.c - the model beside a replica, and batches applied to it. */
#include "common/duration.h"
#include "tests/fuzz/model_internal.h"

#define B64URL                                                                 \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

/* ---- beside the replica ---- */

void model_free(struct model *m)
{
	for (size_t i = 0; i < m->lists; i++) {
		free(m->list[i].status);
		free(m->list[i].uses);
	}
	*m = (struct model){ .lists = 0 };
}

struct model_list *model_add(struct model *m, int64_t list, bool slides,
			     int64_t size, int64_t expires)
{
	MM_ASSERT(m->lists < MODEL_LISTS);
	struct model_list *l = &m->list[m->lists++];
	*l = (struct model_list){
		.list = list, .slides = slides, .size = size, .expires = expires
	};
	l->status = zeros((size_t)size);
	l->uses = slides ? zeros((size_t)size * 4) : NULL;
	return l;
}

void model_of(const struct replica *r, struct model *out)
{
	*out = (struct model){ .seq = (int64_t)r->seq, .iat = r->iat };
	memcpy(out->iss, r->iss, sizeof out->iss);
	memcpy(out->epoch, r->epoch, sizeof out->epoch);
	memcpy(out->history, r->history, sizeof out->history);
	for (size_t i = 0; i < r->list_count; i++) {
		const struct list *from = &r->lists[i];
		bool slides = from->kind == LIST_AUTO_REFRESH;
		struct model_list *l = model_add(out, from->list, slides,
						 from->size, from->expires);
		for (uint32_t k = 0; k < from->size; k++)
			l->status[k] = (uint8_t)status_get(from->status, k);
		if (slides)
			memcpy(l->uses, from->last_use, from->size * 4u);
	}
	for (size_t i = 0; i < r->keys.count; i++)
		memcpy(out->kid[out->keys++], jwk_kid(r->keys.key[i]),
		       KID_SIZE);
}

static void check_list(const struct model_list *m, const struct list *l)
{
	MM_ASSERT(l != NULL && l->size == m->size && l->expires == m->expires);
	MM_ASSERT((l->kind == LIST_AUTO_REFRESH) == m->slides);
	MM_ASSERT((l->last_use != NULL) == m->slides);
	for (uint32_t k = 0; k < l->size; k++)
		MM_ASSERT(status_get(l->status, k) == m->status[k]);
	MM_ASSERT(!m->slides ||
		  memcmp(l->last_use, m->uses, (size_t)m->size * 4) == 0);
}

void model_check(const struct model *m, const struct replica *r)
{
	MM_ASSERT(strcmp(m->iss, r->iss) == 0);
	MM_ASSERT(strcmp(m->epoch, r->epoch) == 0);
	MM_ASSERT(strcmp(m->history, r->history) == 0);
	MM_ASSERT((uint64_t)m->seq == r->seq && m->iat == r->iat);
	MM_ASSERT(m->lists == r->list_count && m->keys == r->keys.count);
	for (size_t i = 0; i < m->lists; i++)
		check_list(&m->list[i],
			   replica_list(r, (uint32_t)m->list[i].list));
	for (size_t i = 1; i < r->list_count; i++)
		MM_ASSERT(r->lists[i - 1].list < r->lists[i].list);
	for (size_t i = 0; i < m->keys; i++)
		MM_ASSERT(strcmp(m->kid[i], jwk_kid(r->keys.key[i])) == 0);
}

/* ---- values ---- */

static bool within(json_int_t v, json_int_t min, json_int_t max)
{
	return v >= min && v <= max;
}

/* A text that fits with its NUL, and is not empty. */
static bool take_text(char *to, size_t size, const char *from, size_t len)
{
	if (len == 0 || len >= size)
		return false;
	memcpy(to, from, len + 1);
	return true;
}

/* None, or 128 bits in 22 characters of six: the last has two of them. */
static bool take_history(char to[HISTORY_SIZE], const json_t *v)
{
	const char *s = json_string_value(v);
	to[0] = '\0';
	if (v == NULL)
		return true;
	return s != NULL && json_string_length(v) == HISTORY_SIZE - 1 &&
	       strspn(s, B64URL) == HISTORY_SIZE - 1 &&
	       strchr("AQgw", s[HISTORY_SIZE - 2]) != NULL &&
	       take_text(to, HISTORY_SIZE, s, HISTORY_SIZE - 1);
}

bool model_head(json_t *o, struct model *m)
{
	const char *iss, *epoch;
	size_t iss_len, epoch_len;
	json_int_t iat, seq, ttl;
	if (json_unpack(o, "{s:s%, s:s%, s:I, s:I, s:I}", "iss", &iss, &iss_len,
			"epoch", &epoch, &epoch_len, "iat", &iat, "ttl", &ttl,
			"seq", &seq) != 0)
		return false;
	m->iat = iat;
	m->seq = seq;
	return take_text(m->iss, sizeof m->iss, iss, iss_len) &&
	       take_text(m->epoch, sizeof m->epoch, epoch, epoch_len) &&
	       take_history(m->history, json_object_get(o, "history")) &&
	       within(iat, 0, DATE_MAX) && within(ttl, 0, DURATION_MAX) &&
	       within(seq, 0, INT64_MAX);
}

struct model_list *model_find(struct model *m, int64_t list)
{
	for (size_t i = 0; i < m->lists; i++)
		if (m->list[i].list == list)
			return &m->list[i];
	return NULL;
}

bool model_has_room(const struct model *m, int64_t size)
{
	for (size_t i = 0; i < m->lists; i++)
		size += m->list[i].size;
	return m->lists < MODEL_LISTS && size <= MODEL_TOKENS;
}

static bool is_kid(const char *s)
{
	return s != NULL && strlen(s) == KID_LEN &&
	       strspn(s, B64URL) == KID_LEN;
}

bool model_usable(const json_t *jwk, size_t room, char kid[KID_SIZE])
{
	char *text = json_dumps(jwk, JSON_COMPACT);
	AUTO_JWK struct jwk *k = NULL;
	bool good = text != NULL && strlen(text) <= room &&
		    jwk_from_json(span_str(text), &k, NULL) == MM_OK;
	if (good)
		memcpy(kid, jwk_kid(k), KID_SIZE);
	free(text);
	return good;
}

size_t model_key_at(const struct model *m, const char *kid)
{
	size_t i = 0;
	while (i < m->keys && strcmp(m->kid[i], kid) != 0)
		i++;
	return i;
}

/* ---- events ---- */

static bool is_type(const struct model_event *e, const char *type)
{
	return strcmp(e->type, type) == 0;
}

static bool read_place(json_t *o, struct model_event *e)
{
	return json_unpack(o, "{s:I, s:I}", "list", &e->list, "idx", &e->idx) ==
		       0 &&
	       within(e->list, 0, UINT32_MAX) &&
	       within(e->idx, 0, LIST_SIZE_MAX - 1);
}

bool model_new_list(json_t *o, struct model_event *e)
{
	return json_unpack(o, "{s:I, s:s, s:I, s:I}", "list", &e->list, "kind",
			   &e->kind, "size", &e->size, "expires",
			   &e->expires) == 0 &&
	       within(e->list, 0, UINT32_MAX) &&
	       (!strcmp(e->kind, "fixed") ||
		!strcmp(e->kind, "auto_refresh")) &&
	       within(e->size, 1, LIST_SIZE_MAX) &&
	       within(e->expires, 1, DATE_MAX);
}

/* Has it the members of its type, in their ranges? */
static bool read_event(json_t *o, struct model_event *e)
{
	*e = (struct model_event){ .type = NULL };
	if (json_unpack(o, "{s:I, s:s}", "seq", &e->seq, "type", &e->type) != 0)
		return false;
	if (is_type(e, "status"))
		return read_place(o, e) &&
		       !json_unpack(o, "{s:I}", "value", &e->value) &&
		       within(e->value, 0, 2);
	if (is_type(e, "renew"))
		return read_place(o, e) &&
		       !json_unpack(o, "{s:I}", "last_use", &e->last_use) &&
		       within(e->last_use, 1, UINT32_MAX);
	if (is_type(e, "list-new"))
		return model_new_list(o, e);
	if (is_type(e, "list-dead"))
		return !json_unpack(o, "{s:I}", "list", &e->list) &&
		       within(e->list, 0, UINT32_MAX);
	if (json_unpack(o, "{s:s}", "kid", &e->kid) != 0 || !is_kid(e->kid))
		return false;
	if (is_type(e, "key-retired") || is_type(e, "key-compromised"))
		return true;
	char *text = NULL;
	bool good = is_type(e, "key-new") &&
		    !json_unpack(o, "{s:o}", "jwk", &e->jwk) &&
		    json_is_object(e->jwk) &&
		    (text = json_dumps(e->jwk, JSON_COMPACT)) != NULL &&
		    strlen(text) < JWK_TEXT_MAX;
	free(text);
	return good;
}

static void drop_list(struct model *m, struct model_list *l)
{
	free(l->status);
	free(l->uses);
	*l = m->list[--m->lists];
}

static bool apply_to_list(struct model *m, const struct model_event *e)
{
	struct model_list *l = model_find(m, e->list);
	if (is_type(e, "list-dead")) {
		if (l != NULL)
			drop_list(m, l);
		return true;
	}
	if (is_type(e, "list-new")) {
		bool slides = !strcmp(e->kind, "auto_refresh");
		if (e->size % 4 != 0)
			return false;
		if (l != NULL)
			return l->size == e->size && l->slides == slides &&
			       l->expires == e->expires;
		model_add(m, e->list, slides, e->size, e->expires);
		return true;
	}
	if (l == NULL || e->idx >= l->size)
		return false;
	if (is_type(e, "status"))
		l->status[e->idx] = (uint8_t)e->value;
	else if (!l->slides)
		return false;
	else if (l->uses[e->idx] < e->last_use)
		l->uses[e->idx] = (uint32_t)e->last_use;
	return true;
}

static bool apply_to_keys(struct model *m, const struct model_event *e)
{
	size_t at = model_key_at(m, e->kid);
	char kid[KID_SIZE];
	if (!is_type(e, "key-new")) {
		if (at == m->keys)
			return true;
		m->keys--;
		memmove(m->kid[at], m->kid[at + 1], (m->keys - at) * KID_SIZE);
		return true;
	}
	if (!model_usable(e->jwk, JWK_TEXT_MAX - 1, kid) ||
	    strcmp(kid, e->kid) != 0)
		return false;
	if (at < m->keys)
		return true;
	if (m->keys == MODEL_KEYS)
		return false;
	memcpy(m->kid[m->keys++], kid, KID_SIZE);
	return true;
}

/* ---- batches ---- */

/* The events in order, each numbered as the head says? */
static bool all_readable(json_t *events, int64_t after)
{
	size_t i;
	json_t *o;
	struct model_event e;
	json_array_foreach(events, i,
			   o) if (!read_event(o, &e) ||
				  e.seq != after + (int64_t)i + 1) return false;
	return true;
}

static enum model_answer apply_from(struct model *m, json_t *events, size_t i,
				    size_t *count)
{
	struct model_event e;
	for (; i < json_array_size(events); i++, ++*count, m->seq++) {
		(void)read_event(json_array_get(events, i), &e);
		if (is_type(&e, "list-new") && !model_has_room(m, e.size))
			return MODEL_TOO_MUCH;
		if (!(e.kid ? apply_to_keys : apply_to_list)(m, &e))
			return MODEL_REFUSED;
	}
	return MODEL_TAKEN;
}

enum model_answer model_apply(struct model *m, struct span payload,
			      size_t *count)
{
	json_auto_t *o = parse(payload);
	struct model h;
	json_int_t after;
	json_t *events, *more = NULL;
	*count = 0;
	h.lists = 0;
	if (!json_is_object(o) || !model_head(o, &h) ||
	    json_unpack(o, "{s:I, s:o, s?o}", "after", &after, "events",
			&events, "more", &more) ||
	    (more != NULL && !json_is_boolean(more)) ||
	    !within(after, 0, h.seq) || !json_is_array(events) ||
	    json_array_size(events) > FEED_EVENTS_MAX ||
	    (json_int_t)json_array_size(events) != h.seq - after ||
	    strcmp(h.iss, m->iss) != 0 || strcmp(h.epoch, m->epoch) != 0 ||
	    h.seq < m->seq || after > m->seq || !all_readable(events, after))
		return MODEL_REFUSED;
	enum model_answer a =
		apply_from(m, events, (size_t)(m->seq - after), count);
	if (a == MODEL_TAKEN)
		memcpy(m->history, h.history, sizeof m->history);
	if (a == MODEL_TAKEN && !json_is_true(more) && m->iat < h.iat)
		m->iat = h.iat;
	return a;
}

/* ---- to begin with ---- */

static void load_key(struct jwk_set *to, const char *name)
{
	char path[512];
	AUTO_BUF struct buf b = buf_new(JWK_TEXT_MAX);
	AUTO_JWK struct jwk *k = NULL;
	struct span text;
	snprintf(path, sizeof path, "%s/%s.jwk", MM_VECTORS, name);
	MM_ASSERT(buf_read_file(&b, path, NULL) == MM_OK);
	MM_ASSERT(buf_done(&b, &text) == MM_OK);
	MM_ASSERT(jwk_from_json(text, &k, NULL) == MM_OK);
	MM_ASSERT(jwk_set_add(to, k) == MM_OK);
}

void model_base(struct replica *r)
{
	static struct jwk_set keys; /* read once */
	struct list *l;
	if (keys.count == 0) {
		load_key(&keys, "golden-es256");
		load_key(&keys, "golden-eddsa");
	}
	*r = (struct replica){ .seq = 7, .iat = 1790000000 };
	(void)span_copy(r->iss, sizeof r->iss, span_str(MODEL_ISS));
	(void)span_copy(r->epoch, sizeof r->epoch, span_str(MODEL_EPOCH));
	for (size_t i = 0; i < keys.count; i++)
		MM_ASSERT(jwk_set_add(&r->keys, keys.key[i]) == MM_OK);
	MM_ASSERT(replica_add_list(r, 1, LIST_FIXED, 16, 1821536000, &l) ==
		  MM_OK);
	list_put_status(l, 3, STATUS_REVOKED);
	list_put_status(l, 4, STATUS_SUSPENDED);
	MM_ASSERT(replica_add_list(r, 2, LIST_AUTO_REFRESH, 8, 1821536000,
				   &l) == MM_OK);
	list_put_status(l, 5, STATUS_REVOKED);
	list_put_last_use(l, 2, 1790000000);
}
