/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.c - asks a UML kernel what it can do.
 *
 * The three questions are asked at the same time, each of a process of its own, since most of an
 * answer's one or two milliseconds is the exec. The kernel is run from the descriptor that was
 * looked at, so that what runs is what was found to be a UML kernel. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>

#if defined(__x86_64__) || defined(__i386__)
        #include <cpuid.h>
#endif

#include "basic/time-util.h"
#include "uml/kernel-answers.h"
#include "uml/kernel-file.h"
#include "uml/kernel.h"

enum {
        ANSWER_MAX = 1 << 20, /* a configuration is about 80 KB */
        QUOTE_MAX = 200,      /* of an answer, in an error message */
};

typedef struct Question {
        const char *argument;
        int (*read)(const char *answer, UmlKernel *k);
        pid_t pid; /* 0 = not running */
        int fd;    /* the answer's pipe */
        char *answer;
        size_t len;
        int status; /* of wait */
} Question;

UmlKernel *uml_kernel_free(UmlKernel *k) {
        if (!k)
                return NULL;
        strv_done(&k->parameters);
        free(k->release);
        free(k->path);
        free(k);
        return NULL;
}

/* Takes fd and returns it, or a copy that no dup2() to standard input, output or error will
 * overwrite. */
static int fd_above_stdio(int fd) {
        int copy, r;

        if (fd < 0 || fd > STDERR_FILENO)
                return fd;
        copy = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        r = RET_NERRNO(copy);
        safe_close(fd);
        return r;
}

static void question_done(Question *q) {
        if (q->pid > 0) {
                (void) kill(q->pid, SIGKILL);
                (void) kill(-q->pid, SIGKILL); /* it leads a session of its own */
                while (waitpid(q->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
                q->pid = 0;
        }
        q->fd = safe_close(q->fd);
        free(q->answer);
        q->answer = NULL;
}

static _noreturn_ void run_kernel(int kernel_fd, int answer_fd, pid_t parent, const char *path,
                                  const char *argument) {
        static char *const no_environment[] = { NULL };
        static const struct rlimit no_core = { 0, 0 };
        char *argv[] = { (char *) path, (char *) argument, NULL };
        int persona = personality(0xffffffff);
        int null = fd_above_stdio(open("/dev/null", O_RDONLY | O_CLOEXEC));
        sigset_t none;

        (void) setsid();
        for (int sig = 1; sig < NSIG; sig++)
                (void) signal(sig, SIG_DFL);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        (void) setrlimit(RLIMIT_CORE, &no_core);
        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        /* Newer kernels would set this themselves and exec a second time. */
        if (persona >= 0)
                (void) personality((unsigned long) persona | ADDR_NO_RANDOMIZE);
        if (getppid() == parent && dup2(answer_fd, STDOUT_FILENO) >= 0 &&
            dup2(answer_fd, STDERR_FILENO) >= 0 && dup2(null, STDIN_FILENO) >= 0)
                (void) fexecve(kernel_fd, argv, no_environment);
        dprintf(STDERR_FILENO, "%s",
                errno == ENOENT
                        ? "its interpreter, part of the C library it was built for, is missing"
                        : strerror(errno));
        _exit(127);
}

static int start_question(Question *q, int kernel_fd, const char *path) {
        int ends[2], r;
        sigset_t all, before;
        pid_t parent = getpid();
        _cleanup_close_ int answer_fd = -EBADF;

        q->answer = malloc(ANSWER_MAX + 1);
        if (!q->answer)
                return -ENOMEM;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        q->fd = ends[0];
        answer_fd = fd_above_stdio(ends[1]);
        if (answer_fd < 0)
                return answer_fd;

        /* No handler of ours may run in the child before it has reset them. */
        sigfillset(&all);
        if (sigprocmask(SIG_SETMASK, &all, &before) < 0)
                return -errno;
        q->pid = fork();
        if (q->pid == 0)
                run_kernel(kernel_fd, answer_fd, parent, path, q->argument);
        r = q->pid < 0 ? -errno : 0;
        (void) sigprocmask(SIG_SETMASK, &before, NULL);
        return r;
}

static int wait_answer(Question *q, usec_t deadline) {
        for (;;) {
                usec_t left = usec_sub(deadline, now_usec(CLOCK_MONOTONIC));
                struct pollfd p = { .fd = q->fd, .events = POLLIN };
                ssize_t n;
                int r;

                if (left == 0)
                        return -ETIMEDOUT;
                r = poll(&p, 1, (int) MIN(left / USEC_PER_MSEC + 1, (usec_t) INT32_MAX));
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r <= 0)
                        continue;
                n = read(q->fd, q->answer + q->len, ANSWER_MAX - q->len);
                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        break;
                if (n > 0)
                        q->len += (size_t) n;
                if (q->len == ANSWER_MAX)
                        return -EFBIG;
        }
        q->answer[q->len] = '\0';
        return 0;
}

/* The end of the answer and the end of the process are two things; nothing is left behind at
 * either. */
static int wait_exit(Question *q, usec_t deadline) {
        static const struct timespec pause = { .tv_nsec = 50000 };

        for (;;) {
                pid_t pid = waitpid(q->pid, &q->status, WNOHANG);

                if (pid == q->pid ||
                    (pid < 0 && errno == ECHILD)) { /* or reaped by an ignored SIGCHLD */
                        q->pid = 0;
                        return 0;
                }
                if (pid < 0 && errno != EINTR)
                        return -errno;
                if (now_usec(CLOCK_MONOTONIC) >= deadline)
                        return -ETIMEDOUT;
                (void) nanosleep(&pause, NULL);
        }
}

static int finish_question(Question *q, usec_t deadline, UmlKernel *k, char **ret_error) {
        _cleanup_free_ char *quote = NULL, *status = NULL;
        int r = wait_answer(q, deadline);

        if (r >= 0)
                r = wait_exit(q, deadline);
        if (r >= 0 && WIFEXITED(q->status) && WEXITSTATUS(q->status) == 0) {
                r = q->read(q->answer, k);
                if (r >= 0 || r == -ENOMEM)
                        return r;
        } else if (r >= 0)
                r = -EPROTO;

        quote = escape_text(q->answer, q->len, QUOTE_MAX);
        if (r == -ETIMEDOUT)
                status = strdup("nothing within the time allowed");
        else if (r == -EFBIG)
                status = strdup("more than 1 MiB of output");
        else if (r == -EPROTO && WIFSIGNALED(q->status))
                status = strfmt("died of signal %d, output \"%s\"", WTERMSIG(q->status),
                                quote ?: "");
        else if (r == -EPROTO)
                status = strfmt("exit status %d, output \"%s\"", WEXITSTATUS(q->status),
                                quote ?: "");
        else if (r == -EBADMSG)
                status = strfmt("output \"%s\"", quote ?: "");
        else
                status = strdup(strerror(-r));
        *ret_error = strfmt(
                "kernel %s gave no usable answer to %s (%s); run that by hand to see why, or set "
                "Kernel= to another one",
                k->path, q->argument, status ?: "");
        return r;
}

static int ask(int kernel_fd, usec_t timeout, UmlKernel *k, char **ret_error) {
        Question questions[] = {
                { .argument = "--version", .read = kernel_read_version, .fd = -EBADF },
                { .argument = "--showconfig", .read = kernel_read_config, .fd = -EBADF },
                { .argument = "--help", .read = kernel_read_help, .fd = -EBADF },
        };
        usec_t deadline = usec_add(now_usec(CLOCK_MONOTONIC), timeout);
        int r = 0;

        FOREACH_ELEMENT (q, questions) {
                r = start_question(q, kernel_fd, k->path);
                if (r < 0) {
                        *ret_error = strfmt("kernel %s cannot be run: %s", k->path, strerror(-r));
                        break;
                }
        }
        FOREACH_ELEMENT (q, questions) {
                if (r >= 0)
                        r = finish_question(q, deadline, k, ret_error);
        }
        FOREACH_ELEMENT (q, questions) {
                question_done(q);
        }
        return r;
}

/* Opens the file and makes sure that it may be run. */
static int open_kernel(const char *path, char **ret_error) {
        /* A FIFO or a device in its place must not make umld wait. */
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        int r;

        if (fd < 0) {
                r = -errno;
                *ret_error =
                        r == -ENOENT
                                ? strfmt("kernel %s does not exist; install one (Debian: apt "
                                         "install "
                                         "user-mode-linux) or set Kernel= to yours",
                                         path)
                                : strfmt("kernel %s cannot be opened: %s; check the path and its "
                                         "permissions, or set Kernel= to another one",
                                         path, strerror(-r));
                return r;
        }
        return fd_above_stdio(TAKE_FD(fd));
}

static int check_executable(int fd, const char *path, char **ret_error) {
        struct statvfs vfs;

        if (access(path, X_OK) >= 0)
                return 0;
        if (fstatvfs(fd, &vfs) >= 0 && (vfs.f_flag & ST_NOEXEC))
                *ret_error = strfmt(
                        "kernel %s lies on a file system mounted noexec; move it to another", path);
        else
                *ret_error = strfmt("kernel %s is not executable; chmod +x it", path);
        return -EACCES;
}

int uml_kernel_probe(const char *path, uint64_t timeout, UmlKernel **ret, char **ret_error) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *error = NULL;
        _cleanup_close_ int fd = open_kernel(path, &error);
        int r = fd < 0 ? fd : 0;

        k = calloc(1, sizeof(*k));
        if (k)
                k->path = strdup(path);
        if (!k || !k->path)
                r = -ENOMEM;
        if (r >= 0)
                r = kernel_file_check(fd, path, &k->static_linked, &error);
        if (r >= 0)
                r = check_executable(fd, path, &error);
        if (r >= 0)
                r = ask(fd, timeout, k, &error);
        if (r < 0) {
                *ret_error = error ? TAKE_PTR(error) : strfmt("kernel %s: %s", path, strerror(-r));
                return r;
        }
        *ret = TAKE_PTR(k);
        return 0;
}

int uml_kernel_knows(const UmlKernel *k, const char *name, size_t len) {
        _cleanup_free_ char *flag = strndup(name, len),
                            *assignment = strfmt("%.*s=", (int) len, name);
        _cleanup_close_ int fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        const char *const strings[] = { assignment, flag, NULL };

        if (!flag || !assignment)
                return -ENOMEM;
        return fd < 0 ? -errno : kernel_file_has_string(fd, strings);
}

bool uml_kernel_needs_cpu_fix(unsigned major, unsigned minor, unsigned xstate_size) {
        enum {
                STATE_KNOWN = 2696, /* bytes: what these kernels hold of NT_X86_XSTATE */
        };

        return (major < 6 || (major == 6 && minor < 13)) && xstate_size > STATE_KNOWN;
}

unsigned cpu_xstate_size(void) {
#if defined(__x86_64__) || defined(__i386__)
        unsigned a, b, c, d;

        if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) &&
            __get_cpuid_count(0xd, 0, &a, &b, &c, &d))
                return b;
#endif
        return 0;
}
