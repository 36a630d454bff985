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
        COW_ALIGNMENT = 4096, /* of the bitmap, and of the data behind it */
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

static uint64_t count_sectors(uint64_t size) {
        return round_up(size, COW_SECTOR) / COW_SECTOR;
}

/* Of the bitmap, which begins at a boundary, too. */
static uint64_t find_bitmap(void) {
        return round_up(sizeof(struct header), COW_ALIGNMENT);
}

static uint64_t find_data(uint64_t size) {
        return find_bitmap() + round_up(round_up(count_sectors(size), 8) / 8, COW_ALIGNMENT);
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
        uint64_t data = find_data(header->size);
        size_t n = strnlen(header->backing, sizeof(header->backing));
        ssize_t written;

        if (n == sizeof(header->backing))
                return -ENAMETOOLONG;
        memcpy(h.backing, header->backing, n);
        if (ftruncate(fd, (off_t) (data + header->size)) < 0)
                return -errno;
        written = pwrite(fd, &h, sizeof(h), 0);
        if (written < 0)
                return -errno;
        return (size_t) written < sizeof(h) ? -ENOSPC
                                            : 0; /* files are written short for no other reason */
}

/* ---- what was written ---- */

void cow_runs_begin(CowRuns *runs, int fd, uint64_t size) {
        *runs = (CowRuns){ .fd = fd,
                           .sectors = count_sectors(size),
                           .data = find_data(size),
                           .loaded = UINT64_MAX };
}

static int load(CowRuns *runs) {
        uint64_t per_load = 8 * sizeof(runs->bits), first = runs->next / per_load * per_load,
                 left = round_up(runs->sectors - first, 8) / 8;
        size_t size = MIN(left, sizeof(runs->bits));
        ssize_t n;

        if (first == runs->loaded)
                return 0;
        n = pread(runs->fd, runs->bits, size, (off_t) (find_bitmap() + first / 8));
        if (n < 0)
                return -errno;
        if ((size_t) n < size)
                return -EIO;
        runs->loaded = first;
        return 0;
}

/* 1 = the next sector was written. */
static int look(CowRuns *runs) {
        int r = load(runs);
        uint64_t bit = runs->next - runs->loaded;

        return r < 0 ? r : runs->bits[bit / 8] >> (bit % 8) & 1;
}

int cow_runs_next(CowRuns *runs, uint64_t *ret_begin, uint64_t *ret_end) {
        uint64_t begin;
        int r = 0;

        while (runs->next < runs->sectors && (r = look(runs)) == 0)
                runs->next++;
        if (r < 0 || runs->next >= runs->sectors)
                return MIN(r, 0);
        begin = runs->next;
        while (runs->next < runs->sectors && (r = look(runs)) > 0)
                runs->next++;
        if (r < 0)
                return r;
        *ret_begin = begin * COW_SECTOR;
        *ret_end = runs->next * COW_SECTOR;
        return 1;
}
