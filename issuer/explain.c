/* explain.c - why the mint cannot, as a sentence each. */
#include "issuer/explain.h"

#include "issuer/issuer.h"

#define ELSE                                                                   \
	"try again in a moment; if it stays so, have its administrator run "   \
	"mintmark doctor on its host"

static const struct {
	enum mm_err e;
	const char *text;
} sentences[] = {
	{ MM_ERR_UNAVAILABLE, "the mint's store does not answer: " ELSE },
	{ MM_ERR_BUSY, "the mint's store is busy: " ELSE },
	{ MM_ERR_NOMEM, "the mint has no memory left for this: " ELSE },
	{ MM_ERR_IO, "the mint's host failed it: " ELSE },
	{ MM_ERR_CRYPTO, "the mint cannot sign: " ELSE },
	{ MM_ERR_FULL, "there is no room on the disk of the mint's store: "
		       "make some there, and try again" },
	{ MM_ERR_UNSURE, "the mint's database broke off: it may have been "
			 "done, or not; look, and ask again" },
	{ MM_ERR_VERSION, "a newer release has changed the mint's store, and "
			  "this one is stopping: ask another mint, or have "
			  "its administrator start the newer one here" },
};

static const char damaged[] =
	"the mint's store is damaged: its administrator has to put a backup "
	"in its place; mintmark doctor on its host says how";

/* NULL: there is none for that. */
static const char *sentence(struct store *store, enum mm_err e)
{
	if (e == MM_ERR_UNAVAILABLE && store_is_damaged(store))
		return damaged;
	for (size_t i = 0; i < sizeof sentences / sizeof sentences[0]; i++)
		if (sentences[i].e == e)
			return sentences[i].text;
	return NULL;
}

const char *explain(struct store *store, enum mm_err e)
{
	const char *text = sentence(store, e);
	return text ? text : "try again";
}

void issuer_explain(void *app, enum mm_err e, struct why *why)
{
	struct issuer *is = app;
	const char *text = sentence(is->store, e);
	if (text != NULL)
		(void)why_say(why, e, NULL, "%s", text);
}
