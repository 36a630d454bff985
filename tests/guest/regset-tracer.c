/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regset-tracer.c - sets less of traced children's extended state than the CPU has, as old UML
 * kernels do.
 *
 * Prints "refused: REASON" where ptrace() says no, "done: LEN of SIZE bytes" where it says yes, the
 * bytes brought are in the child and all behind them is as it was; anything else is a failure.
 *
 * regset-tracer short|whole|threads: brings only the head of the state, or all of it, or heads from
 * several threads at the same time, each with a child of its own. */

#undef NDEBUG
#include <assert.h>
#include <cpuid.h>
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "basic/cleanup.h"

enum {
        STATE_MAX = 64 * 1024,
        XMM0 = 160, /* in the legacy area */
        XSTATE_BV = 512,
        COMPONENT_SSE = 1,
        THREADS = 4,
        ROUNDS = 5000,
};

typedef struct Tracer {
        unsigned offset, len, component; /* of the part that a short set does not bring */
        size_t size;                     /* of the whole state */
        pid_t child;
        unsigned char wanted[STATE_MAX], before[STATE_MAX], after[STATE_MAX];
} Tracer;

/* The last component that every process may use. */
static void find_component(Tracer *t) {
        static const unsigned candidates[] = { 7 /* zmm16-31 */, 2 /* ymm */ };
        unsigned c, d, b, enabled;

        assert(__get_cpuid_count(0xd, 0, &enabled, &b, &c, &d));
        FOREACH_ELEMENT (candidate, candidates) {
                if (!(enabled & (1U << *candidate)))
                        continue;
                assert(__get_cpuid_count(0xd, *candidate, &t->len, &t->offset, &c, &d));
                t->component = *candidate;
                return;
        }
        assert(!"no CPU without AVX has been seen for years");
}

static pid_t stopped_child(void) {
        pid_t pid = fork();
        int status;

        assert(pid >= 0);
        if (pid == 0) {
                assert(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
                raise(SIGSTOP);
                _exit(0);
        }
        assert(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
        assert(ptrace(PTRACE_SETOPTIONS, pid, NULL, (uintptr_t) PTRACE_O_EXITKILL) == 0);
        return pid;
}

static long transfer(enum __ptrace_request request, pid_t pid, void *state, size_t *size) {
        struct iovec iov = { .iov_base = state, .iov_len = *size };
        long r = ptrace(request, pid, (uintptr_t) NT_X86_XSTATE, &iov);

        *size = iov.iov_len;
        return r;
}

/* A child with `fill` in the part that a short set does not bring. */
static void prepare(Tracer *t, unsigned char fill) {
        uint64_t components;

        find_component(t);
        t->child = stopped_child();
        t->size = STATE_MAX;
        assert(transfer(PTRACE_GETREGSET, t->child, t->before, &t->size) == 0 &&
               t->size > t->offset);
        memcpy(&components, t->before + XSTATE_BV, sizeof(components));
        components |= 1U << t->component | 1U << COMPONENT_SSE;
        memcpy(t->before + XSTATE_BV, &components, sizeof(components));
        memset(t->before + t->offset, fill, t->len);
        assert(transfer(PTRACE_SETREGSET, t->child, t->before, &t->size) == 0);
}

/* Sets `brought` bytes with `fill` in xmm0 and rubbish behind, where nobody may look. 0 or -errno.
 */
static int set_and_check(Tracer *t, size_t brought, unsigned char fill) {
        size_t n = brought;

        memcpy(t->wanted, t->before, brought);
        memset(t->wanted + XMM0, fill, 16);
        memset(t->wanted + brought, 0xee, STATE_MAX - brought);
        if (transfer(PTRACE_SETREGSET, t->child, t->wanted, &n) < 0)
                return -errno;
        n = STATE_MAX;
        assert(transfer(PTRACE_GETREGSET, t->child, t->after, &n) == 0 && n == t->size);
        assert(memcmp(t->after, t->wanted, brought) == 0);
        assert(memcmp(t->after + brought, t->before + brought, t->size - brought) == 0);
        return 0;
}

static void end_child(Tracer *t) {
        assert(kill(t->child, SIGKILL) == 0 && waitpid(t->child, NULL, 0) == t->child);
}

static void *run_thread(void *userdata) {
        unsigned char number = *(unsigned char *) userdata;
        Tracer *t = calloc(1, sizeof(*t));

        assert(t);
        prepare(t, (unsigned char) (0x10 + number));
        for (int i = 0; i < ROUNDS; i++)
                assert(set_and_check(t, t->offset, (unsigned char) (number << 6 | (i & 0x3f))) ==
                       0);
        end_child(t);
        free(t);
        return NULL;
}

static void run_threads(void) {
        unsigned char numbers[THREADS];
        pthread_t threads[THREADS];

        for (int i = 0; i < THREADS; i++) {
                numbers[i] = (unsigned char) i;
                assert(pthread_create(&threads[i], NULL, run_thread, &numbers[i]) == 0);
        }
        for (int i = 0; i < THREADS; i++)
                assert(pthread_join(threads[i], NULL) == 0);
        printf("done: %d rounds in each of %d threads\n", ROUNDS, THREADS);
}

int main(int argc, char **argv) {
        static Tracer t;
        size_t brought;
        int r;

        assert(argc == 2);
        if (streq(argv[1], "threads")) {
                run_threads();
                return EXIT_SUCCESS;
        }
        prepare(&t, 0x5a);
        brought = streq(argv[1], "whole") ? t.size : t.offset;
        r = set_and_check(&t, brought, 0xc3);
        if (r < 0)
                printf("refused: %s\n", strerror(-r));
        else
                printf("done: %zu of %zu bytes\n", brought, t.size);
        end_child(&t);
        return EXIT_SUCCESS;
}
