/* json_heap.c - allocations that are remembered when they fail. */
#include "common/json_heap.h"

#include <stdlib.h>

static _Thread_local bool failed;
static _Thread_local void *spare;

static void *watched(size_t n)
{
	void *at = malloc(n);
	if (at == NULL && spare != NULL) {
		json_heap_spare_end();
		at = malloc(n);
	}
	failed |= at == NULL;
	return at;
}

bool json_heap_spare(size_t n)
{
	free(spare);
	spare = malloc(n);
	return spare != NULL;
}

void json_heap_spare_end(void)
{
	free(spare);
	spare = NULL;
}

void json_heap_watch(void (*end)(void *))
{
	json_set_alloc_funcs(watched, end);
}

enum mm_err json_heap_load(struct span text, json_t **out, json_error_t *error)
{
	failed = false;
	json_t *all = json_loadb((const char *)text.at, text.len,
				 JSON_REJECT_DUPLICATES, error);
	if (all == NULL)
		return failed ? MM_ERR_NOMEM : MM_ERR_MALFORMED;
	if (failed) {
		json_decref(all);
		return MM_ERR_NOMEM;
	}
	*out = all;
	return MM_OK;
}
