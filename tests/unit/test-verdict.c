/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-verdict.c - from what was seen to a verdict and its sentence. */

#include <signal.h>
#include <string.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "daemon/guest/verdict.h"

/* Wait statuses as Linux encodes them. */
#define EXITED(code) ((code) << 8)
#define KILLED(sig)  (sig)

static void check(Evidence e, Verdict verdict, const char *detail) {
        _cleanup_free_ char *text = NULL;
        Verdict v;

        if (!e.console)
                e.console = "";
        ASSERT_OK(verdict_judge(&e, &v, &text));
        assert_string_equal(verdict_to_string(v), verdict_to_string(verdict));
        assert_string_equal(text, detail);
}

#define SEEN(...) ((Evidence){ .have_status = true, .booted = true, __VA_ARGS__ })

static void test_by_itself(void **state) {
        check(SEEN(.status = EXITED(0), .console = "[ 2.0] reboot: Power down\r\n"),
              VERDICT_POWEROFF, "the guest powered off");
        check(SEEN(.status = EXITED(0), .console = "reboot: System halted\n"), VERDICT_POWEROFF,
              "the guest powered off");
        check(SEEN(.status = EXITED(0), .console = "reboot: Restarting system\n"), VERDICT_REBOOT,
              "the guest rebooted");
        check(SEEN(.status = EXITED(0), .console = "sysrq: Resetting\n"), VERDICT_REBOOT,
              "the guest rebooted");
        check(SEEN(.status = EXITED(0), .console = "sysrq: Resetting\nreboot: Power down\n"),
              VERDICT_POWEROFF, "the guest powered off");
        /* the last word counts, not one that something in the guest printed before */
        check(SEEN(.status = EXITED(0),
                   .console = "echo reboot: Restarting system\nreboot: Power down\n"),
              VERDICT_POWEROFF, "the guest powered off");
        check(SEEN(.status = EXITED(0)), VERDICT_POWEROFF, "the guest powered off");
        check(SEEN(.status = EXITED(42)), VERDICT_EXIT, "the kernel ended with exit status 42");
}

/* As 6.1 does at times, when it is done with everything else. */
static void test_panic_in_exit(void **state) {
        const char *panic = "Kernel panic - not syncing: Segfault with no mm";

        check(SEEN(.status = KILLED(SIGABRT), .console = "reboot: Power down\r\n", .panic = panic),
              VERDICT_POWEROFF, "the guest powered off");
        check(SEEN(.status = KILLED(SIGABRT),
                   .console =
                           "reboot: Restarting system\nKernel panic - not syncing: Segfault with "
                           "no mm\nModules linked in:\n"),
              VERDICT_REBOOT, "the guest rebooted");
        check(SEEN(.status = KILLED(SIGABRT), .console = "reboot: Power down\n", .panic = panic,
                   .asked = ASKED_STOP, .stop_clean = true, .stop_step = "ctrl-alt-del"),
              VERDICT_STOPPED, "shut down cleanly by ctrl-alt-del");
        /* not one that goes on */
        check(SEEN(.status = KILLED(SIGABRT), .console = "reboot: Power down\nlogin: \n",
                   .panic = panic),
              VERDICT_PANIC, panic);
}

static void test_before_boot(void **state) {
        check((Evidence){ .have_status = true, .status = EXITED(0) }, VERDICT_EXIT,
              "the kernel ended with exit status 0 before it had booted");
        check((Evidence){ .have_status = true,
                          .status = EXITED(1),
                          .console = "Too few physical memory! Needed=1, given=2\n" },
              VERDICT_USAGE, "Too few physical memory! Needed=1, given=2");
        check((Evidence){ .have_status = true,
                          .status = EXITED(1),
                          .console = "/dev/shm must be not mounted noexec\n" },
              VERDICT_MEMORY, "/dev/shm must be not mounted noexec");
}

static void test_crashes(void **state) {
        check(SEEN(.status = KILLED(SIGKILL)), VERDICT_KILLED, "killed by signal 9 (Killed)");
        check(SEEN(.status = KILLED(SIGABRT), .panic = "sysrq triggered crash"), VERDICT_PANIC,
              "sysrq triggered crash");
        check(SEEN(.status = KILLED(SIGABRT),
                   .console = "x\n<0>Kernel panic - not syncing: Attempted to kill init!\ny"),
              VERDICT_PANIC, "<0>Kernel panic - not syncing: Attempted to kill init!");
        check(SEEN(.status = KILLED(SIGABRT)), VERDICT_PANIC,
              "the kernel aborted without a message");
        check(SEEN(.status = KILLED(SIGABRT), .panic = "Kernel mode signal 7",
                   .console = "Bus error - the host /dev/shm or /tmp mount likely just ran out of "
                              "space\n"),
              VERDICT_MEMORY,
              "Bus error - the host /dev/shm or /tmp mount likely just ran out of space");
        check(SEEN(.status = KILLED(SIGABRT), .panic = "x", .console = "just ran out of space\n",
                   .memory_path = "/dev/shm", .memory_size = 64 << 20, .memory_free = 60 << 20,
                   .memory_need = 65 << 20),
              VERDICT_MEMORY, "memory file system full: /dev/shm 64M of 64M used");
        /* there was room for all of it */
        check(SEEN(.status = KILLED(SIGABRT), .panic = "x", .console = "just ran out of space\n",
                   .memory_path = "/dev/shm", .memory_size = 64 << 20, .memory_free = 60 << 20,
                   .memory_need = 60 << 20),
              VERDICT_MEMORY, "just ran out of space");
        check(SEEN(.status = KILLED(SIGABRT), .panic = "x",
                   .console = "VFS: Unable to mount root fs on unknown-block(0,0)\n"),
              VERDICT_DISK, "VFS: Unable to mount root fs on unknown-block(0,0)");
        check(SEEN(.status = KILLED(SIGABRT),
                   .console = "userspace - ptrace set fp regs failed, errno = 14\n"),
              VERDICT_KERNEL, "userspace - ptrace set fp regs failed, errno = 14");
        check((Evidence){ .booted = true }, VERDICT_KILLED,
              "the guest's processes were killed from outside");
}

/* What a static kernel says whose libc has registered memory of the stubs with the host. */
static void test_stub(void **state) {
        static const char of_libc[] =
                "wait_stub_done : failed to wait for SIGTRAP, pid = 9, n = 9, errno = 25, "
                "status = 0xb7f";
        static const char killed[] =
                "wait_stub_done : failed to wait for SIGTRAP, pid = 9, n = 9, errno = 25, "
                "status = 0x9";
        static const char init_died[] =
                "\r\n[ 0.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b"
                "\r\nCPU: 0\r\n";
        _cleanup_free_ char *init = strfmt("Run /sbin/init\r\n%s%s", of_libc, init_died),
                            *other = strfmt("%s\r\nbash died\r\n", of_libc),
                            *later = strfmt("%s\r\nbash died%s", of_libc, init_died),
                            *cut = strfmt("%s%s", killed, init_died);
        const char *const panic = "Attempted to kill init! exitcode=0x0000000b";

        check(SEEN(.status = KILLED(SIGABRT), .panic = panic, .console = init), VERDICT_KERNEL,
              of_libc);
        check(SEEN(.status = KILLED(SIGABRT), .panic = "oops", .console = other), VERDICT_PANIC,
              "oops");
        check(SEEN(.status = KILLED(SIGABRT), .panic = panic, .console = later), VERDICT_PANIC,
              panic);
        check(SEEN(.status = KILLED(SIGABRT), .panic = panic, .console = cut), VERDICT_PANIC,
              panic);
        check(SEEN(.status = KILLED(SIGABRT), .panic = "oops", .console = of_libc), VERDICT_PANIC,
              "oops");
}

static void test_asked(void **state) {
        check(SEEN(.status = EXITED(0), .asked = ASKED_STOP, .stop_step = "ctrl-alt-del",
                   .stop_clean = true),
              VERDICT_STOPPED, "shut down cleanly by ctrl-alt-del");
        /* a reboot during a stop is the end of that stop */
        check(SEEN(.status = EXITED(0), .asked = ASKED_STOP, .stop_step = "ctrl-alt-del",
                   .stop_clean = true, .console = "reboot: Restarting system\n"),
              VERDICT_STOPPED, "shut down cleanly by ctrl-alt-del");
        check(SEEN(.status = EXITED(1), .asked = ASKED_STOP, .stop_step = "SIGTERM"),
              VERDICT_STOPPED, "power cut by SIGTERM");
        check(SEEN(.status = KILLED(SIGABRT), .asked = ASKED_STOP, .stop_step = "sysrq o",
                   .stop_clean = true, .panic = "oh"),
              VERDICT_PANIC, "oh");
        check((Evidence){ .booted = true, .asked = ASKED_STOP, .stop_step = "SIGKILL" },
              VERDICT_STOPPED, "power cut by SIGKILL");
        check(SEEN(.status = EXITED(0), .asked = ASKED_STOP_SICK, .stop_step = "ctrl-alt-del",
                   .stop_clean = true, .hung_why = "probe tcp/22 failed"),
              VERDICT_HUNG, "probe tcp/22 failed; shut down cleanly by ctrl-alt-del");
        check(SEEN(.status = KILLED(SIGABRT), .asked = ASKED_STOP_SICK, .stop_step = "SIGKILL",
                   .hung_why = "probe tcp/22 failed"),
              VERDICT_HUNG, "probe tcp/22 failed; power cut by SIGKILL");
        check((Evidence){ .booted = true, .asked = ASKED_KILL }, VERDICT_STOPPED,
              "killed on request");
        check((Evidence){ .asked = ASKED_KILL_HUNG, .hung_why = "not ready within 5s" },
              VERDICT_HUNG, "not ready within 5s");
}

/* Whatever the guest prints ends up escaped and bounded. */
static void test_guest_text_is_data(void **state) {
        char console[4096];

        check(SEEN(.status = KILLED(SIGABRT),
                   .console = "Kernel panic - not syncing: \033[2J\001\n"),
              VERDICT_PANIC, "Kernel panic - not syncing: \\x1b[2J\\x01");
        memset(console, 'A', sizeof(console));
        memcpy(console, "Kernel panic - not syncing: ", 28);
        console[sizeof(console) - 1] = '\0';
        {
                Evidence e = SEEN(.status = KILLED(SIGABRT), .console = console);
                _cleanup_free_ char *text = NULL;
                Verdict v;

                ASSERT_OK(verdict_judge(&e, &v, &text));
                assert_in_range(strlen(text), 100, 210);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_by_itself),
                cmocka_unit_test(test_panic_in_exit),
                cmocka_unit_test(test_before_boot),
                cmocka_unit_test(test_crashes),
                cmocka_unit_test(test_stub),
                cmocka_unit_test(test_asked),
                cmocka_unit_test(test_guest_text_is_data),
        };

        return RUN_TESTS(tests);
}
