/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-check.c - runs umld-disk-check for the disks that need it, one after the other. */

#include <fcntl.h>
#include <signal.h>

#include "basic/child.h"
#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/spawn.h"
#include "daemon/base/companions.h"
#include "daemon/base/timer.h"
#include "daemon/host/disk-check.h"
#include "daemon/programs/disk-check-protocol.h"
#include "host/ext-errors.h"

enum {
        LINES_MAX = 40, /* of e2fsck's output: more would only fill the host's log */
        LINE_SIZE_MAX = 200,
        CHUNK = 1024,
};

struct DiskCheck {
        sd_event *event;
        const Host *host;
        usec_t limit;
        DiskCheckDone done;
        void *userdata;
        char *program;
        size_t disk; /* the one in progress */
        pid_t pid;
        int output;
        sd_event_source *child, *timer, *readable;
        char line[LINE_SIZE_MAX]; /* its output since the last newline */
        size_t size;
        unsigned lines;
        bool late;
};

static const char *disk_path(const DiskCheck *c) {
        return c->host->config->disks[c->disk].path;
}

/* The file system of a copy-on-write disk is in two files, which only the guest's kernel can
 * combine. */
static bool needs_check(const Host *h, size_t i) {
        const Disk *d = &h->config->disks[i];
        int fd = h->disk_fds[2 * i], r;

        if (d->read_only || fd < 0)
                return false;
        if (d->cow) {
                log_debug("Disk=%s: not checked for errors, because changes are in %s", d->path,
                          d->cow);
                return false;
        }
        r = ext_errors_recorded(fd);
        if (r < 0)
                log_debug_errno(r, "Disk=%s: cannot be checked for errors, ignoring: %m", d->path);
        return r > 0;
}

static void log_line(DiskCheck *c) {
        _cleanup_free_ char *text = escape_text(c->line, c->size, sizeof(c->line));

        c->size = 0;
        if (!isempty(text) && c->lines++ < LINES_MAX)
                log_notice("Disk=%s: %s", disk_path(c), text);
}

/* Its output arrives in pieces. */
static void log_output(DiskCheck *c) {
        char buf[CHUNK];
        ssize_t n;

        while ((n = read(c->output, buf, sizeof(buf))) > 0)
                for (ssize_t i = 0; i < n; i++) {
                        bool end = buf[i] == '\n' || buf[i] == '\r';

                        if (!end)
                                c->line[c->size++] = buf[i];
                        if (end || c->size == sizeof(c->line))
                                log_line(c);
                }
}

static int on_readable(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        (void) fd;
        log_output(userdata);
        if (revents & (EPOLLHUP | EPOLLERR))
                (void) sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return 0;
}

/* With all that e2fsck may have started: whoever keeps the image open keeps it locked. The group is
 * there once the child has run for a moment. */
static void kill_program(const DiskCheck *c) {
        (void) kill(-c->pid, SIGKILL);
        (void) kill(c->pid, SIGKILL);
}

static void end_program(DiskCheck *c) {
        c->child = sd_event_source_disable_unref(c->child);
        c->timer = sd_event_source_disable_unref(c->timer);
        c->readable = sd_event_source_disable_unref(c->readable);
        if (c->pid > 0) {
                kill_program(c);
                child_abandon(c->pid); /* the undo of the host waits for its end */
        }
        c->pid = 0;
        c->output = safe_close(c->output);
}

DiskCheck *disk_check_free(DiskCheck *c) {
        if (!c)
                return NULL;
        end_program(c);
        sd_event_unref(c->event);
        free(c->program);
        free(c);
        return NULL;
}

/* Evaluates the end of the check of one disk. 0: the guest may use it. */
static int judge(const DiskCheck *c, const siginfo_t *si, Fault *f) {
        int status = si->si_code == CLD_EXITED ? si->si_status : -1;

        if (c->late)
                return fault_set(f, VERDICT_DISK, false, -ETIMEDOUT,
                                 "Disk=%s: its file system has errors, and e2fsck did not repair "
                                 "them within %s; run `e2fsck -f %s`",
                                 disk_path(c), FORMAT_TIMESPAN(c->limit), disk_path(c));
        if (status == DISK_CHECK_NO_E2FSCK) {
                log_warning("Disk=%s: its file system has errors, and e2fsck is not installed, "
                            "continuing; install e2fsprogs",
                            disk_path(c));
                return 0;
        }
        if (status == SPAWN_FAILED) {
                log_warning("Disk=%s: its file system has errors, and they cannot be checked, "
                            "continuing",
                            disk_path(c));
                return 0;
        }
        if (status >= 0 && status < E2FSCK_UNCORRECTED) {
                log_notice("Disk=%s: the file system has been repaired", disk_path(c));
                return 0;
        }
        return fault_set(f, VERDICT_DISK, false, -EUCLEAN,
                         "Disk=%s: its file system has errors that e2fsck cannot repair "
                         "automatically; copy it and run `e2fsck -f %s`",
                         disk_path(c), disk_path(c));
}

static int next_disk(DiskCheck *c, size_t from);

/* Tells the caller, who may free c. */
static void finish(DiskCheck *c, int r, const Fault *f) {
        if (r >= 0)
                r = next_disk(c, c->disk + 1);
        if (r > 0)
                return;
        if (r < 0 && !f->text) {
                log_warning_errno(r, "cannot check the file system of a disk, continuing: %m");
                f = NULL;
        }
        c->done(r < 0 ? f : NULL, c->userdata);
}

static int on_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        _cleanup_(fault_done) Fault f = {};
        DiskCheck *c = userdata;
        int r;

        (void) s;
        c->pid = 0; /* sd-event has reaped it */
        log_output(c);
        log_line(c);
        r = judge(c, si, &f);
        end_program(c);
        finish(c, r, &f);
        return 0;
}

static int on_timeout(sd_event_source *s, uint64_t usec, void *userdata) {
        DiskCheck *c = userdata;

        (void) s;
        (void) usec;
        c->late = true;
        kill_program(c);
        return 0;
}

static void report_failure(int error, void *userdata) {
        (void) userdata;
        dprintf(STDERR_FILENO, "cannot execute umld-disk-check: %s\n", strerror(error));
}

static int start_program(const DiskCheck *c, int output, pid_t *ret) {
        _cleanup_free_ char *user = strfmt("%u", (unsigned) c->host->jail.uid);
        char *const argv[] = { (char *) "umld-disk-check", user, NULL };
        const int fds[] = { -EBADF, output,
                            output, [DISK_CHECK_FD] = c->host->disk_fds[2 * c->disk] };

        if (!user)
                return -ENOMEM;
        return spawn(&(const Spawn){ .program = c->program,
                                     .argv = argv,
                                     .failed = report_failure,
                                     .fds = fds,
                                     .n_fds = ARRAY_SIZE(fds),
                                     .death_signal = SIGKILL,
                                     .group = true },
                     ret);
}

static int check_disk(DiskCheck *c) {
        _cleanup_close_ int theirs = -EBADF;
        int ends[2], r;

        log_warning("Disk=%s: its file system has recorded errors; checking it before the start",
                    disk_path(c));
        c->lines = 0;
        c->size = 0;
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        c->output = ends[0];
        theirs = ends[1];
        if ((r = fd_nonblock(c->output, true)) < 0 ||
            (r = sd_event_add_io(c->event, &c->readable, c->output, EPOLLIN, on_readable, c)) < 0)
                return r;
        if ((r = start_program(c, theirs, &c->pid)) < 0)
                return r;
        if ((r = sd_event_add_child(c->event, &c->child, c->pid, WEXITED, on_child, c)) < 0 ||
            (r = sd_event_source_set_priority(c->child, SD_EVENT_PRIORITY_IMPORTANT)) < 0 ||
            (r = timer_new(c->event, "disk-check", c->limit, 0, on_timeout, c, &c->timer)) < 0)
                return r;
        return 1;
}

/* 1 = one has been started, 0 = none is left. */
static int next_disk(DiskCheck *c, size_t from) {
        for (c->disk = from; c->disk < c->host->config->n_disks; c->disk++)
                if (needs_check(c->host, c->disk))
                        return check_disk(c);
        return 0;
}

int disk_check_start(sd_event *event, const Host *h, usec_t limit, DiskCheckDone done,
                     void *userdata, DiskCheck **ret) {
        _cleanup_(disk_check_freep) DiskCheck *c = NULL;
        size_t i = 0;
        int r;

        while (i < h->config->n_disks && !needs_check(h, i))
                i++;
        if (i == h->config->n_disks)
                return 0;
        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (DiskCheck){ .event = sd_event_ref(event),
                          .host = h,
                          .limit = limit,
                          .done = done,
                          .userdata = userdata,
                          .output = -EBADF };
        r = companion_find(COMPANION_DISK_CHECK, &c->program);
        if (r >= 0)
                r = next_disk(c, i);
        if (r > 0)
                *ret = TAKE_PTR(c);
        return r;
}
