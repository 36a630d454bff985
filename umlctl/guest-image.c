/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-image.c - the image of a guest that does not run, opened and changed. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "api/image-undo.h"
#include "basic/file-util.h"
#include "umlctl/guest-image.h"
#include "umlctl/jobs.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

void guest_image_done(GuestImage *i) {
        config_free(i->config);
        safe_close(i->fd);
        *i = GUEST_IMAGE_INIT;
}

static int load(GuestImage *i) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, i->guest, "root.img"),
                            *file = umld_config_path(i->guest), *error = NULL;
        int r = disk && file ? config_load(i->guest, file, disk, &i->config, &error) : -ENOMEM;

        if (r == -EACCES)
                return fail_with(EXIT_NOT_PERMITTED, "%s", error ?: strerror(-r));
        return r < 0 ? fail_with(EXIT_USAGE, "%s", error ?: strerror(-r)) : 0;
}

/* umld locks an image in the first way, a kernel without umld in the second. */
static int lock_image(int fd, int umld_lock, short kernel_lock) {
        struct flock lock = { .l_type = kernel_lock, .l_whence = SEEK_SET };

        if (flock(fd, umld_lock | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (fcntl(fd, F_GETLK, &lock) < 0)
                return -errno;
        return lock.l_type == F_UNLCK ? 0 : -EBUSY;
}

int guest_image_lock(int fd) {
        return lock_image(fd, LOCK_EX, F_WRLCK);
}

int guest_image_share(int fd) {
        return lock_image(fd, LOCK_SH, F_RDLCK);
}

/* ---- opening ---- */

static int open_disk(GuestImage *i) {
        const Disk *d = &i->config->disks[0];
        struct stat st;
        int r;

        if (i->config->n_disks == 0)
                return fail_with(EXIT_USAGE, "%s: has no disk; it boots from a directory",
                                 i->guest);
        if (d->read_only || d->cow)
                return fail_with(EXIT_FAILED,
                                 "%s: Disk=%s is %s, so it is not changed; change the image itself "
                                 "through a guest that has it without this",
                                 i->guest, d->path,
                                 d->cow ? "the backing file of another" : "read-only");
        i->fd = open(d->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
        r = i->fd < 0 ? -errno : RET_NERRNO(fstat(i->fd, &st));
        if (r >= 0 && !S_ISREG(st.st_mode))
                return fail_with(EXIT_FAILED, "%s: Disk=%s is not a regular file", i->guest,
                                 d->path);
        if (r >= 0)
                r = guest_image_lock(i->fd);
        if (r == -EBUSY)
                return fail_with(EXIT_FAILED, "%s: its image %s is in use by another process",
                                 i->guest, d->path);
        if (r < 0)
                return fail_with(r == -EACCES || r == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                                 "%s: cannot open its image %s: %s", i->guest, d->path,
                                 strerror(-r));
        return 0;
}

/* A change that was killed; nobody still uses the image, as it could be locked. */
static int undo_interrupted(const GuestImage *i) {
        const char *path = i->config->disks[0].path;
        int r = image_undo_apply(i->fd);

        if (r < 0)
                return fail_with(EXIT_FAILED,
                                 "%s: a change of its image %s was interrupted, and cannot be "
                                 "undone: %s",
                                 i->guest, path, image_undo_why(r));
        if (r == IMAGE_UNDO_REPLACED)
                note("%s: a change of its image was interrupted, and %s has been replaced since, "
                     "so nothing was undone",
                     i->guest, path);
        else if (r == IMAGE_UNDO_DONE)
                note("%s: a change of its image was interrupted, and was undone", i->guest);
        return 0;
}

int guest_image_open(GuestImage *i, const char *guest) {
        int r;

        i->guest = guest;
        if (control_running(guest))
                return fail_with(EXIT_FAILED, "%s is running; stop it first (umlctl stop %s)",
                                 guest, guest);
        r = load(i);
        if (r == 0)
                r = open_disk(i);
        return r == 0 ? undo_interrupted(i) : r;
}

void guest_image_take(GuestImage *i, const char *guest, int fd) {
        i->guest = guest;
        i->fd = fd;
}

static int make_argv(const ImageChange *change, Strv *argv) {
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_IMAGE, &program);

        if (r >= 0)
                r = strv_push(argv, program);
        if (r >= 0)
                r = strv_push(argv, "change");
        if (r >= 0 && change->size > 0)
                r = strv_pushf(argv, "--size=%llu", (unsigned long long) change->size);
        if (r >= 0 && change->modules >= 0)
                r = strv_pushf(argv, "--modules=%s", change->release);
        return r;
}

/* The image is left as it was, or changed: now or later. */
static int end_change(const GuestImage *i, const char *why) {
        int r = image_undo_apply(i->fd);

        if (r == IMAGE_UNDO_COMPLETE || (r >= 0 && !why))
                return 0;
        if (r >= 0)
                return fail_with(EXIT_FAILED, "%s: its image: %s", i->guest, why);
        return fail_with(EXIT_FAILED,
                         "%s: its image: %s%sthe change cannot be %s now (%s), but will be before "
                         "its next start or change",
                         i->guest, why ?: "", why ? "; " : "", why ? "undone" : "completed",
                         image_undo_why(r));
}

static int run_change(const GuestImage *i, const ImageChange *change, int undo, Progress *progress,
                      char **ret_why) {
        _cleanup_(job_done) Job j = JOB_INIT;
        int r = make_argv(change, &j.argv);

        if (r < 0)
                return r;
        j.what = "umld-image";
        j.speaks = j.sandbox = true;
        j.fds[IMAGE_FD_IMAGE] = i->fd;
        j.fds[IMAGE_FD_MODULES] = change->modules;
        j.fds[IMAGE_FD_UNDO] = undo;
        progress_set(progress, "changing the image");
        return jobs_run(&j, 1, progress, ret_why);
}

int guest_image_change(GuestImage *i, const ImageChange *change, Progress *progress) {
        _cleanup_close_ int undo = image_undo_create(i->fd, change->size);
        _cleanup_free_ char *why = NULL;
        int r;

        if (undo < 0)
                return fail_with(undo == -EACCES || undo == -EPERM ? EXIT_NOT_PERMITTED
                                                                   : EXIT_FAILED,
                                 "%s: cannot make an undo file beside its image: %s", i->guest,
                                 strerror(-undo));
        r = run_change(i, change, undo, progress, &why);
        if (r >= 0)
                r = image_undo_complete(i->fd, undo);
        safe_close(TAKE_FD(undo)); /* it is locked, and is to be read */
        return end_change(i, r < 0 ? why ?: strerror(-r) : NULL);
}
