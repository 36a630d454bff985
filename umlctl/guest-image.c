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

/* Exists in STATE/NAME while the image is changed: whose it was before, "UID GID". */
#define OWNER_NOTE ".changing"

enum {
        NOBODY = 65534, /* whose the image is meanwhile */
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

/* ---- its owner ---- */

static int note_owner(const GuestImage *i, const struct stat *st) {
        _cleanup_free_ char *dir = umld_path(DIR_STATE, i->guest, NULL),
                            *note = umld_path(DIR_STATE, i->guest, OWNER_NOTE),
                            *text = strfmt("%u %u\n", (unsigned) st->st_uid, (unsigned) st->st_gid);
        int r;

        if (geteuid() != 0 || i->user != 0)
                return 0;
        r = dir && note && text ? mkdir_p(dir, 0711) : -ENOMEM;
        return r < 0 ? r : write_file_atomic(note, text, strlen(text), 0600);
}

/* Gives the image back as the note says, also if the process that took it was killed. */
static int restore_owner(const GuestImage *i) {
        _cleanup_free_ char *note = umld_path(DIR_STATE, i->guest, OWNER_NOTE), *text = NULL;
        unsigned uid, gid;
        struct stat st;
        ssize_t n;

        if (geteuid() != 0)
                return 0;
        n = note ? read_file(note, 64, &text) : -ENOMEM;
        if (n < 0)
                return n == -ENOENT ? 0 : (int) n;
        if (fstat(i->fd, &st) < 0)
                return -errno;
        if (st.st_uid == NOBODY && sscanf(text, "%u %u", &uid, &gid) == 2 &&
            fchown(i->fd, uid, gid) < 0)
                return -errno;
        return unlink_quiet(note);
}

/* ---- opening ---- */

static int open_disk(GuestImage *i) {
        const Disk *d = &i->config->disks[0];
        struct stat st;
        int r;

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
        if (r >= 0)
                r = restore_owner(i);
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

int guest_image_take(GuestImage *i, const char *guest, int fd) {
        struct stat st;
        int r;

        i->guest = guest;
        i->fd = fd;
        r = fstat(fd, &st) < 0 ? -errno : 0;
        if (r >= 0 && st.st_uid == NOBODY) /* a killed umlctl has left it so */
                r = restore_owner(i);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot use its image: %s", guest, strerror(-r));
        i->user = st.st_uid == NOBODY ? 0 : st.st_uid;
        return 0;
}

static int make_argv(const GuestImage *i, const ImageChange *change, Strv *argv) {
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
        if (r >= 0 && i->user != 0)
                r = strv_pushf(argv, "--user=%u", (unsigned) i->user);
        return r;
}

int guest_image_change(GuestImage *i, const ImageChange *change, Progress *progress) {
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_free_ char *why = NULL;
        struct stat st;
        int r = make_argv(i, change, &j.argv), back;

        if (r >= 0)
                r = fstat(i->fd, &st) < 0 ? -errno : note_owner(i, &st);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot change its image: %s", i->guest,
                                 strerror(-r));
        j.what = "umld-image";
        j.speaks = true;
        j.fds[3] = i->fd;
        j.fds[5] = change->modules;
        progress_set(progress, "changing the image");
        r = jobs_run(&j, 1, progress, &why);
        back = restore_owner(i);
        if (r >= 0)
                r = back;
        return r < 0 ? fail_with(EXIT_FAILED, "%s: its image: %s", i->guest, why ?: strerror(-r))
                     : 0;
}
