/* SPDX-License-Identifier: GPL-2.0-or-later */
/* undo-record.c - records what an image holds before it is changed. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "basic/hash.h"
#include "basic/macro.h"
#include "basic/undo-record.h"

enum {
        BLOCK = 4096, /* recorded as a whole, once in each process */
};

static struct {
        int image, undo;
        uint64_t size;       /* what is behind it is cut off in the end */
        unsigned char *done; /* a bit for each block */
        bool broken;         /* the undo file ends with a part of a record */
} u = { .image = -EBADF, .undo = -EBADF };

static struct {
        UndoRecord head;
        unsigned char data[UNDO_PART_MAX];
} part;

uint64_t undo_header_hash(const UndoHeader *h) {
        return hash_bytes(HASH_BASIS, h, offsetof(UndoHeader, hash));
}

uint64_t undo_record_hash(const UndoRecord *r, const void *data) {
        uint64_t hash = hash_bytes(HASH_BASIS, r, offsetof(UndoRecord, hash));

        return r->zeros ? hash : hash_bytes(hash, data, r->size);
}

int undo_record_begin(int image, int undo) {
        UndoHeader h;
        void *map;

        if (pread(undo, &h, sizeof(h), 0) != (ssize_t) sizeof(h))
                return -EIO;
        map = mmap(NULL, (size_t) (h.size / BLOCK / 8 + 1), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
                return -errno;
        u.image = image;
        u.undo = undo;
        u.size = h.size;
        u.done = map;
        return 0;
}

int undo_record_fd(void) {
        return u.undo;
}

bool undo_record_is_image(int fd) {
        struct stat a, b;

        return u.image >= 0 && fstat(fd, &a) >= 0 && fstat(u.image, &b) >= 0 &&
               a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool is_done(uint64_t block) {
        return u.done[block / 8] & (1 << block % 8);
}

static int read_part(void) {
        for (uint32_t at = 0; at < part.head.size;) {
                ssize_t n = pread(u.image, part.data + at, part.head.size - at,
                                  (off_t) (part.head.offset + at));

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                at += (uint32_t) n;
        }
        return 0;
}

/* Nothing could be read behind a part of a record. */
static int append(size_t size) {
        off_t end = lseek(u.undo, 0, SEEK_END);
        size_t at = 0;
        int r = end < 0 ? -errno : 0;

        while (r >= 0 && at < size) {
                /* write() is what records, in the programs of e2fsprogs. */
                struct iovec rest = { (char *) &part + at, size - at };
                ssize_t n = writev(u.undo, &rest, 1);

                if (n >= 0)
                        at += (size_t) n;
                else if (errno != EINTR)
                        r = -errno;
        }
        if (r < 0 && (end < 0 || ftruncate(u.undo, end) < 0))
                u.broken = true;
        return r;
}

static bool is_zeros(const unsigned char *data, size_t size) {
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

/* Up to where the blocks of this part are all zeros, as in a hole, or all are not. */
static uint32_t uniform_size(bool zeros) {
        uint32_t at = 0, size = part.head.size;

        while (at < size && is_zeros(part.data + at, MIN((uint32_t) BLOCK, size - at)) == zeros)
                at += BLOCK;
        return MIN(at, size);
}

/* Returns how many of the blocks it has recorded. */
static int save(uint64_t block, uint64_t n) {
        int r;

        part.head = (UndoRecord){ .offset = block * BLOCK };
        part.head.size = (uint32_t) MIN(n * BLOCK, u.size - part.head.offset);
        r = read_part();
        if (r < 0)
                return r;
        part.head.zeros = is_zeros(part.data, MIN((uint32_t) BLOCK, part.head.size));
        part.head.size = uniform_size(part.head.zeros);
        part.head.hash = undo_record_hash(&part.head, part.data);
        r = append(sizeof(part.head) + (part.head.zeros ? 0 : part.head.size));
        if (r < 0)
                return r;
        n = (part.head.size + BLOCK - 1) / BLOCK;
        for (uint64_t i = block; i < block + n; i++)
                u.done[i / 8] |= (unsigned char) (1 << i % 8);
        return (int) n;
}

int undo_record(uint64_t offset, uint64_t size) {
        uint64_t end, block = offset / BLOCK;
        int r = 0;

        if (u.undo < 0 || offset >= u.size || size == 0)
                return 0;
        if (u.broken)
                return -EIO;
        end = (offset + MIN(size, u.size - offset) + BLOCK - 1) / BLOCK;
        while (r >= 0 && block < end) {
                uint64_t n = 0;

                while (n < UNDO_PART_MAX / BLOCK && block + n < end && !is_done(block + n))
                        n++;
                if (n > 0)
                        r = save(block, n);
                block += n > 0 && r > 0 ? (uint64_t) r : 1;
        }
        return MIN(r, 0);
}
