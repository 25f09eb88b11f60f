/* input.c - see input.h. */
#include "cli/input.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* What is longer than INPUT_MAX is no token, cut or not. */
static enum mm_err read_stdin(struct buf *b, struct why *why)
{
	ssize_t n = 1;
	if (isatty(STDIN_FILENO))
		fputs("the token, then Enter and Ctrl-D:\n", stderr);
	while (n > 0 && b->len < INPUT_MAX) {
		uint8_t *to = buf_room(b, INPUT_MAX - b->len);
		if (to == NULL)
			return b->failed;
		n = read(STDIN_FILENO, to, INPUT_MAX - b->len);
		if (n > 0)
			buf_grew(b, (size_t)n);
	}
	if (n < 0)
		return why_say(why, MM_ERR_IO, NULL,
			       "cannot read the token from standard input: %s",
			       strerror(errno));
	return MM_OK;
}

enum mm_err input_token(const struct args *a, struct buf *b, struct span *token,
			struct why *why)
{
	char *operand = a->operand_count ? a->operand[0] : NULL;
	*b = buf_new(INPUT_MAX);
	if (operand == NULL || strcmp(operand, "-") == 0) {
		TRY(read_stdin(b, why));
	} else {
		buf_add(b, span_of(operand, strnlen(operand, INPUT_MAX)));
		explicit_bzero(operand, strlen(operand));
	}
	TRY(buf_done(b, token));
	if (token->len && token->at[token->len - 1] == '\n')
		token->len--;
	if (token->len && token->at[token->len - 1] == '\r')
		token->len--;
	return MM_OK;
}
