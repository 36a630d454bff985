/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-notify.c - umld-notify USER MICROSECONDS COMMAND...: runs the command of [Notify] as that
 * user, for that long at most, and leaves nothing of it behind.
 *
 * It is started by umld as the first process of a PID namespace, where the host has those: then
 * nothing that the command has started outlives it. Else it is a subreaper, and kills what is left.
 * Its standard output is a pipe to umld, whose other end is closed when umld dies by whatever
 * cause; a signal for the death of its parent would be forgotten with the change of user. */

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/notify-protocol.h"
#include "basic/as-owner.h"
#include "basic/capabilities.h"
#include "basic/cleanup.h"
#include "basic/helper-filter.h"
#include "basic/parse-util.h"
#include "basic/path-trust.h"
#include "basic/process.h"
#include "basic/spawn.h"
#include "basic/time-util.h"

/* From SIGTERM to SIGKILL, and for the end of what is killed. */
#define GRACE    NOTIFY_GRACE
#define PATIENCE USEC_PER_SEC

enum {
        FIRST_OTHER_FD = 3,
        NOBODY = 65534, /* where no database knows it */
};

/* ---- another user ---- */

static int set_environment(const struct passwd *pw) {
        if (setenv("HOME", pw->pw_dir, 1) < 0 || setenv("USER", pw->pw_name, 1) < 0 ||
            setenv("LOGNAME", pw->pw_name, 1) < 0)
                return -errno;
        return 0;
}

static const struct passwd *find_user(const char *name) {
        static struct passwd nobody = { .pw_name = (char *) "nobody",
                                        .pw_uid = NOBODY,
                                        .pw_gid = NOBODY,
                                        .pw_dir = (char *) "/" };
        const struct passwd *pw;
        uint64_t uid;

        if (parse_unsigned(name, 0, UINT32_MAX - 1, &uid) >= 0)
                pw = getpwuid((uid_t) uid);
        else
                pw = getpwnam(name);
        return pw || !streq(name, "nobody") ? pw : &nobody;
}

/* Irrevocable; umld that does not run as root stays what it is. */
static int become(const char *name) {
        const struct passwd *pw;
        int r;

        if (geteuid() == 0) {
                pw = find_user(name);
                if (!pw)
                        return -ESRCH;
                if (pw->pw_uid == 0) /* root by another name */
                        return -EPERM;
                if ((r = set_environment(pw)) < 0 || (r = capabilities_keep(0)) < 0)
                        return r;
                if (initgroups(pw->pw_name, pw->pw_gid) < 0 ||
                    setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
                    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
                        return -errno;
        }
        r = capabilities_drop();
        if (r < 0)
                return r;
        /* Kernels before 3.5 do not have it. */
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 && errno != EINVAL)
                return -errno;
        (void) helper_filter_apply(HELPER_SOCKETS | HELPER_PROGRAMS);
        return 0;
}

/* ---- the command ---- */

/* As with Kernel=, for whoever may change it could have umld run anything. What is not there is
 * said when it is executed. */
static bool may_run(const char *command) {
        _cleanup_free_ char *where = NULL;

        if (path_changed_by_others(command, &where) <= 0)
                return true;
        printf("not run, because %s may be written by others than root\n", where);
        return false;
}

static void report_failure(int error, void *userdata) {
        dprintf(STDOUT_FILENO, "cannot execute %s: %s\n", (const char *) userdata, strerror(error));
}

static int start(char *argv[], pid_t *ret) {
        return spawn(&(const Spawn){ .program = argv[0],
                                     .argv = argv,
                                     .failed = report_failure,
                                     .userdata = argv[0],
                                     .death_signal = SIGKILL,
                                     .group = true },
                     ret);
}

/* Reaps what has ended. true: the command has, with *status. */
static bool reap(pid_t command, int *status) {
        bool ended = false;
        pid_t pid;
        int s;

        while ((pid = waitpid(-1, &s, WNOHANG)) > 0)
                if (pid == command) {
                        *status = s;
                        ended = true;
                }
        return ended;
}

/* Until the command has ended (1), umld has (-ECANCELED), or the time is up (0). */
static int wait_for(pid_t command, int signals, usec_t limit, int *status) {
        usec_t end = usec_add(now_usec(CLOCK_MONOTONIC), limit), now;
        struct pollfd fds[] = { { .fd = signals, .events = POLLIN }, { .fd = STDOUT_FILENO } };

        for (;;) {
                struct signalfd_siginfo si;

                if (reap(command, status))
                        return 1;
                now = now_usec(CLOCK_MONOTONIC);
                if (now >= end)
                        return 0;
                if (poll(fds, ARRAY_SIZE(fds), (int) ((end - now) / USEC_PER_MSEC) + 1) < 0 &&
                    errno != EINTR)
                        return -errno;
                if (fds[1].revents & POLLERR)
                        return -ECANCELED;
                while (read(signals, &si, sizeof(si)) > 0)
                        ;
        }
}

static int run(char *argv[], int signals, usec_t limit) {
        int status = 0, r;
        pid_t pid;

        r = start(argv, &pid);
        if (r >= 0)
                r = wait_for(pid, signals, limit, &status);
        if (r == 0) {
                (void) process_signal(-pid, SIGTERM);
                (void) wait_for(pid, signals, GRACE, &status);
        }
        if (getpid() != 1) /* else they all end with us; and /proc shows other pids than ours */
                (void) process_kill_children(PATIENCE);
        if (r <= 0)
                return r == 0 ? NOTIFY_LATE : NOTIFY_FAILED;
        return WIFEXITED(status) ? WEXITSTATUS(status) : NOTIFY_SIGNAL + WTERMSIG(status);
}

static int signals_open(void) {
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        return RET_NERRNO(signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
}

int main(int argc, char *argv[]) {
        uint64_t limit;
        int signals, r;

        if (argc < 4 || parse_unsigned(argv[2], 1, UINT64_MAX / 2, &limit) < 0) {
                fputs("umld-notify is run by umld(8) and is of no use by itself\n", stderr);
                return NOTIFY_FAILED;
        }
        for (int fd = FIRST_OTHER_FD; fd < FIRST_OTHER_FD + SPAWN_FDS_MAX; fd++)
                (void) fcntl(fd, F_SETFD, FD_CLOEXEC);
        (void) umask(022);
        (void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        if (!may_run(argv[3]))
                return NOTIFY_FAILED;
        r = chdir("/") < 0 ? -errno : become(argv[1]);
        if (r < 0) {
                printf("cannot become user %s: %s\n", argv[1],
                       r == -ESRCH ? "no such user" : strerror(-r));
                return NOTIFY_FAILED;
        }
        signals = signals_open();
        return signals < 0 ? NOTIFY_FAILED : run(argv + 3, signals, limit);
}
