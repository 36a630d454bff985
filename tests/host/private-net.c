/* SPDX-License-Identifier: GPL-2.0-or-later */
/* private-net.c - namespaces and small helpers for the tests of lib/host. */

#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "private-net.h"

#include "basic/string-util.h"

/* sysfs shows the interfaces of the namespace in which it was mounted. */
static void mount_sysfs(void) {
        if (mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
                err(1, "sysfs");
}

/* Container managers leave /proc/sys read-only; the settings of this namespace are ours to write.
 */
static void mount_proc(void) {
        if (access("/proc/sys/net/ipv4/ip_forward", W_OK) < 0 &&
            mount("proc", "/proc", "proc", 0, NULL) < 0)
                err(1, "proc");
}

void private_net_enter(void) {
        if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0)
                err(1, "these tests need root: unshare");
        if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
                err(1, "private mounts");
        mount_sysfs();
        mount_proc();
        if (setenv("XTABLES_LOCKFILE", "/run/xtables.lock", 1) < 0 ||
            setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1) < 0 || setenv("LC_ALL", "C", 1) < 0)
                err(1, "environment");
}

void private_net_renew(void) {
        assert_int_equal(unshare(CLONE_NEWNET), 0);
        assert_int_equal(umount("/sys"), 0);
        mount_sysfs();
}

static _printf_(1, 0) char *format_command(const char *format, va_list ap) {
        char *command = NULL;

        assert_true(vasprintf(&command, format, ap) > 0);
        return command;
}

void shell(const char *format, ...) {
        _cleanup_free_ char *command = NULL;
        va_list ap;
        int status;

        va_start(ap, format);
        command = format_command(format, ap);
        va_end(ap);
        status = system(command); /* NOLINT(cert-env33-c): tests say in shell what they do */
        if (status != 0)
                fail_msg("%s: wait status 0x%x", command, (unsigned) status);
}

char *shell_output(const char *format, ...) {
        _cleanup_free_ char *command = NULL;
        char *text = NULL;
        size_t size = 0;
        FILE *pipe, *memory;
        va_list ap;
        int c;

        va_start(ap, format);
        command = format_command(format, ap);
        va_end(ap);
        pipe = popen(command, "re"); /* NOLINT(cert-env33-c) */
        memory = open_memstream(&text, &size);
        assert_true(pipe && memory);
        while ((c = getc(pipe)) != EOF)
                putc(c, memory);
        assert_int_equal(fclose(memory), 0);
        if (pclose(pipe) != 0)
                fail_msg("%s failed", command);
        return text;
}

pid_t tied_fork(void) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0)
                assert(prctl(PR_SET_PDEATHSIG, SIGKILL) >= 0);
        return pid;
}

void in_child(void (*fn)(void)) {
        int status;
        pid_t pid = tied_fork();

        if (pid == 0) {
                fn();
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

pid_t child_that_stays(void (*begin)(const void *userdata), const void *userdata) {
        int ready[2];
        char byte;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = tied_fork();
        if (pid == 0) {
                begin(userdata);
                assert(write(ready[1], "", 1) == 1);
                pause();
                _exit(0);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

void child_kill(pid_t pid) {
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}
