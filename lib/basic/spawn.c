/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn.c - makes child processes. */

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/spawn.h"

/* Linux 5.7; defined here because Debian 11's headers may lack it. */
#ifndef CLONE_INTO_CGROUP
        #define CLONE_INTO_CGROUP 0x200000000ULL
#endif

/* As struct clone_args of Linux 5.7 (clone(2)). */
struct clone_args_v2 {
        uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
                set_tid_size, cgroup;
};

/* ---- in the child ---- */

/* SIGKILL, SIGSTOP and those of libc itself refuse; nobody could have changed them. */
static void reset_signals(void) {
        for (int sig = 1; sig < _NSIG; sig++)
                (void) signal(sig, SIG_DFL);
}

/* All are first copied to numbers above those that are given out, so that none is overwritten
 * before it has been placed. */
static int place_fds(const Spawn *s) {
        int copies[SPAWN_FDS_MAX];

        for (size_t i = 0; i < s->n_fds; i++) {
                int fd = s->fds[i] >= 0 ? s->fds[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

                copies[i] = fcntl(fd, F_DUPFD_CLOEXEC, (int) s->n_fds);
                if (copies[i] < 0)
                        return -errno;
        }
        for (size_t i = 0; i < s->n_fds; i++)
                if (dup2(copies[i], (int) i) < 0)
                        return -errno;
        return 0;
}

static void close_others(const Spawn *s) {
        int keep[SPAWN_FDS_MAX + 1] = { s->keep_fd };

        for (size_t i = 0; i < s->n_fds; i++)
                keep[i + 1] = (int) i;
        fd_close_all_but(keep, s->n_fds + 1);
}

/* Containment of a guest does not depend on it, so a host may refuse. */
static void enter_cgroup(int cgroup_fd) {
        int fd = openat(cgroup_fd, "cgroup.procs", O_WRONLY | O_CLOEXEC);

        if (fd >= 0)
                (void) write_all(fd, "0", 1);
        safe_close(fd);
}

static _noreturn_ void execute(const Spawn *s) {
        char *const *environment = s->environment ?: environ;

        if (s->program)
                (void) execve(s->program, s->argv, environment);
        else
                (void) execvpe(s->argv[0], s->argv, environment);
        if (s->failed)
                s->failed(errno, s->userdata);
        _exit(SPAWN_FAILED);
}

/* In a PID namespace of its own it has none. */
static bool is_orphan(pid_t parent) {
        return getppid() != parent && getpid() != 1;
}

static _noreturn_ void begin(const Spawn *s, pid_t parent, bool join_cgroup) {
        sigset_t none;

        reset_signals();
        if (s->death_signal != 0) {
                (void) prctl(PR_SET_PDEATHSIG, s->death_signal);
                if (is_orphan(parent)) /* it died before it could be said */
                        _exit(SPAWN_FAILED);
        }
        if (s->session)
                (void) setsid();
        if (s->group)
                (void) setpgid(0, 0);
        if (join_cgroup)
                enter_cgroup(s->cgroup_fd);
        if ((s->first && s->first(s->userdata) < 0) || place_fds(s) < 0)
                _exit(SPAWN_FAILED);
        if (s->run && !s->keep_all)
                close_others(s);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, s->mask ?: &none, NULL);
        if (s->run)
                _exit(s->run(s->userdata));
        execute(s);
}

/* ---- in the parent ---- */

/* libc knows of fork() only, and has stale ids of the process and thread after the others. */
static pid_t clone_process(const Spawn *s, unsigned long namespaces, bool *ret_join_cgroup) {
        struct clone_args_v2 args = { .flags = namespaces | CLONE_INTO_CGROUP,
                                      .exit_signal = SIGCHLD,
                                      .cgroup = (uint64_t) s->cgroup_fd };
        pid_t pid;

        *ret_join_cgroup = false;
        if (s->cgroup_fd > 0) {
                pid = (pid_t) syscall(SYS_clone3, &args, sizeof(args));
                if (pid >= 0)
                        return pid;
                *ret_join_cgroup = true;
        }
        if (namespaces == 0)
                return fork();
        return (pid_t) syscall(SYS_clone, namespaces | SIGCHLD, NULL, NULL, NULL, NULL);
}

int spawn(const Spawn *s, pid_t *ret) {
        sigset_t all, before;
        pid_t parent = getpid(), pid;
        bool join_cgroup;

        assert(s->n_fds <= SPAWN_FDS_MAX);
        /* None of our signal handlers may run in the child. */
        sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
                return -errno;
        pid = clone_process(s, s->namespaces | s->optional_namespaces, &join_cgroup);
        if (pid < 0 && s->optional_namespaces != 0)
                pid = clone_process(s, s->namespaces, &join_cgroup);
        if (pid == 0)
                begin(s, parent, join_cgroup);
        pid = RET_NERRNO(pid);
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        if (pid < 0)
                return pid;
        if (s->group) /* whoever signals the group does not have to wait for the child */
                (void) setpgid(pid, pid);
        *ret = pid;
        return 0;
}

int spawn_wait(pid_t pid) {
        int status;

        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return status;
}

int spawn_wait_exit(pid_t pid) {
        int status = spawn_wait(pid);

        if (status < 0)
                return status;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}
