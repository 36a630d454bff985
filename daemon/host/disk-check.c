/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-check.c - runs umld-disk-check for the disks that need it, one after the other: a change of
 * them has to be undone, or their file system has errors. */

#include <sys/stat.h>

#include "api/image-undo.h"
#include "basic/log.h"
#include "basic/spawn.h"
#include "daemon/base/companions.h"
#include "daemon/base/helper.h"
#include "daemon/host/disk-check.h"
#include "host/disk-check-protocol.h"
#include "host/ext-errors.h"

static_assert((int) DISK_CHECK_FD == (int) HELPER_FD, "where it expects the image");

struct DiskCheck {
        sd_event *event;
        const Host *host;
        usec_t limit;
        DiskCheckDone done;
        void *userdata;
        char *program, *preload;
        size_t disk;  /* the one in progress */
        bool undoing; /* a change of it */
        Helper *helper;
};

static const char *disk_path(const DiskCheck *c) {
        return c->host->config->disks[c->disk].path;
}

/* The file system of a copy-on-write disk is in two files, which only the guest's kernel can
 * combine; a half-changed backing file is refused by disk_cow_prepare(). */
static bool needs_check(const Host *h, size_t i) {
        const Disk *d = &h->config->disks[i];
        int fd = h->disk_fds[2 * i], r;

        if (fd < 0)
                return false;
        if (d->cow) {
                log_debug("Disk=%s: not checked for errors, because changes are in %s", d->path,
                          d->cow);
                return false;
        }
        if (image_undo_pending(fd))
                return true;
        if (d->read_only)
                return false;
        r = ext_errors_recorded(fd);
        if (r < 0)
                log_debug_errno(r, "Disk=%s: cannot be checked for errors, ignoring: %m", d->path);
        return r > 0;
}

static void log_line(const char *text, void *userdata) {
        log_notice("Disk=%s: %s", disk_path(userdata), text);
}

DiskCheck *disk_check_free(DiskCheck *c) {
        if (!c)
                return NULL;
        helper_free(c->helper);
        sd_event_unref(c->event);
        free(c->program);
        free(c->preload);
        free(c);
        return NULL;
}

/* Evaluates the end of the check of one disk. 0: the guest may use it. */
static int judge(const DiskCheck *c, int status, Fault *f) {
        if (status == HELPER_LATE)
                return fault_set(f, VERDICT_DISK, false, -ETIMEDOUT,
                                 "Disk=%s: its file system has errors, and e2fsck did not repair "
                                 "them within %s; run `e2fsck -f %s`",
                                 disk_path(c), FORMAT_TIMESPAN(c->limit), disk_path(c));
        if (status == DISK_CHECK_NOT_UNDONE)
                return fault_set(f, VERDICT_DISK, false, -EIO,
                                 "Disk=%s: a change of it by umlctl was interrupted and cannot be "
                                 "undone, see the previous message",
                                 disk_path(c));
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
        if (status == 0 && c->undoing)
                return 0;
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

static void on_ended(int status, void *userdata) {
        _cleanup_(fault_done) Fault f = {};
        DiskCheck *c = userdata;
        int r = judge(c, status, &f);

        c->helper = helper_free(c->helper);
        finish(c, r, &f);
}

/* Whom the image belongs to when no guest has it. */
static char *owner_text(const DiskCheck *c, int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return NULL;
        return strfmt("%u", (unsigned) ledger_owner(&c->host->ledger, disk_path(c), st.st_uid));
}

static int check_disk(DiskCheck *c) {
        int fd = c->host->disk_fds[2 * c->disk], r;
        _cleanup_free_ char *owner = owner_text(c, fd);
        char *const argv[] = { (char *) "umld-disk-check", c->preload, owner, NULL };

        if (!owner)
                return -ENOMEM;

        c->undoing = image_undo_pending(fd);
        if (c->undoing)
                log_notice("Disk=%s: a change of it by umlctl was interrupted; undoing it before "
                           "the start",
                           disk_path(c));
        else
                log_warning("Disk=%s: its file system has recorded errors; checking it before the "
                            "start",
                            disk_path(c));
        r = helper_start(c->event,
                         &(const HelperOrder){ .program = c->program,
                                               .argv = argv,
                                               .fd = fd,
                                               .limit = c->limit,
                                               .sandbox = true,
                                               .line = log_line,
                                               .ended = on_ended,
                                               .userdata = c },
                         &c->helper);
        return r < 0 ? r : 1;
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
                          .userdata = userdata };
        r = companion_find(COMPANION_DISK_CHECK, &c->program);
        if (r >= 0)
                r = companion_find(COMPANION_IMAGE_FIX, &c->preload);
        if (r >= 0)
                r = next_disk(c, i);
        if (r > 0)
                *ret = TAKE_PTR(c);
        return r;
}
