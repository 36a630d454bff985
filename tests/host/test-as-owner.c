/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-as-owner.c - root without the capabilities over other users' processes, and those processes.
 */

#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/as-owner.h"
#include "basic/capabilities.h"
#include "basic/process.h"
#include "host/cpus.h"
#include "host/memfile.h"

#define MIB (UINT64_C(1) << 20)

enum {
        UID = 64321, /* nobody else's */
};

static pid_t start(bool dumpable, size_t mapped) {
        int ready[2];
        pid_t pid;
        char byte;

        assert_int_equal(pipe(ready), 0);
        pid = fork();
        if (pid == 0) {
                void *memory = mmap(NULL, mapped + 1, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

                if (memory == MAP_FAILED || setpgid(0, 0) < 0 || setresgid(UID, UID, UID) < 0 ||
                    setresuid(UID, UID, UID) < 0 || prctl(PR_SET_DUMPABLE, dumpable) < 0)
                        _exit(1);
                memset(memory, 1, mapped);
                if (write(ready[1], "", 1) == 1)
                        for (;;)
                                pause();
                _exit(1);
        }
        assert_true(pid > 0);
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

static int end_of(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_signal(void **state) {
        pid_t pid = start(false, 0);

        assert_int_equal(kill(pid, SIGTERM), -1);
        ASSERT_OK(process_signal(pid, 0));
        ASSERT_OK(process_signal(pid, SIGTERM));
        assert_int_equal(end_of(pid), SIGTERM);
        ASSERT_ERROR(process_signal(pid, SIGTERM), ESRCH);
        pid = start(true, 0);
        ASSERT_OK(process_signal(-pid, SIGKILL));
        assert_int_equal(end_of(pid), SIGKILL);
}

/* We are root again, with all that we had, and others may look at us as before. */
static void test_way_back(void **state) {
        uid_t r, e, s;
        pid_t pid = start(false, 0);

        assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
        ASSERT_OK(process_signal(pid, SIGKILL));
        end_of(pid);
        assert_int_equal(getresuid(&r, &e, &s), 0);
        assert_true(r == 0 && e == 0 && s == 0);
        assert_int_equal(prctl(PR_GET_DUMPABLE), 1);
        assert_int_equal(chown("/proc/self/fd/0", (uid_t) -1, (gid_t) -1), 0);
        assert_int_equal(access("/etc/shadow", W_OK), 0); /* by CAP_DAC_OVERRIDE, or as its owner */
}

static void test_cpu(void **state) {
        pid_t pid = start(false, 0);
        cpu_set_t set;
        int cpu;

        assert_int_equal(sched_getaffinity(pid, sizeof(set), &set), 0);
        for (cpu = CPU_SETSIZE - 1; !CPU_ISSET(cpu, &set);)
                cpu--;
        cpu_move(&pid, 1, cpu);
        assert_int_equal(sched_getaffinity(pid, sizeof(set), &set), 0);
        assert_true(CPU_COUNT(&set) == 1 && CPU_ISSET(cpu, &set));
        ASSERT_OK(process_signal(pid, SIGKILL));
        end_of(pid);
}

/* Whose network namespace is hidden is ours by its control groups. */
static void test_all_of_a_user(void **state) {
        pid_t one = start(true, 0), other = start(false, 0);

        assert_int_equal(process_kill_user(UID), 2);
        assert_int_equal(end_of(one), SIGKILL);
        assert_int_equal(end_of(other), SIGKILL);
}

static void test_memory(void **state) {
        pid_t pid = start(false, 8 * MIB);
        MemFile file = {};
        uint64_t charged = 0;

        assert_true(process_is_hidden(pid));
        ASSERT_OK(memfile_find(pid, &file));
        assert_int_equal(file.inode, 0);
        assert_in_range(file.charged, 8 * MIB, 9 * MIB);
        ASSERT_OK(memfile_charged(pid, 1, 0, &charged));
        assert_int_equal(charged, file.charged);
        ASSERT_OK(process_signal(pid, SIGKILL));
        end_of(pid);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_signal),        cmocka_unit_test(test_way_back),
                cmocka_unit_test(test_cpu),           cmocka_unit_test(test_memory),
                cmocka_unit_test(test_all_of_a_user),
        };
        const uint64_t kept = UINT64_C(1) << CAP_SETUID | UINT64_C(1) << CAP_SETGID |
                              UINT64_C(1) << CAP_DAC_OVERRIDE;

        if (capabilities_keep(kept) < 0)
                return 1;
        return RUN_TESTS(tests);
}
