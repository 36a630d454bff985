/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-swap.c - makes the files that guests swap to. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "daemon/host/disk-swap.h"
#include "host/swap-file.h"

/* All or nothing, because umld may be killed here. */
static int make(const Disk *d, Fault *f) {
        _cleanup_free_ char *temporary = strfmt("%s.new", d->path);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!temporary)
                return -ENOMEM;
        (void) unlink(temporary);
        fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : swap_file_write(fd, d->swap_size);
        if (r >= 0 && rename(temporary, d->path) < 0)
                r = -errno;
        if (r >= 0)
                return 0;
        if (fd >= 0)
                (void) unlink(temporary);
        return fault_set(f, VERDICT_DISK, false, r, "Disk=%s,swap: cannot create the swap file: %m",
                         d->path);
}

int disk_swap_prepare(const Disk *d, bool quiet, Fault *f) {
        _cleanup_close_ int fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint64_t size = 0;
        int r;

        if (fd < 0 && (errno != ENOENT || d->swap_size == 0))
                return 0; /* whoever locks it says what is wrong */
        r = fd < 0 ? 0 : swap_file_size(fd, &size);
        if (r == -EBADMSG)
                return fault_set(f, VERDICT_DISK, false, r,
                                 "Disk=%s,swap: is not swap space; prepare it with mkswap(8), or "
                                 "name a file that does not exist, with ,swap=SIZE",
                                 d->path);
        if (r < 0)
                return fault_set(f, VERDICT_DISK, true, r, "Disk=%s,swap: cannot be read: %m",
                                 d->path);
        return d->swap_size == 0 || size == d->swap_size || quiet ? 0 : make(d, f);
}
