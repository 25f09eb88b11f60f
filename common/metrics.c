/* metrics.c - Prometheus' text format, version 0.0.4. */
#include "common/metrics.h"

/* In nanoseconds.  A door answers in microseconds, a mint waits for a disk,
 * and a poll of the feed for half a minute. */
static const int64_t bounds[HISTOGRAM_BOUNDS] = {
	50000,	   100000,     250000,	   500000,     1000000,	    2500000,
	5000000,   10000000,   25000000,   50000000,   100000000,   250000000,
	500000000, 1000000000, 2500000000, 5000000000, 10000000000, 30000000000,
};

void histogram_add(struct histogram *h, int64_t ns)
{
	size_t i = 0;
	while (i < HISTOGRAM_BOUNDS && ns > bounds[i])
		i++;
	counter_add(&h->bucket[i], 1);
	counter_add(&h->sum, ns > 0 ? (uint64_t)ns : 0);
}

/* ---- one line ---- */

struct metrics_page {
	struct buf *out;
	const char *prefix;
	const struct metric *row;
};

/* \, " and newlines are escaped in a label's value. */
static void add_value(struct buf *out, const char *value)
{
	for (const char *c = value; *c != '\0'; c++) {
		if (*c == '\n') {
			buf_str(out, "\\n");
			continue;
		}
		if (*c == '\\' || *c == '"')
			buf_str(out, "\\");
		buf_add(out, span_of(c, 1));
	}
}

/* *before: what stands in front of it, "{" or ",". */
static void add_label(struct buf *out, const char **before, struct span name,
		      const char *value)
{
	buf_str(out, *before);
	buf_add(out, name);
	buf_str(out, "=\"");
	add_value(out, value);
	buf_str(out, "\"");
	*before = ",";
}

/* A value for each name, or whoever put it there is wrong. */
static void add_labels(struct metrics_page *p, const char **before,
		       const char *const *values)
{
	struct span rest = span_str(p->row->labels), name;
	while (rest.len != 0) {
		if (!span_cut(&rest, ' ', &name)) {
			name = rest;
			rest.len = 0;
		}
		MM_ASSERT(*values != NULL);
		add_label(p->out, before, name, *values++);
	}
	MM_ASSERT(*values == NULL);
}

/* suffix: of a histogram's lines; le: a bound, or NULL. */
static void add_sample(struct metrics_page *p, const char *suffix,
		       const char *const *values, const char *le)
{
	const char *before = "{";
	buf_fmt(p->out, "%s%s%s", p->prefix, p->row->name, suffix);
	add_labels(p, &before, values);
	if (le != NULL)
		add_label(p->out, &before, span_str("le"), le);
	buf_str(p->out, *before == ',' ? "} " : " ");
}

/* Whole numbers as such: a sequence is not to be rounded. */
static void add_number(struct buf *out, double v)
{
	bool whole = v > -1e15 && v < 1e15 && v == (double)(int64_t)v;
	buf_fmt(out, whole ? "%.0f\n" : "%.9g\n", v);
}

void metrics_put(struct metrics_page *p, double value,
		 const char *const *labels)
{
	add_sample(p, "", labels, NULL);
	add_number(p->out, value);
}

/* Others go on counting meanwhile, so that the count is what was read in the
 * buckets, and not a number of its own. */
void metrics_put_histogram(struct metrics_page *p, const struct histogram *h,
			   const char *const *labels)
{
	uint64_t count = 0;
	char le[32];
	for (size_t i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		count += counter_get(&h->bucket[i]);
		if (i < HISTOGRAM_BOUNDS)
			snprintf(le, sizeof le, "%g", (double)bounds[i] / 1e9);
		add_sample(p, "_bucket", labels,
			   i < HISTOGRAM_BOUNDS ? le : "+Inf");
		add_number(p->out, (double)count);
	}
	add_sample(p, "_sum", labels, NULL);
	add_number(p->out, (double)counter_get(&h->sum) / 1e9);
	add_sample(p, "_count", labels, NULL);
	add_number(p->out, (double)count);
}

/* ---- all of them ---- */

static const char *const type_name[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
};

void metrics_write(const struct metrics *m, struct buf *out)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct metric *row = &m->rows[i];
		struct metrics_page p = { out, m->prefix, row };
		buf_fmt(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", m->prefix,
			row->name, row->help, m->prefix, row->name,
			type_name[row->type]);
		row->read(m->app, &p);
	}
}
