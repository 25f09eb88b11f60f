/* store_tally.c - tokens counted, now and day by day.
 *
 * All are read, once, in the order in which they lie: that is sooner done
 * than to ask for each number by itself. */
#include "issuer/store_internal.h"

#define DAY INT64_C(86400)

enum { WITHIN_7 = -1, WITHIN_30 = -2, LATER = -3 };

/* What TALLY_TOKENS says of tokens that are alike. */
struct alike {
	int64_t minted; /* a day */
	int64_t ending; /* the day on which they died; or they live */
	enum token_status status;
	bool used, gone; /* gone: their key is */
	int64_t count;
};

static struct alike alike_read(struct query *q)
{
	return (struct alike){ .minted = column_int(q, 0),
			       .ending = column_int(q, 1),
			       .status = (enum token_status)column_int(q, 2),
			       .used = column_int(q, 3) != 0,
			       .gone = column_int(q, 4) != 0,
			       .count = column_int(q, 5) };
}

/* `first` is the day of days[0]. */
static void count_day(int64_t days[TALLY_DAYS], int64_t day, int64_t first,
		      int64_t count)
{
	if (day >= first && day < first + TALLY_DAYS)
		days[day - first] += count;
}

static void count(struct tally *t, const struct alike *a, int64_t first)
{
	bool active = a->status == TOKEN_VALID;
	count_day(t->minted, a->minted, first, a->count);
	if (a->ending >= 0) {
		count_day(t->died, a->ending, first, a->count);
		return;
	}
	if (a->gone) /* some time ago, and not by its own end */
		return;
	t->live += a->count;
	t->suspended += active ? 0 : a->count;
	if (!active)
		return;
	t->within_7 += a->ending == WITHIN_7 ? a->count : 0;
	t->within_30 += a->ending != LATER ? a->count : 0;
	t->unused += a->used ? 0 : a->count;
}

static enum mm_err tally_tokens(struct conn *c, int64_t now, struct tally *out)
{
	int64_t first = now / DAY - (TALLY_DAYS - 1);
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_TOKENS);
	query_int(&q, now);
	query_int(&q, now + 7 * DAY);
	query_int(&q, now + 30 * DAY);
	while (query_row(&q)) {
		const struct alike a = alike_read(&q);
		count(out, &a, first);
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
