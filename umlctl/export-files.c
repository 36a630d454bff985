/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export-files.c - the files of an export. */

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/image-undo.h"
#include "umlctl/export-files.h"
#include "umlctl/guest-image.h"

void export_files_done(ExportFiles *f) {
        for (size_t i = 0; i < f->n; i++)
                safe_close(f->v[i].fd);
        f->n = 0;
}

int export_files_add(ExportFiles *f, const char *name, int own) {
        _cleanup_close_ int fd = own;
        ExportFile *file = &f->v[f->n];
        size_t n = strlen(name);

        if (f->n == EXPORT_FILES_MAX || n >= sizeof(file->name))
                return -E2BIG;
        *file = (ExportFile){ .fd = TAKE_FD(fd), .image = n > 4 && streq(name + n - 4, ".img") };
        strcpy(file->name, name);
        f->n++;
        return 0;
}

int export_files_open(ExportFiles *f, const char *name, const char *path, bool locked) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (locked) {
                int r = guest_image_lock(fd);

                if (r >= 0 && image_undo_pending(fd))
                        r = -EUCLEAN;
                if (r < 0)
                        return r;
        }
        return export_files_add(f, name, TAKE_FD(fd));
}

int export_files_get(const ExportFiles *f, const char *name) {
        for (size_t i = 0; i < f->n; i++)
                if (streq(f->v[i].name, name))
                        return RET_NERRNO(fcntl(f->v[i].fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
        return -ENOENT;
}

uint64_t export_files_size(const ExportFiles *f) {
        uint64_t size = 0;
        struct stat st;

        for (size_t i = 0; i < f->n; i++)
                if (fstat(f->v[i].fd, &st) >= 0)
                        size += (uint64_t) st.st_blocks * 512;
        return size;
}
