/* belongs.c - keys/.in-use, and what is asked of keys and store. */
#include "issuer/belongs.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "common/log.h"

#define BELONGS_PATH (4096 + 16)
#define IN_USE	     ".in-use"

static bool is_there(const char *dir, const char *name)
{
	char path[BELONGS_PATH];
	snprintf(path, sizeof path, "%.4096s/%s", dir, name);
	return access(path, F_OK) == 0;
}

enum mm_err belongs_check_file(const char *data, const char *file,
			       struct why *why)
{
	if (access(file, F_OK) == 0 || errno != ENOENT ||
	    !(is_there(data, "newest") || is_there(data, "keys/" IN_USE)))
		return MM_OK;
	return why_say(why, MM_ERR_NOT_FOUND, "data",
		       "%s is not there, and its folder is a mint's: bring it "
		       "back; if the store is in PostgreSQL, say --store as "
		       "before; or begin a new history with --restored (all "
		       "tokens so far are then refused)",
		       file);
}

enum mm_err belongs_check(struct store *store, const char *dir, bool no_keys,
			  struct why *why)
{
	struct key_row rows[STORE_KEYS_MAX];
	size_t known;
	TRY(store_keys(store, 0, rows, &known));
	if (no_keys && known != 0)
		return why_say(why, MM_ERR_NOT_FOUND, "data",
			       "there are no keys in %s, but the store has "
			       "tokens that such keys have signed: bring the "
			       "folder back%s",
			       dir,
			       store_is_shared(store)
				       ? ", or copy that of another issuer "
					 "on this store"
				       : "");
	if (known == 0 && is_there(dir, IN_USE))
		return why_say(why, MM_ERR_NOT_FOUND, "data",
			       "the keys in %s have signed for a store that "
			       "is not here: bring its tables or its file "
			       "back, or begin "
			       "a new history with --restored (all tokens so "
			       "far are then refused)",
			       dir);
	return MM_OK;
}

void belongs_warn(const char *dir)
{
	log_event(LOG_WARNING, "keys.strange",
		  "detail=the store has announced keys, and none of them is in "
		  "%s: this issuer signs with keys that the others have not.  "
		  "If they are another mint's, who has its keys can make "
		  "tokens of this one: stop mintmarkd, put keys/ of another "
		  "issuer on this store in their place, start it, and end each "
		  "that mintmark key list says is missing: mintmark key retire "
		  "--force KID (keys/README.md, Several issuers)",
		  dir);
}

enum mm_err belongs_mark(const char *dir, const char *iss, struct why *why)
{
	char path[BELONGS_PATH];
	snprintf(path, sizeof path, "%.4096s/" IN_USE, dir);
	return access(path, F_OK) == 0
		       ? MM_OK
		       : file_replace(path, span_str(iss), 0600, why);
}
