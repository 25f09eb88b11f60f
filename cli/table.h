/* table.h - rows of text in aligned columns, printed a page at a time.
 *
 *	AUTO_TABLE struct table t = table_new(heads, 3);
 *	table_cell(&t, "3.4711"); ... (three a row)
 *	table_print(&t);               (what was added since the last time)
 *
 * Columns only ever grow from page to page.
 */
#ifndef MM_CLI_TABLE_H
#define MM_CLI_TABLE_H

#include "common/buf.h"

#define TABLE_COLUMNS 9

struct table {
	const char *const *heads;
	size_t columns;
	size_t width[TABLE_COLUMNS];
	struct buf cells; /* each ended by NUL */
	bool headed;
};

struct table table_new(const char *const *heads, size_t columns);
void table_free(struct table *t);
#define AUTO_TABLE __attribute__((cleanup(table_free)))

void table_cell(struct table *t, const char *text);
MM_MUST_USE enum mm_err table_print(struct table *t);

#endif
