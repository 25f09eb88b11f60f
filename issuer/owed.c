/* owed.c - the keys whose end is ours to announce, and the file of them. */
#include "issuer/owed.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"

#define OWED_PATH 4200
#define OWED_FILE (sizeof((struct owed *)NULL)->kid)

bool owed_has(const struct owed *o, const char *kid)
{
	for (size_t i = 0; i < o->count; i++)
		if (strcmp(o->kid[i], kid) == 0)
			return true;
	return false;
}

static bool add(struct owed *o, struct span kid)
{
	if (o->count == sizeof o->kid / sizeof o->kid[0] ||
	    !span_copy(o->kid[o->count], KID_SIZE, kid))
		return false;
	o->count += !owed_has(o, o->kid[o->count]);
	return true;
}

enum mm_err owed_add(struct owed *o, const struct keyring *ring,
		     struct why *why)
{
	for (size_t i = 0; i < ring->count; i++) {
		const char *kid = jwk_kid(ring->at[i].key);
		if (!owed_has(o, kid) && !add(o, span_str(kid)))
			return why_say(why, MM_ERR_TOO_LARGE, NULL,
				       "too many keys came and went while the "
				       "store could not be told: key %s has "
				       "to wait until it can",
				       kid);
	}
	return MM_OK;
}

/* ---- the file ---- */

static const char *path_of(const char *dir, char out[OWED_PATH])
{
	snprintf(out, OWED_PATH, "%.4096s/owed", dir);
	return out;
}

static enum mm_err write_file(const struct owed *o, const struct keyring *ring,
			      const char *dir, struct why *why)
{
	char path[OWED_PATH];
	AUTO_BUF struct buf b = buf_new(OWED_FILE);
	struct span text;
	for (size_t i = 0; i < o->count; i++)
		if (keyring_find(ring, o->kid[i]) == NULL)
			buf_fmt(&b, "%s\n", o->kid[i]);
	TRY(buf_done(&b, &text));
	return text.len != 0 ? file_replace(path_of(dir, path), text, 0600, why)
			     : MM_OK;
}

void owed_save(const struct owed *o, const struct keyring *ring,
	       const char *dir)
{
	struct why why = { .text = "" };
	enum mm_err e = write_file(o, ring, dir, &why);
	if (e != MM_OK)
		log_event(LOG_WARNING, "keys.owed_unsaved",
			  "detail=%s: should mintmarkd end before it has "
			  "announced the keys that are gone, they stay "
			  "published",
			  why.text[0] ? why.text : mm_err_word(e));
}

enum mm_err owed_load(struct owed *o, const char *dir, struct why *why)
{
	char path[OWED_PATH];
	AUTO_BUF struct buf b = buf_new(OWED_FILE);
	struct span text, line;
	enum mm_err e = buf_read_kept_file(&b, path_of(dir, path), why);
	if (e == MM_ERR_NOT_FOUND)
		return MM_OK;
	TRY(e);
	TRY(buf_done(&b, &text));
	while (span_cut(&text, '\n', &line))
		if (line.len != KID_LEN || !add(o, line))
			return why_say(why, MM_ERR_INVALID, NULL,
				       "%s is damaged: it holds the names of "
				       "keys whose end was not announced yet; "
				       "take it away, and they stay published",
				       path);
	return MM_OK;
}

void owed_settle(struct owed *o, const struct keyring *ring, const char *dir)
{
	char path[OWED_PATH];
	*o = (struct owed){ .count = 0 };
	(void)!owed_add(o, ring, NULL); /* it has room for more than one ring */
	if (unlink(path_of(dir, path)) != 0 && errno != ENOENT)
		log_event(LOG_WARNING, "keys.owed_stays",
			  "detail=cannot remove %s: %s", path, strerror(errno));
}
