/* doctor_judge.c - see doctor_judge.h.  The thresholds are those of
 * deploy/prometheus/mintmark.rules.yml, where it has one. */
#include "cli/doctor_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/use_format.h"

#define DAY INT64_C(86400)

enum found judge_clock(int64_t off)
{
	int64_t away = llabs(off);
	return away <= 5 ? FOUND_OK : away <= 60 ? FOUND_NOTE : FOUND_WRONG;
}

enum found judge_end(int64_t left)
{
	return left > 14 * DAY	? FOUND_OK
	       : left > 3 * DAY ? FOUND_NOTE
				: FOUND_WRONG;
}

enum found judge_news(int64_t age, int64_t max_staleness)
{
	return age > 120 || age > max_staleness ? FOUND_WRONG : FOUND_OK;
}

enum found judge_room(uint64_t room, uint64_t store)
{
	return room < 512000000 ? FOUND_WRONG
	       : room < store	? FOUND_NOTE
				: FOUND_OK;
}

enum found judge_spare(uint64_t room, uint64_t file)
{
	return room < 2 * file		    ? FOUND_WRONG
	       : room < 2 * file + 16000000 ? FOUND_NOTE
					    : FOUND_OK;
}

enum found judge_full(unsigned percent)
{
	return percent >= 99   ? FOUND_WRONG
	       : percent >= 75 ? FOUND_NOTE
			       : FOUND_OK;
}

enum found judge_agent(bool connected, int64_t lag, int64_t ago)
{
	if (connected && lag == 0)
		return FOUND_OK;
	return connected && ago <= 31 ? FOUND_WRONG : FOUND_NOTE;
}

enum found judge_key(int64_t age)
{
	return age > JUDGE_KEY_DAYS * DAY ? FOUND_NOTE : FOUND_OK;
}

size_t judge_most(const struct stat *of, size_t n)
{
	size_t best = 0, most = 0;
	for (size_t i = 0; i < n; i++) {
		size_t same = 0;
		for (size_t j = 0; j < n; j++)
			same += of[j].st_uid == of[i].st_uid;
		if (same > most) {
			most = same;
			best = i;
		}
	}
	return best;
}

const char *judge_others(mode_t mode, const char *reading)
{
	return mode & (S_IWGRP | S_IWOTH) ? "others can write to" : reading;
}

/* ---- figures ---- */

void judge_time(char out[JUDGED_SIZE], int64_t seconds)
{
	long long s = seconds < 0 ? 0 : seconds;
	if (s < 120)
		snprintf(out, JUDGED_SIZE, "%lld s", s);
	else if (s < 7200)
		snprintf(out, JUDGED_SIZE, "%lld min", s / 60);
	else if (s < 2 * DAY)
		snprintf(out, JUDGED_SIZE, "%lld h", s / 3600);
	else
		snprintf(out, JUDGED_SIZE, "%lld days", s / DAY);
}

void judge_bytes(char out[JUDGED_SIZE], uint64_t bytes)
{
	static const char *const unit[] = { "kB", "MB", "GB", "TB" };
	double n = (double)bytes / 1e3;
	size_t i = 0;
	for (; n >= 1e3 && i < 3; i++)
		n /= 1e3;
	snprintf(out, JUDGED_SIZE, n < 10 ? "%.1f %s" : "%.0f %s", n, unit[i]);
}

/* ---- uses ---- */

static bool take(struct span *rest, void *out, size_t size)
{
	if (rest->len < size)
		return false;
	memcpy(out, rest->at, size);
	*rest = span_of(rest->at + size, rest->len - size);
	return true;
}

static void count_uses(const struct use_file_token *t, int64_t now,
		       struct judged_uses *out)
{
	int64_t known = t->sent > t->iat ? t->sent : t->iat;
	if (t->count == 0 || now >= t->exp)
		return;
	out->uses += t->count;
	out->tokens++;
	out->late += now - known > t->window;
}

static unsigned percent(size_t n, size_t of)
{
	return (unsigned)(n * 100 / of);
}

bool judge_uses(struct span file, int64_t now, struct judged_uses *out)
{
	struct use_file_head h;
	struct use_file_token t;
	size_t all = file.len, tokens = 0, times = 0;
	*out = (struct judged_uses){ 0, 0, 0, 0 };
	if (!take(&file, &h, sizeof h) || h.seen_at < sizeof h ||
	    h.seen_at > all ||
	    memcmp(h.magic, USE_FILE_MAGIC, sizeof h.magic) != 0)
		return false;
	file.len = h.seen_at - sizeof h;
	for (; file.len != 0; tokens++, times += t.count) {
		if (!take(&file, &t, sizeof t) || t.count > file.len / 8)
			return false;
		file = span_of(file.at + t.count * 8u, file.len - t.count * 8u);
		count_uses(&t, now, out);
	}
	out->full = percent(tokens, USE_TOKENS_MAX);
	if (out->full < percent(times, USE_TIMES_MAX))
		out->full = percent(times, USE_TIMES_MAX);
	return true;
}

/* ---- what may be pasted ---- */

#define DIGITS	"0123456789"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

bool judge_name(const char *name)
{
	return name[strspn(name, LETTERS DIGITS "._-")] == '\0';
}

bool judge_address(const char *url)
{
	const char *host = strncmp(url, "https://", 8) == 0  ? url + 8
			   : strncmp(url, "http://", 7) == 0 ? url + 7
							     : "";
	if (host[0] == '\0' || host[0] == '/')
		return false;
	/* bytes from 0x80 on: a name that is not in ASCII */
	for (; *host != '\0'; host++)
		if ((unsigned char)*host < 0x80 &&
		    strchr(LETTERS DIGITS "._~:/%[]-", *host) == NULL)
			return false;
	return true;
}

/* ---- addresses ---- */

const char *judge_listen(const char *listen, const char *path,
			 char url[JUDGED_URL])
{
	static const char prefix[] = "unix:";
	size_t n = strlen(prefix);
	if (strncmp(listen, prefix, n) == 0)
		listen += n;
	bool local = listen[0] == '/';
	snprintf(url, JUDGED_URL, "http://%.512s%s",
		 local ? "localhost" : listen, path);
	return local ? listen : NULL;
}
