/* SPDX-License-Identifier: GPL-2.0-or-later */
/* random.c - random bytes, also from a kernel that lacks getrandom(). */

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/random.h"

/* Linux 3.10 lacks getrandom(), and early in the boot it would wait. */
static int read_device(void *data, size_t size) {
        _cleanup_close_ int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOCTTY);
        ssize_t n = fd < 0 ? -errno : read_all(fd, data, size);

        if (n < 0)
                return (int) n;
        return (size_t) n == size ? 0 : -EIO;
}

int random_bytes(void *data, size_t size) {
        if (getrandom(data, size, GRND_NONBLOCK) == (ssize_t) size)
                return 0;
        return read_device(data, size);
}
