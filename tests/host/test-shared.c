/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-shared.c - a setting that several guests share: first in, last out, and death at any moment.
 */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"

#include "basic/file-util.h"
#include "host/shared.h"

static char dir[] = "/tmp/umld-test-shared.XXXXXX";
static char *host; /* the file that plays the host's setting */

static bool is_alive(const char *name, void *userdata) {
        const char *dead = userdata;

        return !dead || !strstr(dead, name);
}

/* Opens the setting "size"; the guests named in dead are. */
static SharedSetting *open_setting(const char *dead) {
        SharedSetting *s = NULL;

        ASSERT_OK(shared_open(dir, "size", is_alive, (char *) dead, &s));
        return s;
}

static char *file_text(const char *name) {
        _cleanup_free_ char *path = strfmt("%s/%s", dir, name);
        char *text = NULL;

        assert_non_null(path);
        return read_file(path, 8192, &text) < 0 ? NULL : text;
}

static void assert_file(const char *name, const char *expected) {
        _cleanup_free_ char *text = file_text(name);

        if (!expected)
                assert_null(text);
        else {
                assert_non_null(text);
                assert_string_equal(text, expected);
        }
}

/* Leaves with this result; returns the original to put back. */
static char *leave(SharedSetting *s, const char *name, int expected, const char *expected_ours) {
        char *original = NULL, *ours = NULL;

        assert_int_equal(ASSERT_OK(shared_leave(s, name, &original, &ours)), expected);
        if (expected == 0) {
                assert_null(original);
                assert_null(ours);
                return NULL;
        }
        assert_string_equal(ours, expected_ours);
        free(ours);
        return original;
}

static void test_first_in_last_out(void **state) {
        _cleanup_(shared_closep) SharedSetting *s = open_setting(NULL);
        _cleanup_free_ char *original = NULL;

        assert_int_equal(ASSERT_OK(shared_is_ours(s, "100")), 0);
        ASSERT_OK(shared_join(s, "web", "64", "100"));
        assert_int_equal(ASSERT_OK(shared_is_ours(s, "100")), 0);
        ASSERT_OK(shared_set_ours(s, "164"));
        ASSERT_OK(shared_join(s, "db", "32", "164"));
        ASSERT_OK(shared_set_ours(s, "196"));
        assert_file("size/original", "100\n");
        assert_file("size/ours", "196\n");
        assert_file("size/user.web", "64\n");
        assert_file("size/user.db", "32\n");
        assert_int_equal(ASSERT_OK(shared_is_ours(s, "196")), 1);
        assert_int_equal(ASSERT_OK(shared_is_ours(s, "164")), 1);
        assert_int_equal(ASSERT_OK(shared_is_ours(s, "100")), 0);

        assert_null(leave(s, "web", 0, NULL));
        assert_null(leave(s, "web", 0, NULL)); /* again */
        original = leave(s, "db", 1, "196");
        assert_string_equal(original, "100");
        assert_file("size/original", "100\n"); /* kept until it has been put back */
        ASSERT_OK(shared_forget(s));
        assert_null(leave(s, "db", 0, NULL));
        assert_file("size/original", NULL);
}

static void test_join_again(void **state) {
        _cleanup_(shared_closep) SharedSetting *s = open_setting(NULL);
        _cleanup_free_ char *original = NULL;

        ASSERT_OK(shared_join(s, "web", "64", "100"));
        ASSERT_OK(shared_set_ours(s, "164"));
        ASSERT_OK(shared_join(s, "web", "128", "164"));
        assert_file("size/original", "100\n");
        assert_file("size/user.web", "128\n");
        original = leave(s, "web", 1, "164");
        assert_string_equal(original, "100");
        ASSERT_OK(shared_forget(s));
        /* After forgetting everything starts again, with the same handle. */
        ASSERT_OK(shared_join(s, "web", "1", "7"));
        assert_file("size/original", "7\n");
        ASSERT_OK(shared_forget(s));
}

/* A guest whose umld needed no change leaves nothing to put back. */
static void test_nothing_changed(void **state) {
        _cleanup_(shared_closep) SharedSetting *s = open_setting(NULL);

        ASSERT_OK(shared_join(s, "web", "64", "100"));
        assert_null(leave(s, "web", 0, NULL));
        assert_file("size/original", NULL);
        assert_null(leave(s, "stranger", 0, NULL));
}

static void test_users(void **state) {
        _cleanup_(shared_closep) SharedSetting *s = open_setting(NULL);
        _cleanup_strv_ Strv names = {}, claims = {}, all = {}, all_claims = {}, none = {},
                            none_claims = {};
        const char *text = "two\nlines\n and \\ more\n\n";

        ASSERT_OK(shared_users(s, NULL, &none, &none_claims));
        assert_int_equal(none.n, 0);
        ASSERT_OK(shared_join(s, "web", "64", "100"));
        ASSERT_OK(shared_join(s, "db", text, "100"));
        ASSERT_OK(shared_join(s, "a", "", "100"));
        ASSERT_OK(shared_users(s, "web", &names, &claims));
        assert_int_equal(names.n, 2);
        assert_int_equal(claims.n, 2);
        assert_string_equal(names.v[0], "a");
        assert_string_equal(claims.v[0], "");
        assert_string_equal(names.v[1], "db");
        assert_string_equal(claims.v[1], text);
        ASSERT_OK(shared_users(s, NULL, &all, &all_claims));
        assert_int_equal(all.n, 3);
        ASSERT_OK(shared_forget(s));
}

/* Dead users do not count, not even as the reason to keep the value. */
static void test_dead_users(void **state) {
        _cleanup_free_ char *original = NULL;
        SharedSetting *s = open_setting(NULL);
        Strv names = {}, claims = {};

        ASSERT_OK(shared_join(s, "web", "64", "100"));
        ASSERT_OK(shared_join(s, "db", "32", "100"));
        ASSERT_OK(shared_set_ours(s, "196"));
        shared_close(s);

        s = open_setting("db");
        ASSERT_OK(shared_users(s, NULL, &names, &claims));
        assert_int_equal(names.n, 1);
        assert_string_equal(names.v[0], "web");
        strv_done(&names);
        strv_done(&claims);
        shared_close(s);

        /* All died: the next one takes over what they noted, for the value is still theirs. */
        s = open_setting("db web");
        ASSERT_OK(shared_join(s, "new", "1", "196"));
        assert_file("size/original", "100\n");
        original = leave(s, "new", 1, "196");
        assert_string_equal(original, "100");
        ASSERT_OK(shared_forget(s));
        shared_close(s);
}

static unsigned asked;

static bool count(const char *name, void *userdata) {
        asked++;
        return is_alive(name, userdata);
}

/* A host may have many users: they are asked for only until one is found, or where they matter. */
static void test_asked_when_it_matters(void **state) {
        _cleanup_strv_ Strv names = {}, claims = {};
        SharedSetting *s = open_setting(NULL);
        char name[16];

        for (int i = 0; i < 50; i++) {
                snprintf(name, sizeof(name), "g%02d", i);
                ASSERT_OK(shared_join(s, name, name, "100"));
        }
        shared_close(s);

        asked = 0;
        ASSERT_OK(shared_open(dir, "size", count, (char *) "g00 g01 g10", &s));
        assert_int_equal(asked, 0);
        ASSERT_OK(shared_join(s, "new", "1", "100"));
        assert_int_equal(asked, 3); /* g00, g01, and g02, who lives */
        assert_file("size/user.g01", NULL);
        assert_null(leave(s, "new", 0, NULL));
        assert_int_equal(asked, 4);
        ASSERT_OK(shared_claims(s, "g05", &names, &claims));
        assert_int_equal(asked, 4);
        assert_int_equal(names.n, 47);
        assert_string_equal(names.v[0], "g02");
        assert_string_equal(claims.v[46], "g49");
        assert_true(shared_user_lives(s, "g11"));
        assert_false(shared_user_lives(s, "g10"));
        assert_file("size/user.g10", NULL);
        ASSERT_OK(shared_forget(s));
        shared_close(s);
}

static void test_claim(void **state) {
        _cleanup_(shared_closep) SharedSetting *s = open_setting(NULL);
        _cleanup_free_ char *claim = NULL;

        ASSERT_ERROR(shared_claim(s, "web", &claim), ENOENT);
        ASSERT_ERROR(shared_claim(s, "../x", &claim), EINVAL);
        assert_null(claim);
        ASSERT_OK(shared_join(s, "web", "64 x", "100"));
        ASSERT_OK(shared_claim(s, "web", &claim));
        assert_string_equal(claim, "64 x");
        ASSERT_OK(shared_forget(s));
}

/* All died, and somebody else has changed the value since: that is the one to go back to. */
static void test_changed_by_others(void **state) {
        SharedSetting *s = open_setting(NULL);

        ASSERT_OK(shared_join(s, "web", "64", "100"));
        ASSERT_OK(shared_set_ours(s, "164"));
        shared_close(s);
        s = open_setting("web");
        ASSERT_OK(shared_join(s, "new", "1", "500"));
        assert_file("size/original", "500\n");
        assert_file("size/ours", NULL);
        assert_int_equal(ASSERT_OK(shared_is_ours(s, "164")), 0);
        ASSERT_OK(shared_forget(s));
        shared_close(s);
}

static void test_foreign_files(void **state) {
        static const char *const files[] = { "user.web.new",    "original.new", "user.",
                                             "user.Not-A-Name", "user.a/b",     "README" };
        _cleanup_strv_ Strv names = {}, claims = {};
        SharedSetting *s = open_setting(NULL);

        ASSERT_OK(shared_join(s, "web", "64", "100"));
        shared_close(s);
        FOREACH_ELEMENT (f, files) {
                _cleanup_free_ char *path = strfmt("%s/size/%s", dir, *f);

                (void) write_file_atomic(path, "torn", 4, 0644);
        }
        s = open_setting(NULL);
        ASSERT_OK(shared_users(s, NULL, &names, &claims));
        assert_int_equal(names.n, 1);
        assert_file("size/user.web.new", NULL); /* a writer died there */
        assert_null(leave(s, "web", 0, NULL));  /* none of the rest is a user */
        shared_close(s);
}

static void test_refused(void **state) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *text = malloc(SHARED_TEXT_MAX + 2), *path = strfmt("%s/file", dir);
        SharedSetting *untouched = (SharedSetting *) 1;
        Strv names = {}, claims = {};

        ASSERT_ERROR(shared_open(dir, "", NULL, NULL, &untouched), EINVAL);
        ASSERT_ERROR(shared_open(dir, "..", NULL, NULL, &untouched), EINVAL);
        ASSERT_ERROR(shared_open(dir, "a/b", NULL, NULL, &untouched), EINVAL);
        ASSERT_ERROR(shared_open(dir, "lock", NULL, NULL, &untouched), EINVAL);
        ASSERT_OK(write_file_atomic(path, "", 0, 0644));
        ASSERT_ERROR(shared_open(path, "size", NULL, NULL, &untouched), ENOTDIR);
        assert_true(untouched == (SharedSetting *) 1);

        s = open_setting(NULL);
        ASSERT_ERROR(shared_join(s, "../x", "1", "2"), EINVAL);
        ASSERT_ERROR(shared_join(s, "", "1", "2"), EINVAL);
        ASSERT_ERROR(shared_leave(s, "../size/original", NULL, NULL), EINVAL);
        memset(text, 'x', SHARED_TEXT_MAX + 1);
        text[SHARED_TEXT_MAX + 1] = '\0';
        ASSERT_ERROR(shared_join(s, "web", text, "2"), E2BIG);
        text[SHARED_TEXT_MAX] = '\0';
        ASSERT_OK(shared_join(s, "web", text, "2"));
        ASSERT_OK(shared_users(s, NULL, &names, &claims));
        assert_string_equal(claims.v[0], text);
        strv_done(&names);
        strv_done(&claims);
        ASSERT_OK(shared_forget(s));
}

/* A full file system refuses the new fact and spoils none of the old ones. */
static void test_no_room(void **state) {
        struct rlimit before, none;
        SharedSetting *s = open_setting(NULL);

        ASSERT_OK(shared_join(s, "web", "64", "100"));
        ASSERT_OK(shared_set_ours(s, "164"));
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        none = (struct rlimit){ .rlim_cur = 0, .rlim_max = before.rlim_max };
        assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
        assert_int_equal(shared_set_ours(s, "228"), -EFBIG);
        assert_int_equal(shared_join(s, "db", "64", "164"), -EFBIG);
        assert_int_equal(shared_join(s, "web", "65", "164"), -EFBIG);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_file("size/original", "100\n");
        assert_file("size/ours", "164\n");
        assert_file("size/user.web", "64\n");
        assert_file("size/user.db", NULL);
        ASSERT_OK(shared_forget(s));
        shared_close(s);
}

/* The lock keeps others out, is not inherited by programs, and ends with its holder. */
static void test_lock(void **state) {
        _cleanup_free_ char *path = strfmt("%s/lock", dir);
        SharedSetting *s = open_setting(NULL);
        int fd = open(path, O_RDWR | O_CLOEXEC), found = 0;
        struct stat lock, st;

        assert_true(fd >= 0);
        assert_int_equal(fstat(fd, &lock), 0);
        for (int i = 0; i < 256; i++)
                if (i != fd && fstat(i, &st) >= 0 && st.st_dev == lock.st_dev &&
                    st.st_ino == lock.st_ino) {
                        found++;
                        assert_true(fcntl(i, F_GETFD) & FD_CLOEXEC);
                }
        assert_int_equal(found, 1);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
        shared_close(s);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        close(fd);
        s = open_setting(NULL);
        shared_close(s);
}

/* ---- the whole protocol, as umld uses it, with a file in the role of the host's setting ---- */

static int host_get(char **ret) {
        return read_first_line(host, ret);
}

static int host_set(const char *value) {
        return write_file_atomic(host, value, strlen(value), 0644);
}

static int guest_up(const char *name, const char *dead, const char *value) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *now = NULL;
        int r = shared_open(dir, "size", is_alive, (char *) dead, &s);

        if (r >= 0)
                r = host_get(&now);
        if (r >= 0)
                r = shared_join(s, name, value, now);
        if (r >= 0)
                r = shared_set_ours(s, value);
        return r < 0 ? r : host_set(value);
}

static int guest_down(const char *name, const char *dead) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *now = NULL, *original = NULL, *ours = NULL;
        int r = shared_open(dir, "size", is_alive, (char *) dead, &s);

        if (r >= 0)
                r = shared_leave(s, name, &original, &ours);
        if (r <= 0)
                return r;
        r = host_get(&now);
        if (r >= 0)
                r = shared_is_ours(s, now);
        if (r > 0)
                r = host_set(original);
        return r < 0 ? r : shared_forget(s);
}

/* Two guests come and go. */
static _noreturn_ void life(void) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0)
                _exit(1);
        _exit(guest_up("web", NULL, "164") < 0 || guest_up("db", NULL, "196") < 0 ||
              guest_up("web", NULL, "228") < 0 || guest_down("db", NULL) < 0 ||
              guest_down("web", NULL) < 0);
}

/* Lets life() make that many system calls and kills it. Returns whether it had ended before. */
static bool life_until(int calls) {
        pid_t pid = fork();
        int status;

        assert_true(pid >= 0);
        if (pid == 0)
                life();
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSTOPPED(status));
        for (int stop = 0; stop <= 2 * calls;
             stop++) { /* each call stops at its entry and at its exit */
                assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
                assert_int_equal(waitpid(pid, &status, 0), pid);
                if (!WIFSTOPPED(status)) {
                        assert_true(WIFEXITED(status));
                        assert_int_equal(WEXITSTATUS(status), 0);
                        return true;
                }
        }
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        return false;
}

/* Killed between any two system calls, it leaves what the next umld can go on from: a guest of
 * another name comes and goes, or the same guest's next umld sweeps, and the host has its old
 * value. */
static void test_killed_anywhere(void **state) {
        bool ended = false;
        int calls;

        for (calls = 0; !ended; calls++) {
                _cleanup_free_ char *value = NULL;

                ASSERT_OK(host_set("100"));
                ended = life_until(calls);
                if (calls % 2 == 0)
                        ASSERT_OK(guest_up("next", "web db", "300"));
                ASSERT_OK(guest_down("next", "web db"));
                ASSERT_OK(host_get(&value));
                if (!streq(value, "100"))
                        fail_msg("killed after %d system calls: the host keeps %s", calls, value);
                assert_file("size/original", NULL);
        }
        assert_true(calls > 100);
}

static int setup(void **state) {
        if (!mkdtemp(dir))
                return -1;
        host = strfmt("%s/host", dir);
        return host ? 0 : -1;
}

static int teardown(void **state) {
        free(host);
        return rm_rf(dir);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_in_last_out),
                cmocka_unit_test(test_join_again),
                cmocka_unit_test(test_nothing_changed),
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_dead_users),
                cmocka_unit_test(test_changed_by_others),
                cmocka_unit_test(test_foreign_files),
                cmocka_unit_test(test_refused),
                cmocka_unit_test(test_no_room),
                cmocka_unit_test(test_lock),
                cmocka_unit_test(test_killed_anywhere),
                cmocka_unit_test(test_asked_when_it_matters),
                cmocka_unit_test(test_claim),
        };

        cmocka_set_message_output(CM_OUTPUT_TAP);
        return cmocka_run_group_tests(tests, setup, teardown);
}
