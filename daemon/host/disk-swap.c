/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-swap.c - makes the files that guests swap to. */

#include <fcntl.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "daemon/host/disk-swap.h"
#include "host/swap-file.h"

static int fill(int fd, const void *disk) {
        return swap_file_write(fd, ((const Disk *) disk)->swap_size);
}

static int make(const Disk *d, Fault *f) {
        int r = fill_file_atomic(d->path, fill, d);

        return r >= 0 ? 0
                      : fault_set(f, VERDICT_DISK, false, r,
                                  "Disk=%s,swap: cannot create the swap file: %m", d->path);
}

int disk_swap_prepare(const Disk *d, bool quiet, Fault *f) {
        _cleanup_close_ int fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint64_t size = 0;
        int r;

        if (fd < 0 && (errno != ENOENT || d->swap_size == 0))
                return 0; /* the step that locks it reports why */
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
