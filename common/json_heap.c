/* json_heap.c - allocations that are remembered when they fail. */
#include "common/json_heap.h"

#include <stdlib.h>
#include <string.h>

static _Thread_local bool failed;
static _Thread_local void *spare;
static void (*ending)(void *) = free; /* the program's */

/* While a text is read: memory for the allocation that fails first.  If the
 * buffer of the lexer may not grow, it loses a character, and looks for it
 * behind its end.  So that grows, and there is no next character. */
static _Thread_local struct {
	void *at;
	size_t len;
} last;

static void *fail(size_t n)
{
	bool first = !failed;
	failed = true;
	return first && n <= last.len ? last.at : NULL;
}

static void *watched(size_t n)
{
	void *at = malloc(n);
	if (at == NULL && spare != NULL) {
		json_heap_spare_end();
		at = malloc(n);
	}
	if (at == NULL)
		at = fail(n);
	return at;
}

static void release(void *at)
{
	if (at != last.at)
		ending(at);
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
	ending = end;
	json_set_alloc_funcs(watched, release);
}

static size_t next_byte(void *to, size_t n, void *ctx)
{
	struct span *rest = ctx;
	if (failed || n == 0 || rest->len == 0)
		return 0;
	*(uint8_t *)to = *(const uint8_t *)rest->at;
	*rest = span_of(rest->at + 1, rest->len - 1);
	return 1;
}

static enum mm_err read_all(struct span text, json_t **out, json_error_t *error)
{
	failed = false;
	json_t *all = json_load_callback(next_byte, &text,
					 JSON_REJECT_DUPLICATES, error);
	if (failed) {
		json_decref(all);
		return MM_ERR_NOMEM;
	}
	*out = all;
	return all ? MM_OK : MM_ERR_MALFORMED;
}

enum mm_err json_heap_load(struct span text, json_t **out, json_error_t *error)
{
	bool before = failed;
	last.len = 2 * text.len + 64; /* it doubles, from 16 */
	last.at = malloc(last.len);
	if (last.at == NULL)
		return MM_ERR_NOMEM;
	enum mm_err e = read_all(text, out, error);
	free(last.at);
	last.at = NULL;
	last.len = 0;
	failed = before;
	return e;
}

void json_heap_begin(void)
{
	failed = false;
}

char *json_heap_dump(const json_t *v, size_t flags)
{
	char *text = v ? json_dumps(v, flags) : NULL;
	bool lost = failed;
	failed = false;
	if (!lost || text == NULL)
		return text;
	explicit_bzero(text, strlen(text)); /* a new token may be in it */
	free(text);
	return NULL;
}
