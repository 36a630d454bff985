/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-cpus.c - how busy CPUs are, and who has to stay where. */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/process.h"
#include "host/cpus.h"

#define HEAD "cpu  9 9 9 9 9 9 9 9 0 0\n"
#define TAIL "intr 1 2 3\ncpu0 is not what this line is about\n"

static void test_parse(void **state) {
        CpuTimes t;

        cpu_times_parse(HEAD "cpu0 1 2 3 40 5 6 7 8 100 100\ncpu2 10 0 0 7\n" TAIL, &t);
        assert_int_equal(t.n, 3);
        assert_int_equal(t.idle[0], 45);
        assert_int_equal(t.busy[0], 1 + 2 + 3 + 6 + 7 + 8);
        assert_int_equal(t.idle[1] + t.busy[1], 0); /* off-line */
        assert_int_equal(t.idle[2], 7);             /* as old kernels have it */
        assert_int_equal(t.busy[2], 10);
}

static void test_parse_nonsense(void **state) {
        static const char *const texts[] = { "",
                                             "\n",
                                             "cpu",
                                             "cpu0",
                                             "cpu0 1 2 3\n",
                                             "cpux 1 2 3 4\n",
                                             "cpu99999999999 1 2 3 4\n",
                                             "cpu256 1 2 3 4\n" };

        FOREACH_ELEMENT (text, texts) {
                CpuTimes t;

                cpu_times_parse(*text, &t);
                assert_int_equal(t.n, 0);
        }
}

static void test_full(void **state) {
        const CpuTimes before = { .n = 2, .idle = { 100, 100 }, .busy = { 100, 100 } };
        CpuTimes now = before;

        assert_false(cpu_is_full(&before, &now, 0)); /* no time has passed */
        now.busy[0] += 1000;
        now.idle[1] += 1000;
        assert_true(cpu_is_full(&before, &now, 0));
        assert_false(cpu_is_full(&before, &now, 1));
        now.idle[0] += 150;
        assert_false(cpu_is_full(&before, &now, 0));
        assert_false(cpu_is_full(&before, &now, 2));
        assert_false(cpu_is_full(&before, &now, -1));
}

static void test_quietest(void **state) {
        const CpuTimes before = { .n = 4, .idle = { 50, 50, 50, 50 }, .busy = { 50, 50, 50, 50 } };
        CpuTimes now = before;
        cpu_set_t all, some;

        CPU_ZERO(&all);
        for (int cpu = 0; cpu < 4; cpu++)
                CPU_SET(cpu, &all);
        CPU_ZERO(&some);
        CPU_SET(1, &some);
        assert_int_equal(cpu_quietest(&before, &now, &all), -1);
        now.busy[0] += 100;
        now.idle[1] += 40, now.busy[1] += 60;
        now.idle[2] += 60, now.busy[2] += 40;
        now.idle[3] += 90, now.busy[3] += 10;
        assert_int_equal(cpu_quietest(&before, &now, &all), 3);
        CPU_CLR(3, &all);
        assert_int_equal(cpu_quietest(&before, &now, &all), 2);
        assert_int_equal(cpu_quietest(&before, &now, &some), -1); /* busy for most of the time */
        now.idle[3] = 0;                                          /* a counter that was reset */
        assert_int_equal(cpu_quietest(&before, &now, &all), 2);
}

/* ---- real processes ---- */

static void *sleep_for_ever(void *arg) {
        for (;;)
                pause();
        return NULL;
}

/* A child with a thread and a child of its own; its end is theirs. */
static pid_t make_family(pid_t *ret_grandchild) {
        int fds[2];
        pid_t child;

        ASSERT_OK(RET_NERRNO(pipe(fds)));
        child = fork();
        assert_true(child >= 0);
        if (child == 0) {
                pthread_t thread;
                pid_t grandchild = fork();

                if (grandchild == 0)
                        sleep_for_ever(NULL);
                if (pthread_create(&thread, NULL, sleep_for_ever, NULL) != 0 ||
                    write(fds[1], &grandchild, sizeof(grandchild)) != sizeof(grandchild))
                        _exit(1);
                sleep_for_ever(NULL);
        }
        close(fds[1]);
        assert_int_equal(read(fds[0], ret_grandchild, sizeof(*ret_grandchild)),
                         sizeof(*ret_grandchild));
        close(fds[0]);
        return child;
}

static void assert_family(const pid_t *pids, pid_t child, pid_t grandchild) {
        assert_true((pids[0] == child && pids[1] == grandchild) ||
                    (pids[1] == child && pids[0] == grandchild));
}

static void test_move(void **state) {
        _cleanup_free_ pid_t *pids = NULL;
        pid_t grandchild, child = make_family(&grandchild);
        cpu_set_t allowed;
        int cpu = 0, n;
        uint64_t waited;

        ASSERT_OK(RET_NERRNO(sched_getaffinity(0, sizeof(allowed), &allowed)));
        while (!CPU_ISSET(cpu, &allowed))
                cpu++;
        assert_int_equal(process_descendants_by_scan(getpid(), &pids), 2);
        assert_family(pids, child, grandchild);
        free(TAKE_PTR(pids));
        n = process_descendants(getpid(), &pids);
        assert_int_equal(n, 2);
        assert_family(pids, child, grandchild);
        if (CPU_COUNT(&allowed) > 1)
                assert_int_equal(cpu_of_process(child), -1);
        cpu_move(pids, (size_t) n, cpu);
        assert_int_equal(cpu_of_process(child), cpu);
        assert_int_equal(cpu_of_process(grandchild), cpu);
        n = cpu_waited(pids, (size_t) n, &waited);
        assert_true(n == 0 || n == -ENOENT);
        (void) kill(grandchild, SIGKILL);
        (void) kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_int_equal(cpu_of_process(child), -1);
}

static void test_stay(void **state) {
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0)
                _exit(cpu_stay() >= 0 && cpu_of_process(0) == sched_getcpu() ? 0 : 1);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse), cmocka_unit_test(test_parse_nonsense),
                cmocka_unit_test(test_full),  cmocka_unit_test(test_quietest),
                cmocka_unit_test(test_move),  cmocka_unit_test(test_stay),
        };

        return RUN_TESTS(tests);
}
