/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c - decompresses a stream with libarchive, and detects what it holds. */

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "image/archive-why.h"
#include "image/partition.h"
#include "image/stream.h"

enum {
        READ_SIZE = 128 * 1024,
        HEAD_SIZE = PARTITION_HEAD_SIZE, /* enough for a tar header, a superblock or a partition
                                            table */
        COPY_BLOCK = 4096,
        KEEP_FREE_MIB = 64, /* of free space on the host's disk */
};

struct Stream {
        struct archive *a;
        char *head; /* the first bytes */
        size_t head_size, head_given;
        const char *rest; /* the rest of the block that fills the head */
        size_t rest_size;
        uint64_t at; /* offset of the next block from libarchive */
        char *why;
};

static int fail(Stream *s, int error, const char *why) {
        (void) free_and_strdup(&s->why, why);
        return error;
}

/* Its messages may contain names from the archive, and its negative codes are not errno. */
static int fail_archive(Stream *s) {
        int e = archive_errno(s->a);

        free(s->why);
        s->why = archive_why(s->a);
        return e > 0 && e < 4096 ? -e : -EBADMSG;
}

Stream *stream_free(Stream *s) {
        if (!s)
                return NULL;
        archive_read_free(s->a);
        free(s->head);
        free(s->why);
        free(s);
        return NULL;
}

/* Compressions that the library handles without other programs. */
static int support_filters(struct archive *a) {
        static int (*const filters[])(struct archive *) = {
                archive_read_support_filter_gzip, archive_read_support_filter_bzip2,
                archive_read_support_filter_xz,   archive_read_support_filter_lzma,
                archive_read_support_filter_lzip, archive_read_support_filter_zstd,
                archive_read_support_filter_lz4,  archive_read_support_filter_compress,
        };

        FOREACH_ELEMENT (filter, filters)
                if ((*filter)(a) < ARCHIVE_WARN)
                        return -ENOMEM;
        return archive_read_support_format_raw(a) < ARCHIVE_WARN ||
                               archive_read_support_format_empty(a) < ARCHIVE_WARN
                       ? -ENOMEM
                       : 0;
}

/* Gets the next block from the library. */
static ssize_t next_block(Stream *s, const void **ret) {
        int64_t offset = 0;
        size_t size = 0;
        int r;

        do {
                r = archive_read_data_block(s->a, ret, &size, &offset);
        } while (r == ARCHIVE_RETRY || (r >= ARCHIVE_WARN && r != ARCHIVE_EOF && size == 0));
        if (r == ARCHIVE_EOF)
                return 0;
        return r < ARCHIVE_WARN ? fail_archive(s) : (ssize_t) size;
}

static int read_head(Stream *s) {
        s->head = malloc(HEAD_SIZE);
        if (!s->head)
                return fail(s, -ENOMEM, "out of memory");
        while (s->head_size < HEAD_SIZE) {
                const void *block;
                ssize_t n = next_block(s, &block);
                size_t take;

                if (n <= 0)
                        return (int) n;
                take = MIN((size_t) n, HEAD_SIZE - s->head_size);
                memcpy(s->head + s->head_size, block, take);
                s->head_size += take;
                s->rest = (const char *) block + take;
                s->rest_size = (size_t) n - take;
        }
        return 0;
}

int stream_open(int fd, Stream **ret, char **ret_why) {
        _cleanup_(stream_freep) Stream *s = calloc(1, sizeof(*s));
        struct archive_entry *e;
        int r = 0;

        *ret_why = NULL;
        if (!s)
                return -ENOMEM;
        s->a = archive_read_new();
        if (!s->a || support_filters(s->a) < 0)
                return -ENOMEM;
        if (archive_read_open_fd(s->a, fd, READ_SIZE) != ARCHIVE_OK)
                r = fail_archive(s);
        else if ((r = archive_read_next_header(s->a, &e)) == ARCHIVE_EOF)
                r = fail(s, -ENODATA, "is empty");
        else if (r < ARCHIVE_WARN)
                r = fail_archive(s);
        else
                r = read_head(s);
        if (r >= 0 && s->head_size == 0)
                r = fail(s, -ENODATA, "is empty");
        if (r < 0)
                *ret_why = TAKE_PTR(s->why);
        else
                *ret = TAKE_PTR(s);
        return MIN(r, 0);
}

/* ---- detection ---- */

static bool head_has(const Stream *s, size_t offset, const char *bytes, size_t size) {
        return s->head_size >= offset + size && memcmp(s->head + offset, bytes, size) == 0;
}

/* The checksum of a tar header, for which its own field counts as spaces. */
static bool is_tar(const Stream *s) {
        const unsigned char *h = (const unsigned char *) s->head;
        unsigned long sum = 0, said;
        char field[9] = {};

        if (s->head_size < 512 || h[0] == 0)
                return false;
        for (size_t i = 0; i < 512; i++)
                sum += i >= 148 && i < 156 ? ' ' : h[i];
        memcpy(field, h + 148, 8);
        said = strtoul(field, NULL, 8);
        return said == sum;
}

StreamKind stream_kind(const Stream *s) {
        static const struct {
                size_t offset, size;
                const char *bytes;
                StreamKind kind;
        } marks[] = {
                { 1024 + 56, 2, "\x53\xef", STREAM_EXT },
                { 0, 4, "XFSB", STREAM_FOREIGN },
                { 65536 + 64, 8, "_BHRfS_M", STREAM_FOREIGN }, /* btrfs */
                { 0, 4, "hsqs", STREAM_FOREIGN },              /* squashfs */
                { 0, 4, "QFI\xfb", STREAM_QCOW },
                { 510, 2, "\x55\xaa", STREAM_DISK },
        };

        if (is_tar(s))
                return STREAM_TAR;
        FOREACH_ELEMENT (m, marks)
                if (head_has(s, m->offset, m->bytes, m->size))
                        return m->kind;
        return STREAM_OTHER;
}

const void *stream_head(const Stream *s, size_t *ret_size) {
        *ret_size = s->head_size;
        return s->head;
}

const char *stream_compression(const Stream *s) {
        return archive_filter_name(s->a, 0);
}

/* ---- reading ---- */

ssize_t stream_read(Stream *s, const void **ret) {
        if (s->head_given < s->head_size) {
                *ret = s->head;
                s->head_given = s->head_size;
                return (ssize_t) s->head_size;
        }
        if (s->rest_size > 0) {
                ssize_t n = (ssize_t) s->rest_size;

                *ret = s->rest;
                s->rest_size = 0;
                return n;
        }
        return next_block(s, ret);
}

const char *stream_why(const Stream *s) {
        return s->why ?: "out of memory";
}

uint64_t stream_consumed(const Stream *s) {
        int64_t n = archive_filter_bytes(s->a, -1);

        return n > 0 ? (uint64_t) n : 0;
}

static bool all_zero(const char *data, size_t size) {
        return size == 0 || (data[0] == 0 && memcmp(data, data + 1, size - 1) == 0);
}

static size_t piece_end(size_t begin, size_t size) {
        return begin + MIN((size_t) COPY_BLOCK, size - begin);
}

/* Splits it at runs of zeros, block by block. */
static int write_sparse(int fd, const char *data, size_t size, uint64_t offset) {
        for (size_t i = 0; i < size;) {
                size_t end = piece_end(i, size);
                bool zero = all_zero(data + i, end - i);

                while (end < size && zero == all_zero(data + end, piece_end(end, size) - end))
                        end = piece_end(end, size);
                while (!zero && i < end) {
                        ssize_t n = pwrite(fd, data + i, end - i, (off_t) (offset + i));

                        if (n < 0 && errno != EINTR)
                                return -errno;
                        i += (size_t) MAX(n, (ssize_t) 0);
                }
                i = end;
        }
        return 0;
}

/* Running guests may need the rest of the host's disk space. */
static bool host_nearly_full(int fd) {
        struct statvfs st;

        return fstatvfs(fd, &st) >= 0 &&
               (uint64_t) st.f_bavail * st.f_frsize < (uint64_t) KEEP_FREE_MIB << 20;
}

/* The part of a block that lies in the range to copy. */
static int copy_block(Stream *s, int fd, const char *data, size_t n, uint64_t at, uint64_t offset,
                      uint64_t size) {
        uint64_t skip = at < offset ? MIN(offset - at, (uint64_t) n) : 0, left;
        int r;

        data += skip;
        n -= (size_t) skip;
        at += skip;
        left = size == UINT64_MAX ? UINT64_MAX : offset + size - MIN(at, offset + size);
        n = (size_t) MIN((uint64_t) n, left);
        if (n == 0)
                return 0;
        if (host_nearly_full(fd))
                return fail(s, -ENOSPC, "the host's disk is nearly full");
        r = write_sparse(fd, data, n, at - offset);
        if (r == -ENOSPC)
                return fail(s, r, "the host's disk is full");
        return r < 0 ? fail(s, r, strerror(-r)) : 0;
}

int stream_copy(Stream *s, int fd, uint64_t offset, uint64_t size,
                void (*progress)(uint64_t consumed, void *userdata), void *userdata,
                uint64_t *ret_size) {
        uint64_t at = 0, end = size == UINT64_MAX ? UINT64_MAX : offset + size;
        int r;

        while (at < end) {
                const void *data;
                ssize_t n = stream_read(s, &data);

                if (n < 0)
                        return (int) n;
                if (n == 0)
                        break;
                r = copy_block(s, fd, data, (size_t) n, at, offset, size);
                if (r < 0)
                        return r;
                at += (uint64_t) n;
                progress(stream_consumed(s), userdata);
        }
        at = MIN(at, end);
        if (at < offset || (size != UINT64_MAX && at - offset < size))
                return fail(s, -ENODATA, "ends before its end");
        if (ftruncate(fd, (off_t) (at - offset)) < 0)
                return fail(s, -errno, strerror(errno));
        *ret_size = at - offset;
        return 0;
}
