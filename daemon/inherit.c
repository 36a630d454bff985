/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inherit.c - the lock, the mounts and the configuration of a guest that runs without umld. */

#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>

#include "api/dirs.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/guest/guest.h"
#include "daemon/inherit.h"
#include "host/lock.h"

/* How long the end of an umld-init may take that is not to be adopted. */
#define END_MAX   (10 * USEC_PER_SEC)
#define LOOK_MSEC 20

/* ---- the lock ---- */

static int say_managed(const char *name, pid_t holder) {
        return log_error_errno(-EEXIST,
                               "guest %s is already managed by umld pid %d; use umlctl to control "
                               "it",
                               name, holder);
}

/* Our own number is that of the umld that has executed us, or of one long ago. */
static bool is_dead(pid_t pid) {
        return pid == getpid() || (pid > 0 && kill(pid, 0) < 0 && errno == ESRCH);
}

/* What is not adopted is ended: there are never two kernels on one image. */
static void refuse(Adoption *a, const char *why) {
        log_warning(
                "the guest's umld has died, and the guest is ended, because it cannot be adopted: "
                "%s",
                why ?: "out of memory");
        if (a && adoption_refuse(a) < 0)
                log_warning("umld-init has not exited; continuing");
}

/* Of a guest whose lock is held. 1 = *ret is what its umld has left; 0 = the lock may be free now,
 * or soon: an umld-init that is about to exit sends us away, too, and so does one that another umld
 * has just found. */
static int find_estate(const char *name, const char *directory, pid_t holder, Adoption **ret) {
        _cleanup_free_ char *why = NULL;
        Adoption *a = NULL;
        int r = adoption_find(name, directory, &a, &why);

        if (r > 0) {
                *ret = a;
                return 1;
        }
        if ((r == -EBUSY || r == 0) && !is_dead(holder))
                return -EEXIST;
        if (r < 0 && r != -EBUSY)
                refuse(a, why);
        return 0;
}

static int take_estate(Adoption *a, int *ret_lock) {
        int fd = adoption_take(a, "lock"), r = fd < 0 ? -ENODATA : pid_lock_renew(fd);

        if (r < 0) {
                safe_close(fd);
                return log_error_errno(r, "the lock of the guest's umld, which has died, cannot be "
                                          "taken over: %m; start it again");
        }
        *ret_lock = fd;
        return 0;
}

/* A guest that waits for its next start has no umld-init, and is handed over as a whole. */
static int take_handed(const char *name, Adoption **ret) {
        int r = adoption_handed(name, ret);

        if (r < 0)
                log_warning_errno(r, "cannot read what the previous umld handed over, "
                                     "continuing without it: %m");
        return r > 0 && (*ret)->saved;
}

int inherit_lock(const char *name, const char *directory, int *ret_lock, Adoption **ret) {
        _cleanup_(adoption_freep) Adoption *handed = NULL;
        _cleanup_free_ char *path = strfmt("%s/lock", directory);
        usec_t since = now_usec(CLOCK_MONOTONIC);
        pid_t holder = 0;
        int fd, r;

        if (!path)
                return log_oom();
        if (take_handed(name, &handed)) {
                *ret = TAKE_PTR(handed);
                return take_estate(*ret, ret_lock);
        }
        while ((fd = pid_lock(path, &holder)) == -EEXIST) {
                r = find_estate(name, directory, holder, ret);
                if (r > 0) {
                        adoption_join(*ret, handed);
                        return take_estate(*ret, ret_lock);
                }
                if (r < 0 || now_usec(CLOCK_MONOTONIC) > usec_add(since, END_MAX))
                        return say_managed(name, holder);
                (void) poll(NULL, 0, LOOK_MSEC);
        }
        if (fd < 0 && fd != -ENOENT)
                return log_error_errno(fd,
                                       "%s: cannot be locked: %m; free some space there or set %s",
                                       path, umld_dir_variable(DIR_RUNTIME));
        *ret_lock = fd;
        return MIN(fd, 0);
}

/* ---- the mounts ---- */

int inherit_mounts(Adoption *a) {
        _cleanup_close_ int fd = adoption_take(a, "mounts");
        struct stat theirs, ours;

        if (fd < 0 || fstat(fd, &theirs) < 0 || stat("/proc/self/ns/mnt", &ours) < 0 ||
            (theirs.st_ino == ours.st_ino && theirs.st_dev == ours.st_dev))
                return 0;
        if (setns(fd, CLONE_NEWNS) < 0 || chdir("/") < 0)
                return log_warning_errno(errno, "cannot enter the mount namespace of the previous "
                                                "umld, continuing: %m");
        return 1;
}

/* ---- the program ---- */

static bool same_file(int a, int b) {
        struct stat of_a, of_b;

        return fstat(a, &of_a) >= 0 && fstat(b, &of_b) >= 0 && of_a.st_dev == of_b.st_dev &&
               of_a.st_ino == of_b.st_ino;
}

void inherit_program(Adoption *a, char *const *argv) {
        _cleanup_close_ int before = adoption_take(a, "program"), ours = program_open();

        if (a->attempts == 0 || before < 0 || ours < 0 || same_file(before, ours))
                return;
        log_warning("this umld has died while taking over the guest; executing the previous one");
        (void) fexecve(before, argv, environ);
        log_warning_errno(errno, "cannot execute the previous umld, continuing: %m");
}

/* ---- the configuration ---- */

int inherit_config(const Adoption *a, const char *name, Config **config, Config **ret_next) {
        _cleanup_free_ char *file = umld_config_path(name),
                            *disk = umld_path(DIR_STATE, name, "root.img"), *error = NULL;
        Config *running = NULL;
        int r = file && disk ? guest_adopted_config(a->saved, name, file, disk, &running, ret_next,
                                                    &error)
                             : -ENOMEM;

        if (r >= 0) {
                config_free(*config);
                *config = running;
                return 0;
        }
        log_warning_errno(r,
                          "the configuration that the guest was started with is no longer valid "
                          "(%s); continuing with %s",
                          error ?: strerror(-r), file ?: "its file");
        return *config ? 0 : r;
}
