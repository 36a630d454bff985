/* SPDX-License-Identifier: GPL-2.0-or-later */
/* undo-record.c - records what an image holds before it is changed. */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "basic/hash.h"
#include "basic/macro.h"
#include "basic/undo-record.h"

enum {
        BLOCK = 4096, /* recorded as a whole */
};

static struct {
        int image, undo;
        uint64_t size; /* what is behind it is cut off in the end */
        time_t time;
        unsigned char *done; /* a bit for each chunk, which is recorded once in each process */
        bool unsynced;
        bool broken; /* the undo file ends with a part of a record, or could not be synced */
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

        return r->kind == UNDO_BYTES ? hash_bytes(hash, data, r->size) : hash;
}

int undo_record_begin(int image, int undo) {
        UndoHeader h;
        void *map;

        if (pread(undo, &h, sizeof(h), 0) != (ssize_t) sizeof(h))
                return -EIO;
        map = mmap(NULL, (size_t) (h.size / UNDO_CHUNK_SIZE / 8 + 1), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map == MAP_FAILED)
                return -errno;
        u.image = image;
        u.undo = undo;
        u.size = h.size;
        u.time = h.time;
        u.done = map;
        return 0;
}

int undo_record_fd(void) {
        return u.undo;
}

uint64_t undo_record_size(void) {
        return u.size;
}

time_t undo_record_time(void) {
        return u.time;
}

bool undo_record_is_image(int fd) {
        struct stat a, b;

        return u.image >= 0 && fstat(fd, &a) >= 0 && fstat(u.image, &b) >= 0 &&
               a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static bool is_done(uint64_t chunk) {
        return u.done[chunk / 8] & (1 << chunk % 8);
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

        u.unsynced = true;
        while (r >= 0 && at < size) {
                /* write() is what records, in the programs of e2fsprogs, whose ftruncate() is
                 * another one as well. */
                struct iovec rest = { (char *) &part + at, size - at };
                ssize_t n = writev(u.undo, &rest, 1);

                if (n >= 0)
                        at += (size_t) n;
                else if (errno != EINTR)
                        r = -errno;
        }
        if (r < 0 && (end < 0 || syscall(SYS_ftruncate, u.undo, end) < 0))
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
        bool zeros;
        int r;

        part.head = (UndoRecord){ .offset = block * BLOCK };
        part.head.size = (uint32_t) MIN(n * BLOCK, u.size - part.head.offset);
        r = read_part();
        if (r < 0)
                return r;
        zeros = is_zeros(part.data, MIN((uint32_t) BLOCK, part.head.size));
        part.head.kind = zeros ? UNDO_ZEROS : UNDO_BYTES;
        part.head.size = uniform_size(zeros);
        part.head.hash = undo_record_hash(&part.head, part.data);
        r = append(sizeof(part.head) + (zeros ? 0 : part.head.size));
        return r < 0 ? r : (int) ((part.head.size + BLOCK - 1) / BLOCK);
}

static int sync_records(void) {
        if (!u.unsynced)
                return 0;
        if (fdatasync(u.undo) < 0) { /* trying again would tell nothing of what this one lost */
                u.broken = true;
                return -errno;
        }
        u.unsynced = false;
        return 0;
}

/* The chunk from this block on. */
static int save_chunk(uint64_t block) {
        uint64_t left = (u.size - block * BLOCK + BLOCK - 1) / BLOCK,
                 end = block + MIN(left, (uint64_t) UNDO_CHUNK_SIZE / BLOCK);
        int r = 0;

        while (block < end) {
                r = save(block, MIN(end - block, (uint64_t) UNDO_PART_MAX / BLOCK));
                if (r < 0)
                        return r;
                block += (uint64_t) r;
        }
        return 0;
}

int undo_record(uint64_t offset, uint64_t size) {
        uint64_t chunk = offset / UNDO_CHUNK_SIZE, end;

        if (u.undo < 0 || offset >= u.size || size == 0)
                return 0;
        if (u.broken)
                return -EIO;
        end = offset + MIN(size, u.size - offset);
        for (; chunk * UNDO_CHUNK_SIZE < end; chunk++) {
                int r = is_done(chunk) ? 0 : save_chunk(chunk * (UNDO_CHUNK_SIZE / BLOCK));

                if (r < 0)
                        return r;
                u.done[chunk / 8] |= (unsigned char) (1 << chunk % 8);
        }
        return sync_records();
}
