/* SPDX-License-Identifier: GPL-2.0-or-later */
/* image-undo.c - undoes a change of an image that was interrupted. */

#include <endian.h>
#include <ext2fs/ext2_fs.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/image-undo.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/path-trust.h"
#include "basic/random.h"
#include "basic/string-util.h"
#include "basic/undo-record.h"

enum {
        SUPERBLOCK_OFFSET = 1024,
};

static bool read_at(int fd, void *data, size_t size, uint64_t offset) {
        return pread(fd, data, size, (off_t) offset) == (ssize_t) size;
}

static int write_at(int fd, const void *data, size_t size, uint64_t offset) {
        return lseek(fd, (off_t) offset, SEEK_SET) < 0 ? -errno : write_all(fd, data, size);
}

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

static void read_written(int image, UndoWritten *ret) {
        struct ext2_super_block s;

        *ret = (UndoWritten){};
        if (!read_at(image, &s, sizeof(s), SUPERBLOCK_OFFSET) ||
            le16toh(s.s_magic) != EXT2_SUPER_MAGIC)
                return;
        memcpy(ret->uuid, s.s_uuid, sizeof(ret->uuid));
        ret->time = le32toh(s.s_wtime);
}

/* ---- making ---- */

static int make_header(int image, const struct stat *st, uint64_t size, UndoHeader *ret) {
        uint64_t before = (uint64_t) st->st_size;
        UndoHeader h = { .mark.magic = UNDO_MAGIC,
                         .size = before,
                         .end = MAX(before, size),
                         .mtime = st->st_mtim,
                         .time = (uint32_t) time(NULL) - 1 };
        int r = random_bytes(h.mark.id, sizeof(h.mark.id));

        if (r < 0)
                return r;
        read_written(image, &h.before);
        h.hash = undo_header_hash(&h);
        *ret = h;
        return 0;
}

/* The undo file is on the disk before the image is touched, and the image, with its mark, before
 * anything is recorded: it is what an undoing leads to. */
static int fill_new(int image, const struct stat *st, uint64_t size, int fd, const char *path) {
        UndoHeader h;
        int r = make_header(image, st, size, &h);

        if (r >= 0)
                r = RET_NERRNO(flock(fd, LOCK_EX | LOCK_NB));
        if (r >= 0)
                r = write_all(fd, &h, sizeof(h));
        if (r >= 0)
                r = RET_NERRNO(fsync(fd));
        if (r >= 0)
                r = fsync_entry(path);
        if (r >= 0)
                r = write_at(image, &h.mark, sizeof(h.mark), h.end);
        return r < 0 ? r : RET_NERRNO(fsync(image));
}

int image_undo_create(int image, uint64_t size) {
        _cleanup_free_ char *path = undo_path(image);
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (!path)
                return -ENOENT;
        if (fstat(image, &st) < 0)
                return -errno;
        fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
                return -errno;
        r = fill_new(image, &st, size, fd, path);
        if (r >= 0)
                return TAKE_FD(fd);
        (void) ftruncate(image, st.st_size);
        (void) unlink(path);
        return r;
}

bool image_undo_pending(int image) {
        _cleanup_free_ char *path = undo_path(image);

        return path && access(path, F_OK) >= 0;
}

/* ---- undoing ---- */

/* A megabyte of them is about as much as a gigabyte of changes. */
#define RECORDS_MAX (16U << 20)

typedef struct Undo {
        int image, fd;
        UndoHeader header;
        uint64_t *records; /* where they begin, in the order in which they were written */
        size_t n;
        uint64_t end;  /* of the last one */
        uint32_t last; /* its kind */
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

/* Where the next one begins; 0: this one is not whole, so what it is about was not changed. */
static uint64_t read_record(Undo *u, uint64_t at, UndoRecord *ret) {
        uint64_t next = at + sizeof(*ret);

        if (!read_at(u->fd, ret, sizeof(*ret), at) || ret->size > UNDO_PART_MAX ||
            ret->size > u->header.size || ret->offset > u->header.size - ret->size)
                return 0;
        if (ret->kind == UNDO_BYTES && !read_at(u->fd, u->data, ret->size, next))
                return 0;
        if (ret->kind > UNDO_COMPLETE || ret->hash != undo_record_hash(ret, u->data))
                return 0;
        return ret->kind == UNDO_BYTES ? next + ret->size : next;
}

static int find_records(Undo *u) {
        UndoRecord r;
        uint64_t next;

        u->end = sizeof(u->header);
        for (; (next = read_record(u, u->end, &r)) > 0; u->end = next) {
                uint64_t *records = u->n == RECORDS_MAX
                                            ? NULL
                                            : reallocarray(u->records, u->n + 1, sizeof(*records));

                if (!records)
                        return -ENOMEM;
                u->records = records;
                u->records[u->n++] = u->end;
                u->last = r.kind;
        }
        return 0;
}

static int put_back(Undo *u, uint64_t at) {
        UndoRecord r;

        if (read_record(u, at, &r) == 0)
                return -EIO;
        if (r.kind == UNDO_ZEROS && fallocate(u->image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                              (off_t) r.offset, (off_t) r.size) >= 0)
                return 0;
        if (r.kind == UNDO_ZEROS)
                memset(u->data, 0, r.size);
        return write_at(u->image, u->data, r.size, r.offset);
}

static int write_last(int undo, uint32_t kind, uint64_t at) {
        UndoRecord last = { .kind = kind };
        int r;

        last.hash = undo_record_hash(&last, NULL);
        r = write_at(undo, &last, sizeof(last), at);
        return r < 0 ? r : RET_NERRNO(fdatasync(undo));
}

/* What several programs have recorded about one place is put back in reverse order. Without the
 * last record, for which there may be no space, somebody would have to be told of a mark that is
 * gone, if this is killed before the undo file is. */
static int put_back_all(Undo *u) {
        int r = 0;

        for (size_t i = u->n; r >= 0 && i > 0; i--)
                r = put_back(u, u->records[i - 1]);
        if (r >= 0)
                r = RET_NERRNO(fsync(u->image));
        if (r >= 0)
                (void) write_last(u->fd, UNDO_UNDONE, u->end);
        return r;
}

/* Is everything as it was, or complete, but for the size? */
static bool is_settled(const Undo *u) {
        return u->n == 0 || u->last >= UNDO_UNDONE;
}

/* A part of the mark will do for an image that is settled: it was killed when it had begun to write
 * the mark, or the power was cut when it was cutting it off. */
static bool has_mark(const Undo *u) {
        UndoMark found = {};
        struct stat st;

        if (read_at(u->image, &found, sizeof(found), u->header.end) &&
            memcmp(&found, &u->header.mark, sizeof(found)) == 0)
                return true;
        return is_settled(u) && fstat(u->image, &st) >= 0 &&
               (uint64_t) st.st_size > u->header.end &&
               (uint64_t) st.st_size <= u->header.end + sizeof(found);
}

/* What the change leaves, wherever it is killed, or the replay of a journal by e2fsck, which is
 * younger than what it found. A clock that was set back leaves nothing in between. */
static bool is_of_change(const Undo *u, const UndoWritten *now) {
        uint32_t before = u->header.before.time, change = u->header.time;

        return now->time == before || now->time == change ||
               (now->time > before && now->time < change);
}

static bool holds(Undo *u, const UndoRecord *r) {
        static const unsigned char zeros[UNDO_PART_MAX];
        unsigned char found[UNDO_PART_MAX];

        return read_at(u->image, found, r->size, r->offset) &&
               memcmp(found, r->kind == UNDO_BYTES ? u->data : zeros, r->size) == 0;
}

static bool is_recorded_before(Undo *u, size_t record, const UndoRecord *place) {
        UndoRecord r;

        for (size_t i = 0; i < record; i++)
                if (read_record(u, u->records[i], &r) > 0 &&
                    r.offset < place->offset + place->size && place->offset < r.offset + r.size)
                        return true;
        return false;
}

/* Does it hold what it held before the change? Of a place that several programs have recorded, the
 * first of them tells. */
static bool is_as_before(Undo *u) {
        UndoRecord r;

        for (size_t i = 0; i < u->n; i++)
                if (read_record(u, u->records[i], &r) == 0 ||
                    (!holds(u, &r) && !is_recorded_before(u, i, &r)))
                        return false;
        return true;
}

/* Was it copied over the image, or put in its place, like a backup? Then it is an older one. */
static bool is_backup(Undo *u, const UndoWritten *now) {
        uint32_t before = u->header.before.time;

        return now->time == before ? is_as_before(u) : now->time < MIN(before, u->header.time);
}

/* IMAGE_UNDO_DONE: it is to be undone. What was recorded of one image must not come into another.
 * If one without the mark is no backup, the mark was cut off, as by a resize2fs by hand. */
static int decide(Undo *u, bool mark) {
        static const UndoWritten none;
        const UndoHeader *h = &u->header;
        UndoWritten now;
        bool same;

        read_written(u->image, &now);
        same = memcmp(now.uuid, h->before.uuid, sizeof(now.uuid)) == 0;
        if (memcmp(&h->before, &none, sizeof(none)) == 0)
                return mark ? IMAGE_UNDO_DONE : IMAGE_UNDO_REPLACED;
        if (mark)
                return same && is_of_change(u, &now) ? IMAGE_UNDO_DONE : -ESTALE;
        return same && !is_backup(u, &now) ? -ESTALE : IMAGE_UNDO_REPLACED;
}

/* Copy-on-write files know their backing file by its time. */
static int cut_off(const Undo *u, bool complete) {
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, u->header.mtime };
        int r = RET_NERRNO(
                ftruncate(u->image, (off_t) (complete ? u->header.end : u->header.size)));

        if (r >= 0 && !complete)
                r = RET_NERRNO(futimens(u->image, times));
        return r < 0 ? r : RET_NERRNO(fsync(u->image));
}

/* The mark is cut off last: with it, what is recorded is of this image. */
static int undo_all(Undo *u) {
        bool complete = u->last == UNDO_COMPLETE, mark = has_mark(u);
        int r = is_settled(u) ? IMAGE_UNDO_DONE : decide(u, mark);

        if (r != IMAGE_UNDO_DONE)
                return r;
        if (!is_settled(u))
                r = put_back_all(u);
        if (r >= 0 && mark)
                r = cut_off(u, complete);
        if (r < 0)
                return r;
        return complete           ? IMAGE_UNDO_COMPLETE
               : u->n > 0 || mark ? IMAGE_UNDO_DONE
                                  : IMAGE_UNDO_NONE;
}

/* Without a whole header it was killed before it had changed anything. */
static int undo_if_valid(Undo *u) {
        static const char family[] = "umld-undo ";
        UndoHeader *h = &u->header;
        bool whole = read_at(u->fd, h, sizeof(*h), 0) && h->hash == undo_header_hash(h);
        int r;

        if (strncmp(h->mark.magic, UNDO_MAGIC, sizeof(h->mark.magic)) != 0)
                return startswith(h->mark.magic, family) && h->mark.magic[strlen(family)]
                               ? -EPROTONOSUPPORT
                               : IMAGE_UNDO_NONE;
        if (!whole)
                return IMAGE_UNDO_NONE;
        r = find_records(u);
        return r < 0 ? r : undo_all(u);
}

/* What somebody else has put there, as anybody can in a directory like /tmp, would be written to
 * the image. The image's owner could do so anyway. */
static bool is_trusted(int fd, const struct stat *undo, uid_t owner) {
        return !open_changed_by_others(fd, undo) ||
               (undo->st_uid == owner && !(undo->st_mode & (S_IWGRP | S_IWOTH)));
}

/* It waits for the programs that may still be changing the image, for their umlctl was killed. */
static int open_undo(const char *path, int image, uid_t owner, Undo **ret) {
        _cleanup_(undo_freep) Undo *u = calloc(1, sizeof(*u));
        struct stat st;

        if (!u)
                return -ENOMEM;
        u->image = image;
        u->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (u->fd < 0 || fstat(u->fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EINVAL;
        if (!is_trusted(u->fd, &st, owner))
                return -EKEYREJECTED;
        if (flock(u->fd, LOCK_EX) < 0)
                return -errno;
        *ret = TAKE_PTR(u);
        return 0;
}

/* Should the entry come back after a crash, the image would be as it was: no failure. */
static int forget(const char *path) {
        int r = unlink_quiet(path);

        if (r > 0)
                (void) fsync_entry(path);
        return MIN(r, 0);
}

int image_undo_apply_of(int image, uid_t owner) {
        _cleanup_free_ char *path = undo_path(image);
        _cleanup_(undo_freep) Undo *u = NULL;
        int r = path ? open_undo(path, image, owner, &u) : -ENOENT, undone;

        if (r < 0)
                return r == -ENOENT ? IMAGE_UNDO_NONE : r;
        undone = undo_if_valid(u);
        r = undone < 0 ? undone : forget(path);
        return r < 0 ? r : undone;
}

int image_undo_apply(int image) {
        struct stat st;

        return fstat(image, &st) < 0 ? -errno : image_undo_apply_of(image, st.st_uid);
}

const char *image_undo_why(int error) {
        switch (error) {
        case -EKEYREJECTED:
                return "its undo file may be written by others than its owner or root; remove it "
                       "if that is not what umlctl has left";
        case -ESTALE:
                return "others have written to its file system since, which is half changed; put a "
                       "backup in its place, or repair it with e2fsck -f, and remove its undo file";
        case -EPROTONOSUPPORT:
                return "another version of umlctl has begun the change; undo it with that version";
        default:
                return strerror(-error);
        }
}

int image_undo_complete(int image, int undo) {
        off_t end;
        int r;

        if (fsync(image) < 0 || (end = lseek(undo, 0, SEEK_END)) < 0)
                return -errno;
        r = write_last(undo, UNDO_COMPLETE, (uint64_t) end);
        if (r < 0)
                (void) ftruncate(undo, end); /* it is going to be undone, as the user is told */
        return r;
}
