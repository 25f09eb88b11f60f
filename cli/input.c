/* input.c - see input.h. */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* What is longer than there is room for is none of ours, cut or not. */
static enum mm_err read_stdin(const char *what, struct buf *b, struct why *why)
{
	ssize_t n = 1;
	if (isatty(STDIN_FILENO))
		fprintf(stderr, "the %s, then Enter and Ctrl-D:\n", what);
	while (n > 0 && b->len < b->limit) {
		size_t most = b->limit - b->len;
		size_t some = most < INPUT_MAX ? most : INPUT_MAX;
		uint8_t *to = buf_room(b, some);
		if (to == NULL)
			return b->failed;
		n = read(STDIN_FILENO, to, some);
		if (n > 0)
			buf_grew(b, (size_t)n);
	}
	if (n < 0)
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot read the %s from standard input: %s",
			       what, strerror(errno));
	return MM_OK;
}

enum mm_err input_bytes(const struct args *a, const char *what, struct buf *b,
			struct span *out, struct why *why)
{
	char *operand = a->operand_count ? a->operand[0] : NULL;
	if (operand == NULL || strcmp(operand, "-") == 0) {
		TRY(read_stdin(what, b, why));
	} else {
		buf_add(b, span_of(operand, strnlen(operand, b->limit)));
		explicit_bzero(operand, strlen(operand));
	}
	TRY(buf_done(b, out));
	if (out->len && out->at[out->len - 1] == '\n')
		out->len--;
	if (out->len && out->at[out->len - 1] == '\r')
		out->len--;
	return MM_OK;
}

enum mm_err input_token(const struct args *a, struct buf *b, struct span *token,
			struct why *why)
{
	*b = buf_new(INPUT_MAX);
	return input_bytes(a, "token", b, token, why);
}
