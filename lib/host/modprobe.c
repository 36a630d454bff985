/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe.c - asks the host's modprobe for kernel modules. */

#include "host/modprobe.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/spawn.h"

#define PATIENCE (30 * USEC_PER_SEC)

typedef struct Request {
        char *program;
        const char *const *modules;
} Request;

/* If one module fails, the next one may still load. */
static int run(int output, void *userdata) {
        static char *const environment[] = { (char *) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
        const Request *r = userdata;

        (void) fd_cloexec(output, true);
        for (const char *const *module = r->modules; *module; module++) {
                char *const argv[] = { r->program, (char *) "-q", (char *) *module, NULL };
                pid_t pid;

                if (spawn(&(const Spawn){ .program = r->program,
                                          .argv = argv,
                                          .environment = environment,
                                          .fds = (const int[]){ -EBADF, -EBADF, -EBADF },
                                          .n_fds = 3,
                                          .death_signal = SIGKILL },
                          &pid) >= 0)
                        (void) spawn_wait(pid);
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
