/* SPDX-License-Identifier: GPL-2.0-or-later */
/* copy.c - copies image files. */

#include <linux/fs.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "imager/copy.h"

enum {
        CHUNK = 1024 * 1024,
};

/* The start of the next data (not hole) in [at, end), and its end; returns end if there is none. */
static int next_data(int fd, uint64_t at, uint64_t end, uint64_t *ret_begin, uint64_t *ret_end) {
        off_t begin = lseek(fd, (off_t) at, SEEK_DATA), hole;

        if (begin < 0 && errno == ENXIO) {
                *ret_begin = *ret_end = end;
                return 0;
        }
        if (begin < 0) { /* the file system cannot report holes */
                *ret_begin = at;
                *ret_end = end;
                return errno == EINVAL ? 0 : -errno;
        }
        hole = lseek(fd, begin, SEEK_HOLE);
        if (hole < 0)
                return -errno;
        *ret_begin = MIN((uint64_t) begin, end);
        *ret_end = MIN((uint64_t) hole, end);
        return 0;
}

static int write_at(int fd, const char *buf, size_t size, uint64_t at) {
        for (size_t i = 0; i < size;) {
                ssize_t n = pwrite(fd, buf + i, size - i, (off_t) (at + i));

                if (n < 0 && errno != EINTR)
                        return -errno;
                i += (size_t) MAX(n, (ssize_t) 0);
        }
        return 0;
}

static int copy_piece(int from, int to, uint64_t begin, uint64_t end, uint64_t offset,
                      void (*progress)(uint64_t done, void *userdata)) {
        _cleanup_free_ char *buf = malloc(CHUNK);

        if (!buf)
                return -ENOMEM;
        while (begin < end) {
                ssize_t n = pread(from, buf, (size_t) MIN((uint64_t) CHUNK, end - begin),
                                  (off_t) begin);
                int r;

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0) /* it was truncated meanwhile */
                        return n < 0 ? -errno : -ENODATA;
                r = write_at(to, buf, (size_t) n, begin - offset);
                if (r < 0)
                        return r;
                begin += (uint64_t) n;
                progress(begin, NULL);
        }
        return 0;
}

int copy_image(int from, int to, uint64_t offset, uint64_t size,
               void (*progress)(uint64_t done, void *userdata), uint64_t *ret_size) {
        uint64_t at, end;
        struct stat st;
        int r = 0;

        if (fstat(from, &st) < 0)
                return -errno;
        end = (uint64_t) st.st_size;
        if (size != UINT64_MAX && (offset > end || size > end - offset))
                return -ENODATA;
        *ret_size = size == UINT64_MAX ? end : size;
        if (offset == 0 && *ret_size == end && ioctl(to, FICLONE, from) >= 0)
                return 0;
        end = offset + *ret_size;
        for (at = offset; r >= 0 && at < end;) {
                uint64_t begin = end, stop = end;

                r = next_data(from, at, end, &begin, &stop);
                if (r >= 0)
                        r = copy_piece(from, to, begin, stop, offset, progress);
                at = stop;
        }
        return r < 0 ? r : RET_NERRNO(ftruncate(to, (off_t) *ret_size));
}
