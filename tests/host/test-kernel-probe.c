/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-kernel-probe.c - asks real kernels, kernels that misbehave, and files that are none.
 *
 * FAKE_KERNEL names the program that plays a kernel; UMLD_TEST_KERNELS adds real ones,
 * SHARED_KERNEL is one more where it exists. */

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"

#include "basic/child.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "basic/spawn.h"
#include "basic/time-util.h"
#include "uml/kernel-file.h"
#include "uml/kernel-probe.h"

/* For what must not depend on how busy the machine is. */
#define PATIENCE (30 * USEC_PER_SEC)

static const char debian_kernel[] = "/usr/bin/linux.uml";
static char dir[] = "/tmp/umld-test-probe.XXXXXX";

static char *in_dir(const char *name) {
        static char path[4096];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        return path;
}

static void copy_file(const char *from, const char *name, size_t max, mode_t mode) {
        _cleanup_free_ char *data = NULL;
        ssize_t n = ASSERT_OK(read_file(from, max, &data));

        ASSERT_OK(write_file_atomic(in_dir(name), data, (size_t) n, mode));
}

static size_t file_size(const char *path) {
        struct stat st;

        assert_int_equal(stat(path, &st), 0);
        return (size_t) st.st_size;
}

static void count_child(pid_t pid, void *userdata) {
}

/* What was killed is on its way out. */
static void assert_no_children(void) {
        usec_t end = now_usec(CLOCK_MONOTONIC) + 10 * USEC_PER_SEC;

        do
                (void) children_collect();
        while (process_foreach_child(count_child, NULL) > 0 && now_usec(CLOCK_MONOTONIC) < end);
        assert_int_equal(process_foreach_child(count_child, NULL), 0);
}

static int count_fds(void) {
        int n = 0;

        for (int fd = 0; fd < 256; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

/* The probe fails with this error and a sentence that has all these words in it. */
static void assert_refused(const char *path, usec_t timeout, int error, const char *word,
                           const char *remedy) {
        UmlKernel *k = (UmlKernel *) 1;
        _cleanup_free_ char *text = NULL;
        int fds = count_fds();

        ASSERT_ERROR(uml_kernel_probe(path, timeout, &k, &text), error);
        assert_true(k == (UmlKernel *) 1);
        assert_non_null(text);
        if (!strstr(text, path) || !strstr(text, word) || !strstr(text, remedy))
                fail_msg("\"%s\" lacks %s, \"%s\" or \"%s\"", text, path, word, remedy);
        for (const char *p = text; *p; p++)
                if ((unsigned char) *p < ' ')
                        fail_msg("control byte in \"%s\"", text);
        assert_no_children();
        assert_int_equal(count_fds(), fds);
}

/* What is true of every UML kernel. */
static UmlKernel *probe(const char *path) {
        _cleanup_free_ char *text = NULL;
        UmlKernel *k = NULL;
        int fds = count_fds();
        int r = uml_kernel_probe(path, PATIENCE, &k, &text);

        if (r < 0)
                fail_msg("%s: %s", path, text);
        assert_string_equal(k->path, path);
        assert_true(k->major >= 2 && k->major < 100);
        assert_true(k->tuntap || k->vector);
        assert_true(!k->static_linked || k->tuntap); /* vector networking needs the host's libc */
        assert_no_children();
        assert_int_equal(count_fds(), fds);
        return k;
}

static void test_debian_kernel(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = probe(debian_kernel);

        assert_false(k->static_linked);
        if (k->major != 6 || k->minor != 1)
                return; /* the next assertions are about Debian 12's */
        assert_true(startswith(k->release, "6.1.") != NULL);
        assert_true(k->tuntap && k->vector && k->bbr && k->raid6_benchmark);
        assert_false(k->ip_pnp || k->smp || k->seccomp);
}

/* Parameters of all kinds, with and without a value, that --help does not list. */
static void test_knows(void **state) {
        static const char *const known[] = {
                "mem",       "ubd",   "lpj",      "init",     "root",
                "rootflags", "quiet", "noreboot", "loglevel", "initcall_blacklist",
                "panic"
        };
        _cleanup_(uml_kernel_freep) UmlKernel *k = probe(debian_kernel);
        UmlKernel gone = { .path = (char *) "/nonexistent/kernel" };

        FOREACH_ELEMENT (name, known)
                if (ASSERT_OK(uml_kernel_knows(k, *name, strlen(*name))) != 1)
                        fail_msg("%s is not known", *name);
        assert_int_equal(ASSERT_OK(uml_kernel_knows(k, "nonsense", 8)), 0);
        assert_int_equal(ASSERT_OK(uml_kernel_knows(k, "memx", 4)), 0);
        assert_int_equal(ASSERT_OK(uml_kernel_knows(k, "memx", 3)), 1); /* len counts */
        assert_int_equal(uml_kernel_knows(&gone, "mem", 3), -ENOENT);
}

static void test_more_kernels(void **state) {
        const char *list = getenv("UMLD_TEST_KERNELS"), *shared = getenv("SHARED_KERNEL");
        _cleanup_free_ char *copy = strdup(list ?: "");
        char *position = copy;

        for (char *path; (path = strsep(&position, ":"));) {
                if (*path)
                        uml_kernel_free(probe(path));
        }
        if (shared && access(shared, F_OK) >= 0) {
                _cleanup_(uml_kernel_freep) UmlKernel *k = probe(shared);

                assert_int_equal(k->major, 7);
                assert_true(k->vector && k->ip_pnp && k->bbr && k->seccomp);
                assert_false(k->tuntap || k->smp || k->raid6_benchmark);
        }
}

/* Also after strip(1), and under a name that needs care. */
static void test_stripped_kernel(void **state) {
        char *argv[] = { (char *) "strip", (char *) "-o", in_dir("with space"),
                         (char *) debian_kernel, NULL };
        int status;
        pid_t pid;

        assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        uml_kernel_free(probe(in_dir("with space")));
}

static void test_no_kernels(void **state) {
        static const char script[] = "#!/bin/sh\necho 6.1.1\n";
        size_t size = file_size(debian_kernel);

        assert_refused(in_dir("missing"), USEC_PER_SEC, ENOENT, "does not exist", "install one");
        assert_refused(in_dir("missing/below"), USEC_PER_SEC, ENOENT, "does not exist",
                       "install one");
        assert_refused(dir, USEC_PER_SEC, EISDIR, "is a directory", "set Kernel=");
        assert_refused("/dev/null", USEC_PER_SEC, ENOEXEC, "not a file", "set Kernel=");
        assert_refused("/bin/true", USEC_PER_SEC, ENOEXEC, "not a UML kernel", "set Kernel=");
        /* This program knows all the words that a UML kernel would have in it. */
        assert_refused("/proc/self/exe", USEC_PER_SEC, ENOEXEC, "not a UML kernel", "set Kernel=");
        assert_refused("/bin/true/x", USEC_PER_SEC, ENOTDIR, "Not a directory", "check the path");

        ASSERT_OK(write_file_atomic(in_dir("script"), script, strlen(script), 0755));
        assert_refused(in_dir("script"), USEC_PER_SEC, ENOEXEC, "is a script", "set Kernel=");
        ASSERT_OK(write_file_atomic(in_dir("nothing"), "", 0, 0755));
        assert_refused(in_dir("nothing"), USEC_PER_SEC, ENOEXEC, "is empty", "set Kernel=");
        ASSERT_OK(write_file_atomic(in_dir("text"), "User Mode Linux", 15, 0755));
        assert_refused(in_dir("text"), USEC_PER_SEC, ENOEXEC, "not a program", "set Kernel=");

        copy_file(debian_kernel, "not-executable", size, 0644);
        assert_refused(in_dir("not-executable"), USEC_PER_SEC, EACCES, "not executable",
                       "chmod +x");

        assert_int_equal(mkfifo(in_dir("fifo"), 0755), 0);
        assert_refused(in_dir("fifo"), USEC_PER_SEC, ENOEXEC, "not a file", "set Kernel=");
}

/* A kernel cut short anywhere is told from a whole one without running it. */
static void test_truncated(void **state) {
        size_t size = file_size(debian_kernel);
        const size_t lengths[] = { 4, 16, 63, 64, 100, 4096, size / 2, size - 4096, size - 1 };

        FOREACH_ELEMENT (length, lengths) {
                copy_file(debian_kernel, "truncated", *length, 0755);
                assert_refused(in_dir("truncated"), PATIENCE, ENOEXEC, "truncated", "set Kernel=");
        }
}

/* Byte after byte of its headers spoilt: whatever that makes of the file, looking at it is
 * harmless. */
static void test_damaged(void **state) {
        enum {
                ELF_HEADER = 64,
                SECTIONS = 40 * 64,
        };
        _cleanup_free_ char *data = NULL;
        size_t n = (size_t) ASSERT_OK(read_file(getenv("FAKE_KERNEL"), 64 << 20, &data));
        int refused = 0, fd = memfd_create("damaged", MFD_CLOEXEC);

        assert_true(fd >= 0);
        ASSERT_OK(write_all(fd, data, n));
        for (size_t i = 0; i < ELF_HEADER + SECTIONS; i++) {
                size_t at = i < ELF_HEADER ? i : n - (i - ELF_HEADER) - 1;
                char spoilt = (char) ~data[at];
                _cleanup_free_ char *text = NULL;
                bool is_static = false;

                assert_int_equal(pwrite(fd, &spoilt, 1, (off_t) at), 1);
                if (kernel_file_check(fd, "damaged", &is_static, &text) < 0) {
                        refused++;
                        assert_non_null(text);
                }
                assert_int_equal(pwrite(fd, &data[at], 1, (off_t) at), 1);
        }
        assert_true(refused > 20);
        close(fd);
}

static void test_noexec(void **state) {
        assert_int_equal(mkdir(in_dir("noexec"), 0755), 0);
        assert_int_equal(mount("none", in_dir("noexec"), "tmpfs", MS_NOEXEC, "size=64m"), 0);
        copy_file(debian_kernel, "noexec/kernel", file_size(debian_kernel), 0755);
        assert_refused(in_dir("noexec/kernel"), USEC_PER_SEC, EACCES, "mounted noexec", "move it");
        assert_int_equal(umount(in_dir("noexec")), 0);
}

static const char *fake(const char *name) {
        copy_file(getenv("FAKE_KERNEL"), name, 64 << 20, 0755);
        return in_dir(name);
}

static void test_fake_good(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *text = NULL;

        if (uml_kernel_probe(fake("good"), PATIENCE, &k, &text) < 0)
                fail_msg("%s", text);
        assert_string_equal(k->release, "5.19.3-fake");
        assert_true(k->vector && k->static_linked);
}

static void handler(int sig) {
}

/* Nothing of ours reaches the kernel's process, not even when our own is in an odd state. */
static void test_fake_strict(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *text = NULL;
        sigset_t term, before, after;
        int saved_stdin = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 10);

        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        assert_int_equal(sigprocmask(SIG_BLOCK, &term, &before), 0);
        assert_true(signal(SIGUSR1, handler) != SIG_ERR && signal(SIGHUP, SIG_IGN) != SIG_ERR);
        close(STDIN_FILENO);
        for (int fd = STDERR_FILENO + 1; fd < 256;
             fd++) /* what this program was started with is not ours */
                (void) fd_cloexec(fd, true);
        if (uml_kernel_probe(fake("strict"), PATIENCE, &k, &text) < 0)
                fail_msg("%s", text);
        assert_int_equal(sigprocmask(SIG_SETMASK, &before, &after), 0);
        assert_true(sigismember(&after, SIGTERM));
        assert_true(signal(SIGUSR1, SIG_DFL) == handler);
        assert_true(signal(SIGHUP, SIG_DFL) == SIG_IGN);
        assert_int_equal(fcntl(STDIN_FILENO, F_GETFD), -1);
        assert_int_equal(dup2(saved_stdin, STDIN_FILENO), STDIN_FILENO);
        close(saved_stdin);
}

/* Nor does the kernel's process end up somewhere else when ours reaps its children unasked. */
static void test_ignored_sigchld(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *text = NULL;

        assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
        if (uml_kernel_probe(fake("good"), PATIENCE, &k, &text) < 0)
                fail_msg("%s", text);
        assert_true(signal(SIGCHLD, SIG_DFL) == SIG_IGN);
}

static void test_fake_bad(void **state) {
        assert_refused(fake("status"), PATIENCE, EPROTO, "exit status 3, output \"cannot find\\x1b",
                       "by hand");
        assert_refused(fake("signal"), PATIENCE, EPROTO, "killed by signal ", "by hand");
        assert_refused(fake("empty"), PATIENCE, EBADMSG, "--version", "by hand");
        assert_refused(fake("junk"), PATIENCE, EBADMSG, "\\x1b]0;owned", "by hand");
        assert_refused(fake("plain"), PATIENCE, EBADMSG, "--showconfig", "by hand");
        assert_refused(fake("flood"), PATIENCE, EFBIG, "1 MiB", "by hand");
}

static void test_fake_endless(void **state) {
        usec_t start = now_usec(CLOCK_MONOTONIC), took;

        assert_refused(fake("silent"), 200 * USEC_PER_MSEC, ETIMEDOUT, "before the timeout",
                       "by hand");
        assert_refused(fake("deaf"), 200 * USEC_PER_MSEC, ETIMEDOUT, "before the timeout",
                       "by hand");
        took = now_usec(CLOCK_MONOTONIC) - start;
        assert_true(took >= 400 * USEC_PER_MSEC);
        assert_true(took < PATIENCE);
}

/* What it leaves behind ends with it, and does not keep the probe waiting. */
static void test_fake_children(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *text = NULL;

        ASSERT_OK(uml_kernel_probe(fake("children"), PATIENCE, &k, &text));
        assert_no_children();
}

static bool is_question(const char *pid, const char *program) {
        _cleanup_free_ char *command = NULL;
        char path[64];

        snprintf(path, sizeof(path), "/proc/%.20s/cmdline", pid);
        return read_file(path, 4096, &command) > 0 && streq(command, program);
}

static int count_questions(const char *program) {
        DIR *proc = opendir("/proc");
        struct dirent *de;
        int n = 0;

        while (proc && (de = readdir(proc)))
                n += de->d_name[0] > '0' && de->d_name[0] <= '9' &&
                     is_question(de->d_name, program);
        closedir(proc);
        return n;
}

/* Lets them answer when all three are there. */
static int watch_questions(void *userdata) {
        const char *program = userdata;

        while (count_questions(program) < 3)
                usleep(1000);
        return write_file_atomic(in_dir("asked"), "?", 1, 0644) < 0;
}

/* The questions are asked side by side: each of them is answered only when all were asked. */
static void test_fake_together(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *text = NULL, *program = strdup(fake("together"));
        pid_t watcher;

        ASSERT_OK(write_file_atomic(in_dir("asked"), "", 0, 0644));
        assert_int_equal(chmod(dir, 0711), 0); /* it is not root that looks there */
        ASSERT_OK(spawn(&(const Spawn){ .run = watch_questions,
                                        .userdata = program,
                                        .death_signal = SIGKILL,
                                        .keep_all = true },
                        &watcher));
        ASSERT_OK(uml_kernel_probe(program, PATIENCE, &k, &text));
        assert_int_equal(spawn_wait_exit(watcher), 0);
        assert_int_equal(chmod(dir, 0700), 0);
}

/* One that nobody but root may execute is asked all the same. */
static void test_fake_private(void **state) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *text = NULL;

        assert_int_equal(mkdir(in_dir("private"), 0700), 0);
        copy_file(getenv("FAKE_KERNEL"), "private/good", 64 << 20, 0700);
        if (uml_kernel_probe(in_dir("private/good"), PATIENCE, &k, &text) < 0)
                fail_msg("%s", text);
}

static int setup(void **state) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -1;
        return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state) {
        (void) umount2(in_dir("noexec"), MNT_DETACH);
        return rm_rf(dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_debian_kernel),   cmocka_unit_test(test_knows),
                cmocka_unit_test(test_more_kernels),    cmocka_unit_test(test_stripped_kernel),
                cmocka_unit_test(test_no_kernels),      cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_damaged),         cmocka_unit_test(test_noexec),
                cmocka_unit_test(test_fake_good),       cmocka_unit_test(test_fake_strict),
                cmocka_unit_test(test_ignored_sigchld), cmocka_unit_test(test_fake_bad),
                cmocka_unit_test(test_fake_endless),    cmocka_unit_test(test_fake_together),
                cmocka_unit_test(test_fake_private),    cmocka_unit_test(test_fake_children),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, setup, teardown);
}
