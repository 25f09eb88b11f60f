/* locked.h - a thread that may not reach for anything outside: the kernel
 * stops it at each socket, file and program that it would open, and counts. */
#ifndef MM_TESTS_LOCKED_H
#define MM_TESTS_LOCKED_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static atomic_int locked_reached;

static inline void locked_count(int sig)
{
	(void)sig;
	atomic_fetch_add(&locked_reached, 1);
}

/* For the calling thread, for the rest of its life. */
static inline bool lock_thread(void)
{
#define STOP(name)                                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                 \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		STOP(socket),
		STOP(socketpair),
		STOP(connect),
		STOP(bind),
		STOP(sendto),
		STOP(sendmsg),
		STOP(sendmmsg),
		STOP(openat),
		STOP(execve),
		STOP(execveat),
		STOP(io_uring_setup),
#ifdef SYS_open
		STOP(open),
#endif
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
#undef STOP
	struct sock_fprog all = { .len = sizeof rules / sizeof rules[0],
				  .filter = rules };
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0;
}

struct locked_work {
	void (*work)(void *arg);
	void *arg;
	bool locked;
};

static inline void *locked_thread(void *arg)
{
	struct locked_work *w = arg;
	w->locked = lock_thread();
	if (w->locked)
		w->work(w->arg);
	return NULL;
}

/* Run work(arg) so.  What it says comes back in *arg, since cmocka knows one
 * thread only.  Returns how many times it reached outside. */
static inline int locked(void (*work)(void *arg), void *arg)
{
	struct locked_work w = { .work = work, .arg = arg };
	struct sigaction count = { .sa_handler = locked_count }, was;
	pthread_t t;
	mallopt(M_ARENA_MAX, 1); /* glibc opens files to make another */
	sigaction(SIGSYS, &count, &was);
	atomic_store(&locked_reached, 0);
	assert_int_equal(pthread_create(&t, NULL, locked_thread, &w), 0);
	pthread_join(t, NULL);
	sigaction(SIGSYS, &was, NULL);
	assert_true(w.locked);
	return atomic_load(&locked_reached);
}

#endif
