/* revoked.c - what a host holds as revoked. */
#include "verifier/agent/revoked.h"

#include <stdio.h>

#include "common/status_list.h"
#include "verifier/state.h"

/* Behind `held` all are as they were made. */
static size_t print_list(const struct state_header *h,
			 const struct state_list *l)
{
	char id[JTI_SIZE];
	size_t n = 0;
	for (uint32_t i = 0; i < l->held; i++) {
		if (state_status(h, l, i) != STATUS_REVOKED)
			continue;
		token_id_write(id, l->list, i);
		puts(id);
		n++;
	}
	return n;
}

enum mm_err revoked_print(const char *state, struct why *why)
{
	AUTO_MAP struct state_map *m = NULL;
	size_t n = 0;
	enum mm_err e = state_map_open(state, &m, why);
	if (e == MM_ERR_NOT_FOUND)
		return why_say(why, e, NULL, "there is no state at %s", state);
	TRY(e);
	/* first: of what comes meanwhile, not all may be there */
	uint64_t seq = atomic_load(&m->head->seq);
	const struct state_list *l = state_at(m->head, m->head->lists_at);
	for (uint32_t i = 0; i < m->head->list_count; i++)
		n += print_list(m->head, &l[i]);
	if (fflush(stdout) != 0 || ferror(stdout))
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot write to standard output: this is not "
			       "the whole of it");
	fprintf(stderr, "%zu revoked tokens of %.*s, as of event %llu\n", n,
		(int)m->iss.len, (const char *)m->iss.at,
		(unsigned long long)seq);
	return MM_OK;
}
