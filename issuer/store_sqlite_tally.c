/* store_sqlite_tally.c - tokens counted, now and day by day. */
#include "issuer/store_sqlite.h"

#define DAY INT64_C(86400)

/* Rows of a day and a count, into days from `first` on. */
static enum mm_err fill_days(struct query *q, int64_t first,
			     int64_t days[TALLY_DAYS])
{
	while (query_row(q)) {
		int64_t day = column_int(q, 0) - first;
		if (day >= 0 && day < TALLY_DAYS)
			days[day] = column_int(q, 1);
	}
	return query_end(q);
}

static enum mm_err tally_minted(struct conn *c, int64_t first,
				struct tally *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_MINTED);
	query_int(&q, first * DAY);
	return fill_days(&q, first, out->minted);
}

static enum mm_err tally_died(struct conn *c, int64_t first, int64_t now,
			      struct tally *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_DIED);
	query_int(&q, first * DAY);
	query_int(&q, now);
	return fill_days(&q, first, out->died);
}

static enum mm_err tally_live(struct conn *c, int64_t now, struct tally *out)
{
	int64_t *const to[] = { &out->live, &out->suspended, &out->within_7,
				&out->within_30, &out->unused };
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_LIVE);
	query_int(&q, now);
	if (query_row(&q))
		for (int i = 0; i < 5; i++)
			*to[i] = column_int(&q, i);
	return query_end(&q);
}

static enum mm_err tally_users(struct conn *c, struct tally *out)
{
	AUTO_QUERY struct query q = query_new(c, ST_TALLY_USERS);
	if (query_row(&q))
		out->users = column_int(&q, 0);
	return query_end(&q);
}

static enum mm_err tally(struct conn *c, int64_t now, struct tally *out)
{
	int64_t first = now / DAY - (TALLY_DAYS - 1);
	TRY(tally_minted(c, first, out));
	TRY(tally_died(c, first, now, out));
	TRY(tally_live(c, now, out));
	return tally_users(c, out);
}

enum mm_err store_tally(struct store *s, int64_t now, struct tally *out)
{
	*out = (struct tally){ 0 };
	AUTO_READER struct conn *c = store_reader(s);
	TRY(conn_exec(c, "BEGIN")); /* all of one moment */
	enum mm_err e = tally(c, now, out);
	enum mm_err end = conn_exec(c, "COMMIT");
	return e != MM_OK ? e : end;
}
