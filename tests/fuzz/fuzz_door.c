/* fuzz_door.c - whatever a client may send to the agent's door on one
 * connection, %T standing for a good token of alice: nobody passes without
 * it; who passes is alice, with her scopes, whatever else was said; and what
 * http_pair.h says of every answer.
 */
#include "verifier/agent/door.h"

#include <stdlib.h>

#include "common/clock.h"
#include "common/log.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_file.h"
#include "tests/fuzz/http_pair.h"
#include "tests/fuzz/tokens.h"

static struct pair pair;
static struct door *door;
static struct state_writer live = { .fd = -1 };
static struct buf token;
static char path[256], sock[256];

static void end(void)
{
	pair_end(&pair);
	door_stop(door);
	state_writer_close(&live);
	unlink(path);
	fuzz_folder_end();
}

static void begin(void)
{
	struct replica r;
	char listen_at[300];
	if (door != NULL)
		return;
	log_set_level(LOG_EMERG);
	snprintf(path, sizeof path, "%s/state", fuzz_folder());
	snprintf(sock, sizeof sock, "%s/sock", fuzz_folder());
	snprintf(listen_at, sizeof listen_at, "unix:%s", sock);
	model_base(&r);
	struct jwk *key = tokens_key(&r);
	tokens_sign(key, 0, clock_now(), "photos:read node:dir:r", &token);
	MM_ASSERT(state_create(&live, path, &r, NULL, 365 * 86400, NULL) ==
		  MM_OK);
	state_put_head(&live, r.seq, clock_now());
	MM_ASSERT(state_install(&live, NULL) == MM_OK);
	replica_free(&r);
	jwk_drop(key);
	const struct door_options o = { .listen = listen_at,
					.state = path,
					.warn_before = 86400 };
	MM_ASSERT(door_start(&o, &door, NULL) == MM_OK);
	pair_begin(&pair, door_http(door), false);
	MM_ASSERT(atexit(end) == 0);
}

/* Of those that pass: is it alice?  Health is for everybody. */
static bool check_passed(const struct reply *r, bool has_token)
{
	struct span user = reply_header(r, "X-Mintmark-User");
	if (r->status != 200 || user.len == 0) {
		MM_ASSERT(user.len == 0);
		MM_ASSERT(reply_header(r, "X-Mintmark-Id").len == 0);
		MM_ASSERT(r->status != 200 ||
			  span_is(reply_header(r, "Content-Type"),
				  "application/json"));
		return false;
	}
	MM_ASSERT(has_token && span_is(user, "alice"));
	MM_ASSERT(span_is(reply_header(r, "X-Mintmark-Id"), "1.0"));
	MM_ASSERT(span_is(reply_header(r, "X-Mintmark-Scopes"),
			  "photos:read node:dir:r"));
	return true;
}

bool fuzz_one(struct span input)
{
	AUTO_BUF struct buf request = buf_new(1 << 20), answer;
	struct span text, rest;
	struct reply r;
	bool passed = false;
	begin();
	struct span secret = span_of(token.at, token.len);
	bool has_token = tokens_fill(input, secret, &request);
	MM_ASSERT(buf_done(&request, &text) == MM_OK);
	pair_ask(&pair, text, &answer);
	rest = span_of(answer.at, answer.len);
	(void)replies_check(rest, secret);
	while (reply_next(&rest, &r))
		passed |= check_passed(&r, has_token);
	return passed;
}
