/* store_tally.c - tokens counted, now and day by day.
 *
 * All are read, once, in the order in which they lie: that is sooner done
 * than to ask for each number by itself. */
#include "issuer/store_internal.h"

#define DAY INT64_C(86400)

struct life {
	int64_t iat, ends; /* when it died, or will */
	enum token_status status;
	bool used, gone; /* gone: its key is */
};

/* Revoked when it was dead, it had died before. */
static struct life life_read(struct query *q)
{
	int64_t dies = column_int(q, 1), changed = column_int(q, 3);
	enum token_status status = (enum token_status)column_int(q, 2);
	bool ended = status == TOKEN_REVOKED || status == TOKEN_IDLE;
	return (struct life){ .iat = column_int(q, 0),
			      .ends = ended && changed < dies ? changed : dies,
			      .status = status,
			      .used = column_int(q, 4) != 0,
			      .gone = column_int(q, 5) != 0 };
}

static void count_day(int64_t days[TALLY_DAYS], int64_t at, int64_t now)
{
	int64_t day = at / DAY - now / DAY + TALLY_DAYS - 1;
	if (day >= 0 && day < TALLY_DAYS)
		days[day]++;
}

static void count(struct tally *t, const struct life *l, int64_t now)
{
	bool active = l->status == TOKEN_VALID;
	count_day(t->minted, l->iat, now);
	if (l->ends <= now) {
		count_day(t->died, l->ends, now);
		return;
	}
	if (l->gone) /* some time ago, and not by its own end */
		return;
	t->live++;
	t->suspended += !active;
	t->within_7 += active && l->ends <= now + 7 * DAY;
	t->within_30 += active && l->ends <= now + 30 * DAY;
	t->unused += active && !l->used;
}

static enum mm_err tally_tokens(struct conn *c, int64_t now, struct tally *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_TOKENS);
	while (query_row(&q)) {
		const struct life l = life_read(&q);
		count(out, &l, now);
	}
	return query_end(&q);
}

static enum mm_err tally_users(struct conn *c, struct tally *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_USERS);
	if (query_row(&q))
		out->users = column_int(&q, 0);
	return query_end(&q);
}

enum mm_err store_tally(struct store *s, int64_t now, struct tally *out)
{
	*out = (struct tally){ 0 };
	AUTO_READER struct conn *c = store_reader(s);
	TRY(tally_tokens(c, now, out));
	return tally_users(c, out);
}
