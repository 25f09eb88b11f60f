/* system_propagation.c - how soon a revoked token is refused elsewhere.
 *
 * Another process has the agent's state mapped and asks about the token
 * without a pause; what counts is from the moment the DELETE is sent (or,
 * for the rows named ack, answered) to its first refusal.  A thousand more
 * agents follow the same mint meanwhile. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "tests/bench/system.h"
#include "verifier/include/mintmark/verify.h"

#define PATIENCE_NS 60e9

enum phase {
	PHASE_IDLE,
	PHASE_ASK,     /* a token to ask about */
	PHASE_GOOD,    /* it was good once */
	PHASE_REFUSED, /* it was revoked at refused_at */
	PHASE_FAILED,  /* any other answer */
};

/* What the two processes share: one writes until it says so by `phase`. */
struct desk {
	_Atomic int phase;
	struct minted token;
	double good_at;	   /* when it was last asked about and good */
	double refused_at; /* when the first refusal was there */
	char state[128];
};

/* ---- the other process ---- */

static int ask_once(struct mm_verifier *v, const struct minted *m, size_t len,
		    int phase)
{
	struct mm_token t;
	enum mm_err e = mm_verify(v, m->token, len, &t);
	if (e == MM_ERR_REVOKED && phase == PHASE_GOOD)
		return PHASE_REFUSED;
	if (e == MM_OK)
		return PHASE_GOOD;
	/* its list may come to the agent a moment after the token to us */
	return e == MM_ERR_STALE && phase == PHASE_ASK ? phase : PHASE_FAILED;
}

static void ask_until_refused(struct mm_verifier *v, struct desk *d)
{
	size_t len = strlen(d->token.token);
	for (int phase = PHASE_ASK; phase <= PHASE_GOOD;) {
		double asked_at = ns_now();
		int next = ask_once(v, &d->token, len, phase);
		if (next == PHASE_GOOD)
			d->good_at = asked_at;
		else
			d->refused_at = ns_now();
		if (next != phase)
			atomic_store(&d->phase, next);
		phase = next;
	}
}

static void asker(void *ctx)
{
	struct desk *d = ctx;
	struct mm_options opt = { .state = d->state, .flags = MM_NO_USE };
	struct mm_verifier *v;
	if (mm_open(&opt, &v) != MM_OK)
		atomic_store(&d->phase, PHASE_FAILED);
	for (;;) {
		int phase = atomic_load(&d->phase);
		if (phase == PHASE_FAILED)
			return;
		if (phase == PHASE_ASK)
			ask_until_refused(v, d);
		ns_sleep(100e3);
	}
}

/* ---- this one ---- */

static enum mm_err wait_phase(struct host *h, struct desk *d, int want)
{
	double end = ns_now() + PATIENCE_NS;
	while (atomic_load(&d->phase) != want) {
		if (atomic_load(&d->phase) == PHASE_FAILED || ns_now() > end)
			return why_say(h->why, MM_ERR_IO, NULL,
				       "a token is not %s where it should be",
				       want == PHASE_GOOD ? "good" : "refused");
		ns_sleep(100e3);
	}
	return MM_OK;
}

struct taken {
	struct times sent, acked; /* from there to the refusal */
	struct times answer;	  /* from sent to acked */
	size_t late; /* good when asked about after the acknowledgement */
	size_t busy; /* polls answered with 503 */
};

static enum mm_err revoke_one(struct host *h, struct desk *d,
			      const struct minted *m, struct taken *t)
{
	char path[64];
	snprintf(path, sizeof path, "/v1/tokens/%s", m->id);
	d->token = *m;
	atomic_store(&d->phase, PHASE_ASK);
	TRY(wait_phase(h, d, PHASE_GOOD));
	double sent = ns_now();
	TRY(host_ask(h, "DELETE", path, NULL, 200));
	double acked = ns_now();
	TRY(wait_phase(h, d, PHASE_REFUSED));
	double late = d->refused_at > acked ? d->refused_at - acked : 0;
	t->late += d->good_at > acked;
	TRY(times_add(&t->acked, late));
	TRY(times_add(&t->answer, acked - sent));
	return times_add(&t->sent, d->refused_at - sent);
}

/* Not in step with anything: up to 20 ms between two of them. */
static enum mm_err revoke_some(struct host *h, struct desk *d, size_t count,
			       struct taken *t)
{
	uint64_t seed = 3;
	for (size_t i = 0; i < count; i++) {
		struct minted m;
		TRY(host_mint(h, &m));
		ns_sleep((double)random_below(&seed, 20000) * 1e3);
		TRY(revoke_one(h, d, &m, t));
	}
	return MM_OK;
}

static enum mm_err revoke_followed(struct bench *b, struct host *h,
				   struct desk *d, struct taken *t)
{
	struct followers *f = NULL;
	pid_t pid = 0;
	(void)span_copy(d->state, sizeof d->state, span_str(h->state));
	TRY(process_fork(&pid, asker, d)); /* before there are threads */
	enum mm_err e = followers_start(h, bench_count(b, 1000, 50), &f);
	if (e == MM_OK)
		e = revoke_some(h, d, bench_count(b, 300, 20), t);
	if (f != NULL)
		t->busy = followers_busy(f);
	enum mm_err failed = followers_stop(f);
	process_kill(&pid);
	TRY(e);
	return failed;
}

static void tell(const struct bench *b, struct taken *t, struct row *rows)
{
	row_tell(&rows[0], &t->sent, 50);
	row_tell(&rows[1], &t->sent, 99);
	row_tell(&rows[2], &t->acked, 50);
	row_tell(&rows[3], &t->acked, 99);
	for (size_t i = 0; i < 4; i++) {
		row_fact(&rows[i], "count", (double)t->sent.count);
		row_fact(&rows[i], "p50_answer", times_rank(&t->answer, 50));
		row_fact(&rows[i], "p99_answer", times_rank(&t->answer, 99));
		row_fact(&rows[i], "good_after_ack", (double)t->late);
		row_fact(&rows[i], "busy", (double)t->busy);
		row_how(&rows[i], "1 agent and %zu more follow",
			bench_count(b, 1000, 50));
	}
}

static void taken_free(struct taken *t)
{
	times_free(&t->sent);
	times_free(&t->acked);
	times_free(&t->answer);
}

static void desk_close(struct desk **d)
{
	if (*d != MAP_FAILED)
		munmap(*d, sizeof **d);
}

static enum mm_err propagation_run(struct bench *b, void *ctx, struct row *rows)
{
	AUTO_HOST struct host h = { 0 };
	__attribute__((cleanup(taken_free))) struct taken t = { 0 };
	__attribute__((cleanup(desk_close))) struct desk *d =
		mmap(NULL, sizeof *d, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)ctx;
	TRY(host_open(b, "propagation", &h));
	if (d == MAP_FAILED)
		return MM_ERR_NOMEM;
	TRY(host_start_agent(&h, "agent", NULL));
	TRY(revoke_followed(b, &h, d, &t));
	tell(b, &t, rows);
	return MM_OK;
}

const struct probe system_propagation = {
	.row = { "propagation.p50", "propagation.p99", "propagation.ack.p50",
		 "propagation.ack.p99" },
	.once = true,
	.run = propagation_run,
};
