/* SPDX-License-Identifier: GPL-2.0-or-later */
/* speed.c - doctor: boots the smallest guest that there is, which has umld-guest-init and nothing
 * else, and tells how long it took. */

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

#include "basic/capabilities.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/sandbox.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "daemon/base/companions.h"
#include "daemon/boot/cmdline.h"
#include "daemon/doctor/doctor.h"

enum {
        UID_NOBODY = 65534, /* in a container that has few users */
        OUTPUT_MAX = 64 * 1024,
        CAUSE_MAX = 200,
        KIB_PER_MIB = 1024,
};

#define PATIENCE (30 * USEC_PER_SEC)

/* Its init finds no service, and halts: then its kernel has run a program and ended. */
#define ENDED         "reboot: "
#define NO_ROOT       "VFS: Cannot open root device"
#define NO_TMPFS      "umld: no tmpfs"
#define TMPFS_OPTIONS "mode=1777,size=64M"
#define PANIC         "Kernel panic - not syncing: "
#define DIRECTORY     "/tmp/umld-doctor-"

typedef struct Trial {
        Strv argv, environment;
        char *directory; /* of the kernel's own sockets; removed afterwards */
        uid_t uid;
        char output[OUTPUT_MAX];
        size_t n;
        usec_t took;
        uint64_t memory; /* MiB: the most that its largest process had */
} Trial;

static void trial_done(Trial *t) {
        if (t->directory)
                (void) rm_rf(t->directory);
        free(t->directory);
        strv_done(&t->argv);
        strv_done(&t->environment);
}

/* Only the kernel sees it. */
static int mount_tmpfs(const char *path) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
                return -errno;
        return RET_NERRNO(mount("tmpfs", path, "tmpfs", MS_NOSUID | MS_NODEV, TMPFS_OPTIONS));
}

static void limit(void) {
        static const struct {
                int resource;
                rlim_t max;
        } limits[] = {
                { RLIMIT_CORE, 0 },         { RLIMIT_MEMLOCK, 0 },  { RLIMIT_MSGQUEUE, 0 },
                { RLIMIT_NPROC, 64 },       { RLIMIT_NOFILE, 256 }, { RLIMIT_CPU, 60 },
                { RLIMIT_FSIZE, 64 << 20 },
        };

        FOREACH_ELEMENT (l, limits) {
                struct rlimit now;

                if (getrlimit(l->resource, &now) < 0)
                        continue;
                now.rlim_max = MIN(now.rlim_max, l->max);
                now.rlim_cur = MIN(now.rlim_cur, now.rlim_max);
                (void) setrlimit(l->resource, &now);
        }
}

/* It may be a stranger's: it gets no network, and nothing that it runs gets more rights. A host may
 * refuse the first, and the change of user has cleared the signal. */
static int give_rights_up(uid_t uid) {
        (void) unshare(CLONE_NEWNET);
        (void) unshare(CLONE_NEWIPC);
        limit();
        (void) capabilities_keep(
                0); /* the change of user takes them, this what could give them back */
        if (geteuid() == 0 && (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0))
                return -errno;
        (void) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        return RET_NERRNO(prctl(PR_SET_PDEATHSIG, SIGKILL));
}

static int run_kernel(void *userdata) {
        const Trial *t = userdata;

        if (mount_tmpfs(t->directory) < 0)
                dprintf(STDOUT_FILENO, NO_TMPFS "\n");
        if (give_rights_up(t->uid) < 0)
                return SPAWN_FAILED;
        (void) personality(PER_LINUX | ADDR_NO_RANDOMIZE); /* as umld-init does */
        execve(t->argv.v[0], t->argv.v, t->environment.v);
        dprintf(STDOUT_FILENO, "%s: %s\n", t->argv.v[0], strerror(errno));
        return SPAWN_FAILED;
}

/* What a doctor left that was killed: an empty directory, older than any trial that goes on. */
static void sweep(void) {
        glob_t found = {};

        if (glob(DIRECTORY "??????", GLOB_NOSORT, NULL, &found) == 0)
                for (size_t i = 0; i < found.gl_pathc; i++) {
                        struct stat st;

                        if (lstat(found.gl_pathv[i], &st) >= 0 &&
                            st.st_mtime + (time_t) (2 * PATIENCE / USEC_PER_SEC) < time(NULL))
                                (void) rmdir(found.gl_pathv[i]);
                }
        globfree(&found);
}

static int make_directory(Trial *t) {
        char path[] = DIRECTORY "XXXXXX";

        sweep();
        if (!mkdtemp(path))
                return -errno;
        t->directory = strdup(path);
        if (!t->directory)
                return rmdir(path), -ENOMEM;
        t->uid = TRIAL_UID;
        if (geteuid() != 0 || chown(path, t->uid, t->uid) >= 0)
                return 0;
        t->uid = UID_NOBODY;
        return RET_NERRNO(chown(path, t->uid, t->uid));
}

/* The directory of umld-guest-init is the root directory of the trial. */
static int make_words(Trial *t, const Kernel *k, const char *init) {
        _cleanup_free_ char *root = strdup(init);
        char *name = root ? strrchr(root, '/') : NULL;
        int r = name ? 0 : -ENOMEM;

        if (r >= 0)
                *name++ = '\0';
        if (r < 0 || (r = strv_push(&t->argv, k->uml->path)) < 0 ||
            (r = strv_pushf(&t->argv, "rootflags=%s", root)) < 0 ||
            (r = strv_pushf(&t->argv, "init=/%s", name)) < 0 ||
            (r = strv_pushf(&t->argv, "uml_dir=%s", t->directory)) < 0)
                return r;
        for (const char *const *word =
                     (const char *const[]){ "mem=32M", "root=/dev/root", "rootfstype=hostfs", "ro",
                                            "con=null", "con0=null,fd:1", "noreboot", "panic=-1",
                                            "pty.legacy_count=0", "lpj=20000000", NULL };
             r >= 0 && *word; word++)
                r = strv_push(&t->argv, *word);
        if (r >= 0 && k->uml->raid6_benchmark)
                r = strv_push(&t->argv, "initcall_blacklist=raid6_select_algo,raid6_init");
        return r;
}

static int prepare(Trial *t, const Exam *e) {
        const Host *h = e->setup->host;
        GuestEnvironment environment = { .preload = { h->kernel.cpu_fix } };
        _cleanup_free_ char *init = NULL;
        int r = companion_find(COMPANION_GUEST_INIT, &init);

        if (r >= 0)
                r = make_directory(t);
        if (r >= 0)
                r = make_words(t, &h->kernel, init);
        environment.memory = t->directory;
        return r < 0 ? r : guest_environment(&environment, &t->environment);
}

/* Its output, until it has ended or said that it has. */
static void read_output(Trial *t, int fd) {
        usec_t begin = now_usec(CLOCK_MONOTONIC), now = begin;

        while (now < begin + PATIENCE && t->n < sizeof(t->output) - 1 &&
               !strstr(t->output, ENDED) && !strstr(t->output, PANIC)) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                ssize_t n = 0;

                if (poll(&p, 1, (int) ((begin + PATIENCE - now) / USEC_PER_MSEC) + 1) > 0)
                        n = read(fd, t->output + t->n, sizeof(t->output) - 1 - t->n);
                now = now_usec(CLOCK_MONOTONIC);
                if (n <= 0)
                        break;
                for (ssize_t i = 0; i < n; i++) /* searched as a string */
                        if (t->output[t->n + (size_t) i] == '\0')
                                t->output[t->n + (size_t) i] = ' ';
                t->n += (size_t) n;
                t->output[t->n] = '\0';
        }
        t->took = now - begin;
}

static int boot(Trial *t) {
        _cleanup_close_ int ours = -EBADF, theirs = -EBADF;
        struct rusage usage;
        int ends[2], r;
        pid_t pid;

        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        ours = ends[0];
        theirs = ends[1];
        r = spawn(&(const Spawn){ .run = run_kernel,
                                  .userdata = t,
                                  .fds = (const int[]){ -EBADF, theirs, theirs },
                                  .n_fds = 3,
                                  .group = true,
                                  .death_signal = SIGKILL },
                  &pid);
        if (r < 0)
                return r;
        theirs = safe_close(theirs);
        read_output(t, ours);
        (void) kill(-pid, SIGKILL); /* with its helpers */
        (void) spawn_wait(pid);
        if (getrusage(RUSAGE_CHILDREN, &usage) >= 0)
                t->memory = ((uint64_t) usage.ru_maxrss + KIB_PER_MIB - 1) / KIB_PER_MIB;
        return 0;
}

static char *cause(const Trial *t) {
        const char *panic = strstr(t->output, PANIC), *end;

        if (panic)
                return escape_text(panic, strcspn(panic, "\n"), CAUSE_MAX);
        end = t->output + t->n;
        while (end > t->output && (end[-1] == '\n' || end[-1] == '\r'))
                end--;
        for (panic = end; panic > t->output && panic[-1] != '\n';)
                panic--;
        return escape_text(panic, (size_t) (end - panic), CAUSE_MAX);
}

static void tell(Exam *e, const Trial *t) {
        const UmlKernel *k = e->setup->host->kernel.uml;
        _cleanup_free_ char *why = cause(t);

        if (strstr(t->output, ENDED))
                exam_tell(e, DOCTOR_OK, "",
                          "Linux %s boots, runs its init and halts within %s; it took %" PRIu64
                          "M of memory at most",
                          k->release, FORMAT_TIMESPAN(t->took), t->memory);
        else if (strstr(t->output, PANIC) && strstr(t->output, NO_ROOT))
                exam_tell(
                        e, DOCTOR_UNKNOWN, "",
                        "Linux %s gets to its root directory within %s, but has no hostfs to go on",
                        k->release, FORMAT_TIMESPAN(t->took));
        else if (strstr(t->output, NO_TMPFS))
                exam_tell(e, DOCTOR_UNKNOWN, geteuid() == 0 ? "" : "run it as root",
                          "Linux %s does not boot in a plain directory, and a tmpfs of its own is "
                          "refused: %s",
                          k->release, why ?: "out of memory");
        else if (t->took >= PATIENCE)
                exam_tell(e, DOCTOR_FAULT, "", "Linux %s has not booted within %s", k->release,
                          FORMAT_TIMESPAN(t->took));
        else
                exam_tell(e, DOCTOR_FAULT, "", "Linux %s does not boot: %s", k->release,
                          why ?: "out of memory");
}

void check_boot(Exam *e) {
        const ExamStep *kernel = exam_step(e, "kernel");
        Trial *t;
        int r;

        if (!kernel || kernel->r < 0) {
                exam_tell(e, DOCTOR_UNKNOWN, "", "not tried, because of the findings above");
                return;
        }
        t = calloc(1, sizeof(*t));
        r = t ? prepare(t, e) : -ENOMEM;
        if (r >= 0)
                r = boot(t);
        if (r < 0)
                exam_tell(e, DOCTOR_UNKNOWN, "", "not tried: %s", strerror(-r));
        else
                tell(e, t);
        if (t)
                trial_done(t);
        free(t);
}
