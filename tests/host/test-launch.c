/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-launch.c - umld-init for real: what the started process has, and that nothing of it
 * survives, in a pid namespace and without one. */

#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/process.h"
#include "basic/time-util.h"
#include "host/init-protocol.h"
#include "host/launch.h"

enum {
        TEST_UID = 61100,
};

#define PATIENCE (60 * USEC_PER_SEC) /* what is slow, on a busy machine, does not hang */

static const uint32_t namespaces =
        CONFINE_BIT(CONFINE_PID_NAMESPACE) | CONFINE_BIT(CONFINE_IPC_NAMESPACE);

typedef struct Started {
        Launched launched;
        int output; /* read end of the process' standard output */
        pid_t pid;
} Started;

static int wait_message(int status_fd, InitMessage *ret, pid_t *ret_pid) {
        for (;;) {
                struct pollfd p = { .fd = status_fd, .events = POLLIN };
                int r = launch_receive(status_fd, ret, ret_pid);

                if (r != 0)
                        return r;
                if (poll(&p, 1, PATIENCE / USEC_PER_MSEC) <= 0)
                        fail_msg("no message from umld-init");
        }
}

static bool service; /* what is started is a program like a relay, and no kernel */

static Started start_with(const char *script, uint32_t layers) {
        char *words[] = { (char *) "/bin/sh", (char *) "-c", (char *) script, NULL };
        char *variables[] = { (char *) "PATH=/bin:/usr/bin", (char *) "COLOUR=blue", NULL };
        Strv argv = { .v = words, .n = 3 }, environment = { .v = variables, .n = 2 };
        Launch l = {
                .init = getenv("UMLD_INIT"),
                .argv = &argv,
                .environment = &environment,
                .uid = TEST_UID,
                .directory = "/",
                .cgroup_fd = -EBADF,
                .mount_ns_fd = -EBADF,
                .net_ns_fd = -EBADF,
                .layers = layers,
                .service = service,
                .limits = { .processes = 200,
                            .files = 300,
                            .file_size = 1 << 20,
                            .data = 64 << 20 },
        };
        Started s = {};
        InitMessage m;
        int out[2], null;

        assert_non_null(l.init);
        ASSERT_OK(pipe2(out, O_CLOEXEC));
        null = ASSERT_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
        ASSERT_OK(launch_prepare(&l, &s.launched));
        ASSERT_OK(launch_go(&s.launched, out[1], null));
        safe_close(out[1]);
        safe_close(null);
        s.output = out[0];
        assert_int_equal(s.launched.pid_namespace, (layers & namespaces) != 0);
        assert_int_equal(wait_message(s.launched.status_fd, &m, &s.pid), 1);
        assert_int_equal(m.type, INIT_STARTING);
        assert_true(s.pid > 0);
        return s;
}

static Started start(const char *script, bool no_pid_namespace) {
        return start_with(script, no_pid_namespace ? CONFINE_ALL & ~namespaces : CONFINE_ALL);
}

/* Waits for umld-init and returns the wait status of the main process that it reported, -1 for
 * none. */
static int finish(Started *s) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + PATIENCE;
        pid_t init = s->launched.init, pid;
        int status = -1;
        uint64_t cpu;
        InitMessage m;
        char state;

        while (waitpid(init, NULL, WNOHANG) == 0) {
                if (now_usec(CLOCK_MONOTONIC) > deadline &&
                    process_activity(init, &state, &cpu) >= 0)
                        fail_msg("umld-init, in state %c, does not end", state);
                (void) usleep(1000);
        }
        while (launch_receive(s->launched.status_fd, &m, &pid) > 0)
                if (m.type == INIT_EXITED)
                        status = m.status;
        safe_close(s->launched.status_fd);
        return status;
}

static void read_output(Started *s, char *buf, size_t size) {
        ssize_t n = ASSERT_OK(read_all(s->output, buf, size - 1));

        buf[n] = '\0';
        safe_close(s->output);
}

static int count_users_processes(void) {
        char line[64];
        FILE *f = popen("ps -o pid= -u 61100 | wc -l", "r");

        assert_non_null(f);
        assert_non_null(fgets(line, sizeof(line), f));
        pclose(f);
        return atoi(line);
}

static void wait_users_processes(int n) {
        usec_t deadline = now_usec(CLOCK_MONOTONIC) + PATIENCE;

        while (count_users_processes() != n) {
                if (now_usec(CLOCK_MONOTONIC) > deadline)
                        fail_msg("never %d processes of the guest's user", n);
                (void) usleep(1000);
        }
}

static void for_both(void (*fn)(bool no_pid_namespace)) {
        fn(false);
        fn(true);
        assert_int_equal(count_users_processes(), 0);
}

/* As some container managers give them to root. */
static void make_capabilities_inheritable(void) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];

        ASSERT_OK(syscall(SYS_capget, &header, sets));
        FOREACH_ELEMENT (set, sets)
                set->inheritable = set->permitted;
        ASSERT_OK(syscall(SYS_capset, &header, sets));
}

/* Its identity, environment, descriptors and signals are exactly what was meant. */
static void check_what_it_has(bool no_pid_namespace) {
        Started s = start("id -u; id -g; id -G; echo $COLOUR $HOME; grep -E "
                          "'^(NoNewPrivs|SigBlk|Cap...)' /proc/self/status;"
                          " ls -l /proc/$$/fd | wc -l; ulimit -c; cat /proc/$$/personality "
                          "2>/dev/null; exit 7",
                          no_pid_namespace);
        char out[1024];

        read_output(&s, out, sizeof(out));
        assert_int_equal(finish(&s), 7 << 8);
        assert_non_null(strstr(out, "61100\n61100\n61100\nblue\n"));
        assert_non_null(strstr(out, "SigBlk:\t0000000000000000\n"));
        assert_non_null(strstr(out, "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\n"
                                    "CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\n"
                                    "CapAmb:\t0000000000000000\n"));
        assert_non_null(strstr(out, "NoNewPrivs:\t1\n"));
}

static void test_what_it_has(void **state) {
        make_capabilities_inheritable();
        for_both(check_what_it_has);
}

/* What must be in the output is in it, and nothing of that if the layer is left out. */
static void test_limits(void **state) {
        static const char script[] = "sed 's/  */ /g' /proc/self/limits; echo oom $(cat "
                                     "/proc/self/oom_score_adj); umask; "
                                     "head -c 2000000 /dev/zero >/tmp/umld-launch.$$ 2>/dev/null; "
                                     "echo size $(stat -c %s "
                                     "/tmp/umld-launch.$$); rm -f /tmp/umld-launch.$$";
        static const char *const lines[] = {
                "Max processes 200 200",
                "Max open files 300 300",
                "Max file size 1048576 1048576",
#ifndef WITH_ADDRESS_SANITIZER /* umld-init of such a build has no limit of it */
                "Max data size 67108864 67108864",
#endif
                "Max locked memory 0 0",
                "Max msgqueue size 0 0",
                "oom 300\n",
                "0077\n",
                "size 1048576\n",
        };
        char out[4000];

        for (int with = 0; with < 2; with++) {
                Started s = start_with(script, with ? CONFINE_ALL
                                                    : CONFINE_ALL & ~CONFINE_BIT(CONFINE_LIMITS));

                read_output(&s, out, sizeof(out));
                assert_int_equal(finish(&s), 0);
                FOREACH_ELEMENT (l, lines)
                        if ((strstr(out, *l) != NULL) != (with > 0))
                                fail_msg("%d: %s: %s", with, *l, out);
                assert_non_null(strstr(out, "Max core file size 0 0"));
        }
}

/* What a program of the user's found when it made the calls that no guest needs. */
static void try_calls(uint32_t layers, char *buf, size_t size) {
        char directory[] = "/tmp/umld-calls-XXXXXX", command[200], path[100];
        Started s;

        assert_non_null(mkdtemp(directory));
        ASSERT_OK(chmod(directory, 0755));
        snprintf(path, sizeof(path), "%s/try", directory);
        snprintf(command, sizeof(command), "install -m 755 %s %s", getenv("TRY_CALLS"), path);
        assert_int_equal(system(command), 0);
        s = start_with(path, layers);
        read_output(&s, buf, size);
        assert_int_equal(finish(&s), 0);
        ASSERT_OK(unlink(path));
        ASSERT_OK(rmdir(directory));
}

/* Of each line of the list the call, which fails with EPERM, except for those that have another
 * end. */
static void test_filter(void **state) {
        static const char *const others[] = { "clone3 38", "socket-unix 0", "getppid 0", "fork 0" };
        char with[2000], without[2000], *rest = with, *line;
        size_t refused = 0, other = 0;

        if (!*getenv("WITH_SECCOMP"))
                skip();
        try_calls(CONFINE_ALL, with, sizeof(with));
        try_calls(CONFINE_ALL & ~CONFINE_BIT(CONFINE_SECCOMP), without, sizeof(without));
        assert_non_null(strstr(without, "socket-inet 0\n"));
        assert_non_null(strstr(without, "shmget 0\n"));
        assert_non_null(strstr(without, "keyctl 95\n"));
        while ((line = strsep(&rest, "\n")) && *line) {
                bool expected = false;

                FOREACH_ELEMENT (o, others)
                        expected |= streq(line, *o);
                if (!expected && strcmp(line + strcspn(line, " "), " 1") != 0)
                        fail_msg("%s", line);
                refused += !expected;
                other += expected;
        }
        assert_int_equal(other, ARRAY_SIZE(others));
        assert_true(refused > 20);
}

/* A relay has sockets, and no list of what it may call, but one of what it may not. */
static void test_service(void **state) {
        static const char *const lines[] = { "keyctl 1\n",      "bpf 1\n",         "setns 1\n",
                                             "io-uring 1\n",    "clone-user 1\n",  "unshare 1\n",
                                             "shmget 0\n",      "socket-inet 0\n", "fork 0\n",
                                             "socket-vsock 1\n" };
        char with[2000], without[2000];

        service = true;
        try_calls(CONFINE_ALL, with, sizeof(with));
        try_calls(CONFINE_ALL & ~CONFINE_BIT(CONFINE_SECCOMP), without, sizeof(without));
        service = false;
        assert_non_null(strstr(without, "keyctl 95\n"));
        FOREACH_ELEMENT (l, lines)
                if (!strstr(with, *l))
                        fail_msg("no %s: %s", *l, with);
}

static void check_helpers_die(bool no_pid_namespace) {
        /* a helper in a session of its own, as the window-change helper of 6.x kernels is, and one
         * that forks on */
        Started s = start("setsid sleep 1000 & (sleep 1000 & exec sleep 1000) & echo up; wait",
                          no_pid_namespace);
        char out[8];

        ASSERT_OK(read_all(s.output, out, 3));
        wait_users_processes(4);
        ASSERT_OK(kill(s.pid, SIGKILL));
        assert_int_equal(finish(&s), SIGKILL);
        safe_close(s.output);
        wait_users_processes(0);
}

static void test_helpers_die(void **state) {
        for_both(check_helpers_die);
}

/* umld dies: so does the guest. The "umld" is a child of ours here. */
static void check_dies_with_umld(bool no_pid_namespace) {
        int ready[2];
        char c;
        pid_t umld;

        ASSERT_OK(pipe(ready));
        umld = ASSERT_OK(fork());
        if (umld == 0) {
                Started s = start("setsid sleep 1000 & exec sleep 1000", no_pid_namespace);

                (void) s;
                (void) !write(ready[1], "x", 1);
                (void) pause();
                _exit(0);
        }
        assert_int_equal(read(ready[0], &c, 1), 1);
        safe_close(ready[0]);
        safe_close(ready[1]);
        wait_users_processes(2);
        ASSERT_OK(kill(umld, SIGKILL));
        assert_int_equal(waitpid(umld, NULL, 0), umld);
        wait_users_processes(0);
}

static void test_dies_with_umld(void **state) {
        for_both(check_dies_with_umld);
}

static void test_failures(void **state) {
        char *words[] = { (char *) "/nonexistent/vmlinux", NULL };
        Strv argv = { .v = words, .n = 1 }, environment = {};
        int null = ASSERT_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
        Launch l = {
                .init = getenv("UMLD_INIT"),
                .argv = &argv,
                .environment = &environment,
                .uid = TEST_UID,
                .directory = "/",
                .cgroup_fd = -EBADF,
                .mount_ns_fd = -EBADF,
                .net_ns_fd = -EBADF,
                .layers = CONFINE_ALL,
        };
        Started s = { .output = -EBADF };
        InitMessage m;
        siginfo_t si;

        ASSERT_OK(launch_prepare(&l, &s.launched));
        ASSERT_OK(launch_go(&s.launched, null, null));
        assert_int_equal(wait_message(s.launched.status_fd, &m, &s.pid), 1);
        assert_int_equal(m.type, INIT_STARTING);
        assert_int_equal(wait_message(s.launched.status_fd, &m, &s.pid), 1);
        assert_int_equal(m.type, INIT_FAILED);
        assert_int_equal(m.error, ENOENT);
        assert_string_equal(m.step, "exec of the kernel");
        (void) finish(&s);

        /* It fails before it reads the go-ahead, whose loss must not hide why. */
        l.mount_ns_fd = null;
        ASSERT_OK(launch_prepare(&l, &s.launched));
        ASSERT_OK(launch_go(&s.launched, null, null));
        ASSERT_OK(waitid(P_PID, (id_t) s.launched.init, &si, WEXITED | WNOWAIT));
        assert_int_equal(wait_message(s.launched.status_fd, &m, &s.pid), 1);
        assert_int_equal(m.type, INIT_FAILED);
        assert_string_equal(m.step, "mount namespace");
        (void) finish(&s);
        l.mount_ns_fd = -EBADF;

        l.directory = "/nonexistent";
        ASSERT_OK(launch_prepare(&l, &s.launched));
        ASSERT_OK(launch_go(&s.launched, null, null));
        assert_int_equal(wait_message(s.launched.status_fd, &m, &s.pid), 1);
        assert_int_equal(m.type, INIT_FAILED);
        assert_int_equal(m.error, ENOENT);
        assert_string_equal(m.step, "change of directory");
        (void) finish(&s);
        safe_close(null);
}

/* One that stands by has done all but the exec, and is not needed, or was killed meanwhile, or
 * loses its umld. */
static void test_standby(void **state) {
        char *words[] = { (char *) "/bin/true", NULL };
        Strv argv = { .v = words, .n = 1 }, environment = {};
        const Launch l = {
                .init = getenv("UMLD_INIT"),
                .argv = &argv,
                .environment = &environment,
                .uid = TEST_UID,
                .directory = "/",
                .cgroup_fd = -EBADF,
                .mount_ns_fd = -EBADF,
                .net_ns_fd = -EBADF,
                .layers = CONFINE_ALL,
        };
        int null = ASSERT_OK(open("/dev/null", O_RDWR | O_CLOEXEC));
        Launched launched;
        siginfo_t si;

        ASSERT_OK(launch_prepare(&l, &launched));
        wait_users_processes(1);
        launch_cancel(&launched);
        assert_int_equal(launched.init, 0);
        wait_users_processes(0);
        while (children_collect() > 0)
                (void) usleep(1000);
        launch_cancel(&launched); /* twice is once */

        ASSERT_OK(launch_prepare(&l, &launched));
        ASSERT_OK(kill(launched.init, SIGKILL));
        ASSERT_OK(waitid(P_PID, (id_t) launched.init, &si, WEXITED | WNOWAIT));
        ASSERT_ERROR(launch_go(&launched, null, null), EPIPE);
        launch_cancel(&launched);

        ASSERT_OK(launch_prepare(&l, &launched));
        launched.status_fd = safe_close(launched.status_fd);
        assert_int_equal(waitpid(launched.init, NULL, 0), launched.init);
        safe_close(null);
}

/* umld-init itself killed from outside, without a namespace: its orphans are collected by umld, a
 * subreaper. */
static void test_orphans(void **state) {
        Started s;

        ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0));
        s = start("setsid sleep 1000 & exec sleep 1000", true);
        wait_users_processes(2);
        ASSERT_OK(kill(s.launched.init, SIGKILL));
        assert_int_equal(finish(&s), -1);
        ASSERT_OK(process_kill_children(PATIENCE));
        assert_int_equal(count_users_processes(), 0);
        safe_close(s.output);
        ASSERT_OK(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0));
}

/* A process of that user in a network of its own: another container's guest. */
static pid_t start_foreign(void) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
                assert(unshare(CLONE_NEWNET) >= 0 && setuid(TEST_UID) >= 0);
                assert(prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0);
                execl("/bin/sleep", "sleep", "1000", NULL);
                _exit(127);
        }
        while (count_users_processes() == 0)
                (void) usleep(1000);
        return pid;
}

static void test_kill_user(void **state) {
        pid_t foreign = start_foreign();
        Started s;

        ASSERT_ERROR(process_kill_user(0), EINVAL);
        s = start("setsid sleep 1000 & exec sleep 1000", true);
        wait_users_processes(3); /* with the foreign one */
        while (ASSERT_OK(process_kill_user(TEST_UID)) > 0)
                (void) usleep(1000);
        assert_int_equal(finish(&s), SIGKILL);
        assert_int_equal(count_users_processes(), 1);
        ASSERT_OK(kill(foreign, SIGKILL));
        assert_int_equal(waitpid(foreign, NULL, 0), foreign);
        safe_close(s.output);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_what_it_has),    cmocka_unit_test(test_helpers_die),
                cmocka_unit_test(test_dies_with_umld), cmocka_unit_test(test_failures),
                cmocka_unit_test(test_orphans),        cmocka_unit_test(test_kill_user),
                cmocka_unit_test(test_standby),        cmocka_unit_test(test_filter),
                cmocka_unit_test(test_service),        cmocka_unit_test(test_limits),
        };

        (void) alarm(280); /* whoever runs it has more patience, and would not say that it hung */
        ASSERT_OK(launch_try_namespaces(namespaces));
        return RUN_TESTS(tests);
}
