/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-image.c - the image of a guest that does not run, opened and changed. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "umlctl/guest-image.h"
#include "umlctl/jobs.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

enum {
        EXT4_STATE = 1024 + 58, /* where the superblock has the state of the file system */
        EXT4_ERROR_FS = 2,
};

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

int guest_image_open(GuestImage *i, const char *guest) {
        int r;

        i->guest = guest;
        if (control_running(guest))
                return fail_with(EXIT_FAILED, "%s is running; stop it first (umlctl stop %s)",
                                 guest, guest);
        r = load(i);
        return r == 0 ? open_disk(i) : r;
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

/* Has the change been begun? umld-image marks a file system that it is changing. */
static bool changed_in_part(const GuestImage *i) {
        unsigned char state;

        return pread(i->fd, &state, 1, EXT4_STATE) == 1 && (state & EXT4_ERROR_FS);
}

static int fail_change(const GuestImage *i, const char *why) {
        if (!changed_in_part(i))
                return fail_with(EXIT_FAILED, "%s: its image: %s", i->guest, why);
        return fail_with(EXIT_FAILED,
                         "%s: its image: %s; it may be changed in part, so check it: e2fsck -f %s",
                         i->guest, why, i->config ? i->config->disks[0].path : "");
}

int guest_image_change(GuestImage *i, const ImageChange *change, Progress *progress) {
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_free_ char *why = NULL;
        int r = make_argv(change, &j.argv);

        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot change its image: %s", i->guest,
                                 strerror(-r));
        j.what = "umld-image";
        j.speaks = j.sandbox = true;
        j.fds[3] = i->fd;
        j.fds[5] = change->modules;
        progress_set(progress, "changing the image");
        r = jobs_run(&j, 1, progress, &why);
        return r < 0 ? fail_change(i, why ?: strerror(-r)) : 0;
}
