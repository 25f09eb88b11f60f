/* doctor_judge.h - from what figure on something is wrong, and figures as
 * people read them.  Pure: no clock, no disk. */
#ifndef MM_CLI_DOCTOR_JUDGE_H
#define MM_CLI_DOCTOR_JUDGE_H

#include <jansson.h>
#include <stdint.h>
#include <sys/stat.h>

#include "cli/doctor.h"

/* Seconds that our clock is ahead of another's (less than 0: behind).  Dates
 * of HTTP are whole seconds, and tokens are taken 60 s ahead of their iat. */
enum found judge_clock(int64_t off);
/* Seconds until a certificate or a token ends. */
enum found judge_end(int64_t left);
/* The age of the newest news, of which there are some every 25 s. */
enum found judge_news(int64_t age, int64_t max_staleness);
/* Room on the store's disk: SQLite needs as much again to tidy itself up. */
enum found judge_room(uint64_t room, uint64_t store);
/* Room on the state file's disk, for the next one (a quarter larger, perhaps)
 * beside it, and for what is kept to resume from. */
enum found judge_spare(uint64_t room, uint64_t file);
/* The place of the one whose owner has the most; of several, the first.  n > 0.
 */
size_t judge_most(const struct stat *of, size_t n);
/* What others can do by the mode of a file that is private: "others can write
 * to", which is the worse, or else what `reading` says. */
const char *judge_others(mode_t mode, const char *reading);
/* A key waits for a month and signs for a month. */
#define JUDGE_KEY_DAYS 100
enum found judge_key(int64_t age);

/* An agent that was heard of `ago` seconds since, and lacks `lag` events: is it
 * behind?  Who follows asks once in 25 s; with less said he is somewhere else,
 * or had another token (a note). */
enum found judge_agent(bool connected, int64_t lag, int64_t ago);

/* "3 s", "12 min", "5 h", "12 days"; what is negative as 0. */
#define JUDGED_SIZE 32
void judge_time(char out[JUDGED_SIZE], int64_t seconds);
void judge_bytes(char out[JUDGED_SIZE], uint64_t bytes);

/* What an agent has yet to tell (common/use_format.h). */
struct judged_uses {
	size_t uses, tokens;
	size_t late; /* tokens that are dead at the mint, but for these uses */
	unsigned full; /* of the room for them, percent */
};
/* When the room is full, tokens die in use; the agent hurries from 75 on. */
enum found judge_full(unsigned percent);
/* By its .pending.  False: it is damaged, or of another release. */
bool judge_uses(struct span file, int64_t now, struct judged_uses *out);

/* May it stand in a command that root pastes, in single quotes?  A file's name
 * behind its folder: letters, digits, "._-". */
bool judge_name(const char *name);
/* "https://" or "http://", a host, a path: no user, and nothing behind that. */
bool judge_address(const char *url);

/* Where an agent's --listen or --metrics is asked: "unix:/run/x.sock" or
 * "HOST:PORT" into a URL with `path`, and the socket or NULL. */
#define JUDGED_URL 600
const char *judge_listen(const char *listen, const char *path,
			 char url[JUDGED_URL]);

#endif
