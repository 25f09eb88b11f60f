/* table.c - see table.h. */
#include "cli/table.h"

#include "cli/output.h"

#define PAGE_BYTES (64u << 20)

struct table table_new(const char *const *heads, size_t columns)
{
	struct table t = { .heads = heads,
			   .columns = columns,
			   .cells = buf_new(PAGE_BYTES) };
	MM_ASSERT(columns <= TABLE_COLUMNS);
	for (size_t i = 0; i < columns; i++)
		t.width[i] = text_width(heads[i]);
	return t;
}

void table_free(struct table *t)
{
	buf_free(&t->cells);
}

void table_cell(struct table *t, const char *text)
{
	buf_add(&t->cells, span_of(text, strlen(text) + 1));
}

static void print_cell(const struct table *t, size_t column, const char *text)
{
	size_t used = put_text(stdout, text);
	if (column + 1 == t->columns)
		putchar('\n');
	else
		printf("%*s", (int)(t->width[column] - used + 2), "");
}

/* Visit every cell of the page. */
static void each_cell(struct table *t, struct span cells,
		      void (*each)(struct table *, size_t, const char *))
{
	size_t column = 0;
	for (size_t at = 0; at < cells.len;) {
		const char *text = (const char *)cells.at + at;
		each(t, column, text);
		column = (column + 1) % t->columns;
		at += strlen(text) + 1;
	}
}

static void widen(struct table *t, size_t column, const char *text)
{
	size_t width = text_width(text);
	if (width > t->width[column])
		t->width[column] = width;
}

static void print_one(struct table *t, size_t column, const char *text)
{
	print_cell(t, column, text);
}

enum mm_err table_print(struct table *t)
{
	struct span cells;
	TRY(buf_done(&t->cells, &cells));
	each_cell(t, cells, widen);
	for (size_t i = 0; i < t->columns && !t->headed; i++)
		print_cell(t, i, t->heads[i]);
	t->headed = true;
	each_cell(t, cells, print_one);
	buf_free(&t->cells);
	return MM_OK;
}
