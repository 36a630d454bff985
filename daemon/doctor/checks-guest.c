/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks-guest.c - doctor: the guest's own files, and what a start would do with them. */

#include <fcntl.h>
#include <gnu/libc-version.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "basic/fd-util.h"
#include "basic/process.h"
#include "daemon/doctor/doctor.h"
#include "daemon/watch/disk-space.h"
#include "host/ext-errors.h"
#include "uml/kernel-libc.h"

void check_configuration(Exam *e) {
        if (e->config_error)
                exam_tell(e, DOCTOR_FAULT, "umlctl edit checks what it writes", "%s",
                          e->config_error);
        else if (e->name)
                exam_tell(e, DOCTOR_OK, "", "%s", e->config->file);
}

/* ---- kernel ---- */

static const char *fix_text(const Kernel *k) {
        return k->cpu_fix     ? "a workaround for this CPU's state is preloaded"
               : k->lacks_fix ? "it lacks the workaround for this CPU's state"
                              : "no workaround for this CPU's state needed";
}

void check_kernel(Exam *e) {
        const Kernel *k;

        if (exam_tell_step(e, "kernel"))
                return;
        k = &e->setup->host->kernel;
        exam_tell(e, DOCTOR_OK, "", "%s: Linux %s, %s, transports%s%s%s%s%s; %s", k->uml->path,
                  k->uml->release, k->uml->static_linked ? "static" : "dynamic",
                  k->uml->tuntap ? " tuntap" : "", k->uml->vector ? " vector" : "",
                  k->uml->bbr ? ", bbr" : "", k->uml->fq ? ", fq" : "",
                  k->uml->seccomp ? ", seccomp" : "", fix_text(k));
}

/* A kernel that does not find its libc cannot say so when it is asked for its features. */
void check_libc(Exam *e) {
        const char *path = e->config ? config_kernel(e->config) : NULL,
                   *here = gnu_get_libc_version();
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -EBADF;
        unsigned major, minor, own_major = 0, own_minor = 0;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
            kernel_libc_wanted(fd, &major, &minor) < 0)
                return; /* which the check "kernel" has told */
        (void) sscanf(here, "%u.%u", &own_major, &own_minor);
        if (major == 0)
                exam_tell(e, DOCTOR_OK, "", "the kernel needs no glibc of the host");
        else if (major > own_major || (major == own_major && minor > own_minor))
                exam_tell(e, DOCTOR_FAULT,
                          "use a static kernel, or one that was built for this release of the host",
                          "the kernel needs glibc %u.%u, but the host has %s", major, minor, here);
        else
                exam_tell(e, DOCTOR_OK, "", "the kernel needs glibc %u.%u, and the host has %s",
                          major, minor, here);
}

/* ---- disks ---- */

static uint64_t growth(const struct stat *st) {
        return usec_sub((uint64_t) st->st_size, (uint64_t) st->st_blocks * 512);
}

static void tell_space(Exam *e, const Disk *d, int fd, const struct stat *st) {
        struct statvfs fs;
        SpaceSight sight;
        SpaceLevel level;

        if (fstatvfs(fd, &fs) < 0)
                return exam_tell_error(e, -errno, "", d->path);
        sight = (SpaceSight){ .total = (uint64_t) fs.f_blocks * fs.f_frsize,
                              .available = (uint64_t) fs.f_bavail * fs.f_frsize,
                              .growth = d->read_only || d->cow ? 0 : growth(st) };
        level = space_judge(SPACE_ENOUGH, &sight);
        if (level == SPACE_FULL)
                exam_tell(e, DOCTOR_FAULT, "free some space there",
                          "%s: %" PRIu64 "M left on its file system, which is too little for the "
                          "%" PRIu64 "M by which the image may grow",
                          d->path, sight.available >> 20, sight.growth >> 20);
        else
                exam_tell(e, level == SPACE_LOW ? DOCTOR_WARNING : DOCTOR_OK,
                          level == SPACE_LOW ? "free some space there" : "",
                          "%s: %" PRIu64 "M, %" PRIu64 "M of it holes; %" PRIu64
                          "M left on its file system",
                          d->path, (uint64_t) st->st_size >> 20, growth(st) >> 20,
                          sight.available >> 20);
}

static void tell_file_system(Exam *e, const Disk *d, int fd) {
        if (ext_errors_recorded(fd) > 0 && !program_installed("e2fsck"))
                exam_tell(e, DOCTOR_WARNING, "install e2fsprogs",
                          "%s: the file system has recorded errors, and e2fsck is not installed",
                          d->path);
        else if (ext_errors_recorded(fd) > 0)
                exam_tell(e, DOCTOR_WARNING, "the guest's next start runs e2fsck on it",
                          "%s: the file system has recorded errors", d->path);
        else if (!e->running && ext_left_mounted(fd) > 0)
                exam_tell(e, DOCTOR_OK, "",
                          "%s: the file system was not unmounted; the guest's kernel replays its "
                          "journal",
                          d->path);
}

static void tell_disk(Exam *e, const Disk *d, int fd) {
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return;
        if (!d->cow)
                tell_file_system(e, d, fd);
        if (S_ISREG(st.st_mode))
                tell_space(e, d, fd, &st);
        else
                exam_tell(e, DOCTOR_OK, "", "%s: a block device", d->path);
}

void check_disks(Exam *e) {
        if ((e->name && exam_tell_step(e, "disks")) || !e->name)
                return;
        for (size_t i = 0; i < e->config->n_disks; i++)
                tell_disk(e, &e->config->disks[i], e->setup->host->disk_fds[2 * i]);
}

/* ---- the other steps ---- */

void check_backing(Exam *e) {
        const HostMemory *m;

        if (exam_tell_step(e, "memory"))
                return;
        m = &e->setup->host->memory;
        exam_tell(e, m->refused ? DOCTOR_WARNING : DOCTOR_OK, "", "in %s (%s)%s%s", m->path,
                  memory_backing_to_string(m->backing),
                  m->refused ? ", since others are refused: " : "", m->refused ?: "");
}

void check_reach(Exam *e) {
        if (!exam_tell_step(e, "reach"))
                exam_tell(e, DOCTOR_OK, "", "the guest's user can access all that it needs");
}

void check_confinement(Exam *e) {
        if (!exam_tell_step(e, "required"))
                exam_tell(e, DOCTOR_OK, "", "no layer that is required is refused");
}
