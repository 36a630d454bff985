/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image-undo.c - undoes a change of an image that was interrupted. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/image-undo.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "basic/undo-record.h"

enum {
        EXT4_MAGIC = 1024 + 56,
        EXT4_UUID = 1024 + 104,
};

/* By the open image: names that lead to it through links must not lead to several undo files. */
static char *undo_path(int image) {
        _cleanup_free_ char *link = strfmt("/proc/self/fd/%d", image);
        char path[PATH_MAX];
        ssize_t n = link ? readlink(link, path, sizeof(path) - 1) : -1;

        if (n <= 0 || path[0] != '/')
                return NULL;
        path[n] = '\0';
        return strfmt("%s.undo", path);
}

static int make_header(int image, UndoHeader *ret) {
        UndoHeader h = { .magic = UNDO_MAGIC };
        _cleanup_free_ char *boot = NULL;
        struct stat st;

        if (fstat(image, &st) < 0)
                return -errno;
        h.size = (uint64_t) st.st_size;
        h.inode = st.st_ino;
        if (pread(image, h.uuid, sizeof(h.uuid), EXT4_UUID) < 0)
                return -errno;
        if (read_first_line("/proc/sys/kernel/random/boot_id", &boot) >= 0)
                snprintf(h.boot, sizeof(h.boot), "%s", boot);
        h.hash = undo_header_hash(&h);
        *ret = h;
        return 0;
}

static int fill_new(int image, int fd, const char *path) {
        UndoHeader h;
        int r = make_header(image, &h);

        if (r >= 0)
                r = RET_NERRNO(flock(fd, LOCK_EX | LOCK_NB));
        if (r >= 0)
                r = write_all(fd, &h, sizeof(h));
        if (r >= 0)
                r = RET_NERRNO(fsync(fd));
        return r < 0 ? r : fsync_entry(path);
}

int image_undo_create(int image) {
        _cleanup_free_ char *path = undo_path(image);
        _cleanup_close_ int fd = -EBADF;
        int r;

        if (!path)
                return -ENOENT;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fill_new(image, fd, path);
        if (r >= 0)
                return TAKE_FD(fd);
        (void) unlink(path);
        return r;
}

bool image_undo_pending(int image) {
        _cleanup_free_ char *path = undo_path(image);

        return path && access(path, F_OK) >= 0;
}

/* ---- undoing ---- */

typedef struct Undo {
        int image, fd;
        UndoHeader header;
        off_t *records; /* where they begin, in the order in which they were written */
        size_t n;
        unsigned char data[UNDO_PART_MAX];
} Undo;

static Undo *undo_free(Undo *u) {
        if (!u)
                return NULL;
        safe_close(u->fd);
        free(u->records);
        free(u);
        return NULL;
}
DEFINE_CLEANUP(Undo *, undo_free)

static bool read_at(int fd, void *data, size_t size, off_t offset) {
        return pread(fd, data, size, offset) == (ssize_t) size;
}

/* Where the next one begins; 0: this one is not whole, so what it is about was not changed. */
static off_t read_record(Undo *u, off_t at, UndoRecord *ret) {
        off_t next = at + (off_t) sizeof(*ret);

        if (!read_at(u->fd, ret, sizeof(*ret), at) || ret->size > UNDO_PART_MAX ||
            ret->size > u->header.size || ret->offset > u->header.size - ret->size)
                return 0;
        if (!ret->zeros && !read_at(u->fd, u->data, ret->size, next))
                return 0;
        if (ret->hash != undo_record_hash(ret, u->data))
                return 0;
        return ret->zeros ? next : next + (off_t) ret->size;
}

static int find_records(Undo *u) {
        off_t at = sizeof(u->header), next;
        UndoRecord r;

        for (; (next = read_record(u, at, &r)) > 0; at = next) {
                off_t *records = reallocarray(u->records, u->n + 1, sizeof(*records));

                if (!records)
                        return -ENOMEM;
                u->records = records;
                u->records[u->n++] = at;
        }
        return 0;
}

static int put_back(Undo *u, off_t at) {
        UndoRecord r;

        if (read_record(u, at, &r) == 0)
                return -EIO;
        if (r.zeros && fallocate(u->image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                 (off_t) r.offset, (off_t) r.size) >= 0)
                return 0;
        if (r.zeros)
                memset(u->data, 0, r.size);
        return lseek(u->image, (off_t) r.offset, SEEK_SET) < 0
                       ? -errno
                       : write_all(u->image, u->data, r.size);
}

/* What several programs have recorded about one place is put back in reverse order. */
static int undo_all(Undo *u) {
        int r = find_records(u);

        for (size_t i = u->n; r >= 0 && i > 0; i--)
                r = put_back(u, u->records[i - 1]);
        if (r >= 0)
                r = RET_NERRNO(ftruncate(u->image, (off_t) u->header.size));
        return r < 0 ? r : RET_NERRNO(fsync(u->image));
}

/* Is there another file system in the same inode, for a backup was copied over it, or the inode was
 * used again? No change gives one another UUID. */
static bool is_replaced(int image, const UndoHeader *then, const UndoHeader *now) {
        static const unsigned char magic[] = { 0x53, 0xef };
        unsigned char found[sizeof(magic)];

        return read_at(image, found, sizeof(found), EXT4_MAGIC) &&
               memcmp(found, magic, sizeof(magic)) == 0 &&
               memcmp(then->uuid, now->uuid, sizeof(now->uuid)) != 0;
}

/* 1 = it is of this image. One without a whole header was killed before the first change. */
static int matches(Undo *u, UndoHeader *now) {
        const UndoHeader *h = &u->header;
        int r = make_header(u->image, now);

        if (r < 0 || !read_at(u->fd, &u->header, sizeof(*h), 0))
                return r;
        return memcmp(h->magic, now->magic, sizeof(h->magic)) == 0 &&
               h->hash == undo_header_hash(h) && h->inode == now->inode &&
               !is_replaced(u->image, h, now);
}

/* It waits for the programs that may still be changing the image, for their umlctl was killed. What
 * somebody else has put there, as anybody can in a directory like /tmp, would be written to the
 * image. */
static int open_undo(const char *path, int image, Undo **ret) {
        _cleanup_(undo_freep) Undo *u = calloc(1, sizeof(*u));
        struct stat st;

        if (!u)
                return -ENOMEM;
        u->image = image;
        u->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (u->fd < 0 || fstat(u->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (others_may_write(&st))
                return -EPERM;
        if (flock(u->fd, LOCK_EX) < 0)
                return -errno;
        *ret = TAKE_PTR(u);
        return 0;
}

int image_undo_apply(int image) {
        _cleanup_free_ char *path = undo_path(image);
        _cleanup_(undo_freep) Undo *u = NULL;
        UndoHeader now;
        int r = path ? open_undo(path, image, &u) : 0, found;

        if (r < 0 || !path)
                return r == -ENOENT ? IMAGE_UNDO_NONE : r;
        r = found = matches(u, &now);
        if (r > 0)
                r = undo_all(u);
        if (r >= 0)
                r = image_undo_forget(image);
        if (r < 0 || !found)
                return r < 0 ? r : IMAGE_UNDO_NONE;
        return strncmp(u->header.boot, now.boot, sizeof(now.boot)) == 0 ? IMAGE_UNDO_DONE
                                                                        : IMAGE_UNDO_CRASHED;
}

int image_undo_forget(int image) {
        _cleanup_free_ char *path = undo_path(image);
        int r = path ? unlink_quiet(path) : -ENOENT;

        /* Should the entry come back after a crash, the image would be as it was: no failure. */
        if (r > 0)
                (void) fsync_entry(path);
        return MIN(r, 0);
}
