/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe.c - asks the host's modprobe for kernel modules. */

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "host/modprobe.h"

#define PATIENCE (30 * USEC_PER_SEC)

typedef struct Request {
        char *program;
        const char *const *modules;
} Request;

/* With nothing of ours: no environment, no descriptors, no signal settings. */
static _noreturn_ void exec_clean(char *program, const char *module) {
        static char *const environment[] = { (char *) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
        char *const argv[] = { program, (char *) "-q", (char *) module, NULL };
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);
        sigset_t none;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (int sig = 1; sig < NSIG; sig++)
                (void) signal(sig, SIG_DFL);
        sigemptyset(&none);
        (void) sigprocmask(SIG_SETMASK, &none, NULL);
        for (int fd = 0; fd <= 2; fd++)
                if (dup2(null, fd) < 0)
                        _exit(127);
        (void) execve(program, argv, environment);
        _exit(127);
}

/* That one module fails says nothing of the next. */
static int run(int output, void *userdata) {
        const Request *r = userdata;

        (void) fd_cloexec(output, true);
        for (const char *const *module = r->modules; *module; module++) {
                pid_t pid = fork();

                if (pid == 0)
                        exec_clean(r->program, *module);
                while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        return 0;
}

int modprobe_start(const char *const modules[], Child *ret) {
        _cleanup_free_ char *program = NULL;
        Request request = { .modules = modules };
        int r;

        r = read_first_line("/proc/sys/kernel/modprobe", &program);
        if (r < 0 || isempty(program) || access(program, X_OK) < 0)
                return -EOPNOTSUPP;
        request.program = program;
        return child_start(ret, &(const ChildWish){ .run = run,
                                                    .userdata = &request,
                                                    .patience = PATIENCE,
                                                    .session = true });
}
