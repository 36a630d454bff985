/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk-swap.c - makes the files that guests swap to. */

#include <fcntl.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "daemon/host/disk-swap.h"
#include "host/swap-file.h"

/* What is put in the place of a device or a symbolic link is not what the administrator meant. */
static int check_replaceable(const Disk *d, Fault *f) {
        struct stat st;

        if (lstat(d->path, &st) < 0)
                return errno == ENOENT ? 0
                                       : fault_set(f, VERDICT_DISK, true, -errno,
                                                   "Disk=%s,swap: %m", d->path);
        if (!S_ISREG(st.st_mode))
                return fault_set(f, VERDICT_DISK, false, -EINVAL,
                                 "Disk=%s,swap: swap space of another size is created only in a "
                                 "regular file; name one, or use ,swap without a size",
                                 d->path);
        return 1;
}

int disk_swap_check(const Disk *d, SwapWork *ret, Fault *f) {
        _cleanup_close_ int fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        uint64_t size = 0;
        int r;

        *ret = SWAP_LEFT;
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
        if (d->swap_size == 0 || size == d->swap_size)
                return 0;
        r = check_replaceable(d, f);
        if (r >= 0)
                *ret = r > 0 ? SWAP_REPLACED : SWAP_CREATED;
        return MIN(r, 0);
}

static int fill(int fd, const void *disk) {
        return swap_file_write(fd, ((const Disk *) disk)->swap_size);
}

int disk_swap_make(const Disk *d, Fault *f) {
        int r = fill_file_atomic(d->path, fill, d);

        return r >= 0 ? 0
                      : fault_set(f, VERDICT_DISK, false, r,
                                  "Disk=%s,swap: cannot create the swap file: %m", d->path);
}
