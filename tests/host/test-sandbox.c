/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-sandbox.c - a helper that nobody waits for any more does not begin its work. */

#include <fcntl.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/sandbox.h"

/* What goes at the worst moment: when the change of user has cleared the death signal. */
typedef enum Gone {
        NOTHING,
        PARENT,
        READER,
} Gone;

static Gone gone;
static int parent_fd = -EBADF, reader_fd = -EBADF;

static void let_go(void) {
        pid_t parent = getppid();

        if (gone == READER)
                close(reader_fd);
        if (gone != PARENT)
                return;
        if (write(parent_fd, "", 1) != 1)
                _exit(1);
        while (getppid() == parent)
                (void) usleep(1000);
}

int prctl(int option, ...);
int prctl(int option, ...) {
        unsigned long args[4];
        va_list ap;

        va_start(ap, option);
        for (size_t i = 0; i < ARRAY_SIZE(args); i++)
                args[i] = va_arg(ap, unsigned long);
        va_end(ap);
        if (option == PR_SET_PDEATHSIG)
                let_go();
        return (int) syscall(SYS_prctl, option, args[0], args[1], args[2], args[3]);
}

static _Noreturn void be_helper(int report) {
        static const Sandbox sandbox = { .uid = IMAGE_UID, .files = 64, .file_size = UINT64_MAX };
        int output[2], r;

        if (pipe2(output, O_CLOEXEC) < 0 || dup2(output[1], STDOUT_FILENO) < 0)
                _exit(1);
        reader_fd = output[0];
        r = sandbox_enter(&sandbox);
        _exit(write(report, &r, sizeof(r)) != sizeof(r));
}

/* Between the test and the helper is its parent, who ends when it is told. */
static int helper_begins(Gone what) {
        int report[2], word[2], status, r = 1;
        pid_t parent;
        char c;

        gone = what;
        ASSERT_OK(RET_NERRNO(pipe2(report, O_CLOEXEC)));
        ASSERT_OK(RET_NERRNO(pipe2(word, O_CLOEXEC)));
        parent_fd = word[1];
        parent = fork();
        if (parent == 0) {
                if (fork() == 0) {
                        close(word[0]);
                        be_helper(report[1]);
                }
                close(word[1]); /* so that its end is told, too */
                _exit(read(word[0], &c, 1) < 0);
        }
        assert_true(parent > 0);
        close(word[0]);
        close(word[1]);
        close(report[1]);
        assert_int_equal(read(report[0], &r, sizeof(r)), sizeof(r));
        close(report[0]);
        assert_int_equal(waitpid(parent, &status, 0), parent);
        return r;
}

static void test_orphans(void **state) {
        ASSERT_OK(helper_begins(NOTHING));
        ASSERT_ERROR(helper_begins(PARENT), ESRCH);
        ASSERT_ERROR(helper_begins(READER), ESRCH);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_orphans) };

        return RUN_TESTS(tests);
}
