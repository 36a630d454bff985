/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-probe.c - queries the features of a UML kernel.
 *
 * The three queries run in parallel, each in a process of its own, because most of the one or two
 * milliseconds of a query is spent in the exec. The kernel is run from the descriptor that was
 * checked, so that what runs is what was found to be a UML kernel. It may come from a stranger,
 * with an imported guest, so it runs in a sandbox, as a user of its own. */

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "basic/child.h"
#include "basic/fd-util.h"
#include "basic/sandbox.h"
#include "basic/spawn.h"
#include "uml/kernel-answers.h"
#include "uml/kernel-file.h"
#include "uml/kernel-probe.h"

enum {
        ANSWER_MAX = (1 << 20) - 1, /* a configuration is about 80 KB */
        QUOTE_MAX = 200,            /* of the output, in an error message */
        QUESTIONS = 3,
        FILES_MAX = 64,
};

#define MEMORY_MAX (UINT64_C(2) << 30)

static const struct {
        const char *argument;
        int (*read)(const char *answer, UmlKernel *k);
} questions[QUESTIONS] = {
        { "--version", kernel_read_version },
        { "--showconfig", kernel_read_config },
        { "--help", kernel_read_help },
};

struct UmlProbe {
        UmlKernel *kernel; /* as far as it is known */
        Child answers[QUESTIONS];
        int fd; /* of the kernel's file */
};

UmlProbe *uml_probe_free(UmlProbe *p) {
        if (!p)
                return NULL;
        FOREACH_ELEMENT (answer, p->answers)
                child_done(answer);
        safe_close(p->fd);
        uml_kernel_free(p->kernel);
        free(p);
        return NULL;
}

/* ---- the child ---- */

typedef struct Run {
        int kernel_fd;
        const char *path, *argument;
} Run;

/* A kernel that only root may execute is root's own, and for guests with User=root. It is executed
 * from a copy in memory then, because the user of a probe may not. */
static int copy_of_root_only(int kernel_fd) {
        _cleanup_close_ int copy = -EBADF;
        struct stat st;
        off_t at = 0;

        if (geteuid() != 0 || fstat(kernel_fd, &st) < 0 || (st.st_mode & S_IXOTH))
                return kernel_fd;
        copy = (int) syscall(SYS_memfd_create, "kernel", 1 /* MFD_CLOEXEC */);
        while (copy >= 0 && at < st.st_size)
                if (sendfile(copy, kernel_fd, &at, (size_t) (st.st_size - at)) <= 0)
                        return kernel_fd;
        if (copy < 0 || fchmod(copy, 0555) < 0)
                return kernel_fd;
        return TAKE_FD(copy);
}

static int run_kernel(int output, void *userdata) {
        static const Sandbox sandbox = {
                .uid = PROBE_UID, .files = FILES_MAX, .file_size = 0, .memory = MEMORY_MAX
        };
        static char *const no_environment[] = { NULL };
        const Run *run = userdata;
        char *argv[] = { (char *) run->path, (char *) run->argument, NULL };
        int persona = personality(0xffffffff), kernel = copy_of_root_only(run->kernel_fd), r;

        r = sandbox_enter(&sandbox);
        /* Newer kernels would set this themselves and exec a second time. */
        if (persona >= 0)
                (void) personality((unsigned long) persona | ADDR_NO_RANDOMIZE);
        if (r >= 0 && dup2(output, STDERR_FILENO) >= 0)
                (void) fexecve(kernel, argv, no_environment);
        dprintf(output, "%s",
                errno == ENOENT
                        ? "its interpreter, part of the C library it was built for, is missing"
                        : strerror(errno));
        return SPAWN_FAILED;
}

static int ask(UmlProbe *p, size_t i, usec_t patience) {
        Run run = { p->fd, p->kernel->path, questions[i].argument };
        const ChildWish wish = { .run = run_kernel,
                                 .userdata = &run,
                                 .patience = patience,
                                 .keep = ANSWER_MAX,
                                 .fd = p->fd,
                                 .session = true,
                                 .optional_namespaces = SANDBOX_NAMESPACES };

        return child_start(&p->answers[i], &wish);
}

/* ---- the output ---- */

static bool exited_well(const Child *c) {
        return !c->status_known || (WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0);
}

/* Describes what is wrong with the output; the caller frees it. */
static char *describe(const Child *c, int error) {
        _cleanup_free_ char *quote = escape_text(c->said, c->n_said, QUOTE_MAX);

        switch (-error) {
        case ETIMEDOUT:
                return strdup("no output before the timeout");
        case EFBIG:
                return strdup("more than 1 MiB of output");
        case EPROTO:
                return WIFSIGNALED(c->status) ? strfmt("killed by signal %d, output \"%s\"",
                                                       WTERMSIG(c->status), quote ?: "")
                                              : strfmt("exit status %d, output \"%s\"",
                                                       WEXITSTATUS(c->status), quote ?: "");
        case EBADMSG:
                return strfmt("output \"%s\"", quote ?: "");
        default:
                return strdup(strerror(-error));
        }
}

/* -EAGAIN: not all of it has arrived yet. */
static int read_answer(UmlProbe *p, size_t i, char **ret_error) {
        _cleanup_free_ char *wrong = NULL;
        Child *c = &p->answers[i];
        int r = child_poll(c);

        if (r == 0 && !c->overflow)
                return -EAGAIN;
        if (c->overflow)
                r = -EFBIG;
        else if (r > 0)
                r = exited_well(c) ? questions[i].read(c->said, p->kernel) : -EPROTO;
        if (r >= 0 || r == -ENOMEM)
                return r;
        wrong = describe(c, r);
        *ret_error = strfmt("kernel %s gave no usable answer to %s (%s); run it by hand to see "
                            "why, or set Kernel= to another one",
                            p->kernel->path, questions[i].argument, wrong ?: "");
        return r;
}

int uml_probe_poll(UmlProbe *p, UmlKernel **ret, char **ret_error) {
        for (size_t i = 0; i < QUESTIONS; i++) {
                int r = child_there(&p->answers[i]) ? read_answer(p, i, ret_error) : 0;

                if (r < 0)
                        return r;
                child_done(&p->answers[i]);
        }
        *ret = TAKE_PTR(p->kernel);
        return 0;
}

int uml_probe_fd(const UmlProbe *p) {
        FOREACH_ELEMENT (answer, p->answers)
                if (child_there(answer))
                        return answer->output;
        return -EBADF;
}

/* ---- the file ---- */

/* Opens the file and checks that it can be executed. */
static int open_kernel(const char *path, char **ret_error) {
        /* a FIFO or a device in its place must not block umld */
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
                        "kernel %s is on a file system mounted noexec; move it to another one",
                        path);
        else
                *ret_error = strfmt("kernel %s is not executable; run chmod +x on it", path);
        return -EACCES;
}

static int start(const char *path, usec_t timeout, UmlProbe *p, char **ret_error) {
        int r;

        p->kernel = calloc(1, sizeof(*p->kernel));
        if (p->kernel)
                p->kernel->path = strdup(path);
        if (!p->kernel || !p->kernel->path)
                return -ENOMEM;
        r = p->fd = open_kernel(path, ret_error);
        if (r >= 0)
                r = kernel_file_check(p->fd, path, &p->kernel->static_linked, ret_error);
        if (r >= 0)
                r = check_executable(p->fd, path, ret_error);
        for (size_t i = 0; i < QUESTIONS && r >= 0; i++) {
                r = ask(p, i, timeout);
                if (r < 0)
                        *ret_error = strfmt("kernel %s cannot be run: %s", path, strerror(-r));
        }
        return r;
}

int uml_probe_start(const char *path, usec_t timeout, UmlProbe **ret, char **ret_error) {
        _cleanup_(uml_probe_freep) UmlProbe *p = calloc(1, sizeof(*p));
        _cleanup_free_ char *error = NULL;
        int r;

        if (!p)
                return -ENOMEM;
        p->fd = -EBADF;
        r = start(path, timeout, p, &error);
        if (r < 0) {
                *ret_error = error ? TAKE_PTR(error) : strfmt("kernel %s: %s", path, strerror(-r));
                return r;
        }
        *ret = TAKE_PTR(p);
        return 0;
}

int uml_kernel_probe(const char *path, usec_t timeout, UmlKernel **ret, char **ret_error) {
        _cleanup_(uml_probe_freep) UmlProbe *p = NULL;
        int r = uml_probe_start(path, timeout, &p, ret_error);

        while (r >= 0 && (r = uml_probe_poll(p, ret, ret_error)) == -EAGAIN) {
                struct pollfd look = { .fd = uml_probe_fd(p), .events = POLLIN };

                (void) poll(&look, 1, look.fd < 0 ? 1 : 10);
                r = 0;
        }
        return r;
}
