/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cow.c - reads and makes the header of a copy-on-write disk.
 *
 * The layout is that of version 3, which all kernels write since Linux 2.6: magic, version, mtime,
 * size, sector size, alignment, format, path. Compared with files that kernels made themselves by
 * tests/guest/test_disks.py. */

#include <endian.h>
#include <string.h>
#include <unistd.h>

#include "uml/cow.h"

#define COW_MAGIC 0x4f4f4f4du /* "OOOM" */

enum {
        COW_VERSION = 3,
        COW_SECTOR = 512,
        COW_ALIGNMENT = 4096, /* of the data behind the bitmap */
};

struct header {
        uint32_t magic;
        uint32_t version;
        uint32_t mtime;
        uint64_t size;
        uint32_t sector;
        uint32_t alignment;
        uint32_t format; /* 0: the only one there is */
        char backing[COW_PATH_MAX];
} __attribute__((packed));

int cow_read(int fd, CowHeader *ret) {
        struct header h;
        ssize_t n = pread(fd, &h, sizeof(h), 0);

        if (n < 0)
                return -errno;
        if ((size_t) n < 2 * sizeof(uint32_t) || h.magic != htobe32(COW_MAGIC))
                return -EBADMSG;
        if (h.version != htobe32(COW_VERSION))
                return -EPROTONOSUPPORT;
        if ((size_t) n < sizeof(h) || !memchr(h.backing, '\0', sizeof(h.backing)))
                return -EBADMSG;
        ret->mtime = be32toh(h.mtime);
        ret->size = be64toh(h.size);
        memcpy(ret->backing, h.backing, sizeof(ret->backing));
        return 0;
}

static uint64_t round_up(uint64_t n, uint64_t to) {
        return (n + to - 1) / to * to;
}

int cow_write(int fd, const CowHeader *header) {
        struct header h = {
                .magic = htobe32(COW_MAGIC),
                .version = htobe32(COW_VERSION),
                .mtime = htobe32(header->mtime),
                .size = htobe64(header->size),
                .sector = htobe32(COW_SECTOR),
                .alignment = htobe32(COW_ALIGNMENT),
        };
        uint64_t sectors = round_up(header->size, COW_SECTOR) / COW_SECTOR,
                 data = round_up(sizeof(h) + round_up(sectors, 8) / 8, COW_ALIGNMENT);
        size_t n = strnlen(header->backing, sizeof(header->backing));

        if (n == sizeof(header->backing))
                return -ENAMETOOLONG;
        memcpy(h.backing, header->backing, n);
        if (ftruncate(fd, (off_t) (data + header->size)) < 0)
                return -errno;
        if (pwrite(fd, &h, sizeof(h), 0) != (ssize_t) sizeof(h))
                return errno > 0 ? -errno : -EIO;
        return 0;
}
