/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe.c - runs the host's modprobe to load a kernel module. */

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"

#include "host/modprobe.h"

DEFINE_CLEANUP(posix_spawnattr_t *, posix_spawnattr_destroy)
DEFINE_CLEANUP(posix_spawn_file_actions_t *, posix_spawn_file_actions_destroy)

/* Runs the program with nothing of ours: no environment, no descriptors, no signal settings. */
static int spawn_clean(char *const argv[], pid_t *ret) {
        char *const environment[] = { (char *) "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
        posix_spawnattr_t attributes;
        posix_spawn_file_actions_t actions;
        _cleanup_(posix_spawnattr_destroyp) posix_spawnattr_t *a = NULL;
        _cleanup_(posix_spawn_file_actions_destroyp) posix_spawn_file_actions_t *f = NULL;
        sigset_t none, all;
        int r;

        r = posix_spawnattr_init(&attributes);
        if (r > 0)
                return -r;
        a = &attributes;
        r = posix_spawn_file_actions_init(&actions);
        if (r > 0)
                return -r;
        f = &actions;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(a, &none);
        posix_spawnattr_setsigdefault(a, &all);
        posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        for (int fd = 0; r == 0 && fd <= 2; fd++)
                r = posix_spawn_file_actions_addopen(f, fd, "/dev/null", O_RDWR, 0);
        if (r == 0)
                r = posix_spawn(ret, argv[0], f, a, argv, environment);
        return -r;
}

int modprobe(const char *module) {
        _cleanup_free_ char *program = NULL;
        pid_t pid = 0;
        int status, r;

        r = read_first_line("/proc/sys/kernel/modprobe", &program);
        if (r < 0 || isempty(program))
                return -EOPNOTSUPP;
        r = spawn_clean((char *[]){ program, (char *) "-q", (char *) module, NULL }, &pid);
        if (r == -ENOENT)
                return -EOPNOTSUPP;
        if (r < 0)
                return r;
        while (waitpid(pid, &status, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}
