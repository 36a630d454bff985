/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write-copy.c - makes an image from an image: copies, checks and grows it. */

#include <sys/stat.h>
#include <unistd.h>

#include "api/image-protocol.h"
#include "image/format.h"
#include "image/partition.h"
#include "imager/copy.h"
#include "imager/message.h"
#include "imager/write.h"

static int choose_partition(const Stream *s, Partition *ret) {
        size_t size;
        const void *head = stream_head(s, &size);
        int r = partition_find(head, size, ret);

        if (r < 0)
                return say_error("has no Linux partition");
        say_note("using partition %u, %llu MiB", ret->number,
                 (unsigned long long) (ret->size >> 20));
        return 0;
}

/* An uncompressed regular file is copied with its holes. */
static bool is_plain(const Stream *s) {
        struct stat st;

        return streq(stream_compression(s), "none") && fstat(IMAGE_FD_STREAM, &st) >= 0 &&
               S_ISREG(st.st_mode);
}

static int copy(Stream *s, uint64_t offset, uint64_t size, uint64_t *ret_size) {
        int r;

        if (ftruncate(IMAGE_FD_IMAGE, 0) < 0)
                return say_error("cannot write the image: %m");
        if (is_plain(s)) {
                r = copy_image(IMAGE_FD_STREAM, IMAGE_FD_IMAGE, offset, size, say_progress,
                               ret_size);
                return r == -ENODATA ? say_error("ends before its end")
                       : r < 0       ? say_error("cannot copy the image: %s", strerror(-r))
                                     : 0;
        }
        r = stream_copy(s, IMAGE_FD_IMAGE, offset, size, say_progress, NULL, ret_size);
        return r < 0 ? say_error("%s", stream_why(s)) : 0;
}

bool image_is_ext(void) {
        unsigned char magic[2];

        return pread(IMAGE_FD_IMAGE, magic, 2, 1024 + 56) == 2 && magic[0] == 0x53 &&
               magic[1] == 0xef;
}

static int repair(void) {
        _cleanup_free_ char *output = NULL;
        int r = image_repair(IMAGE_FD_IMAGE, &output);

        if (r == -EUCLEAN)
                return say_error("its file system has errors; run e2fsck on it first (%s)",
                                 output ?: "");
        if (r < 0)
                return say_error("cannot check its file system: %s", output ?: strerror(-r));
        if (r > 0)
                say_note("e2fsck repaired its file system");
        return 0;
}

static int grow(const Order *o, uint64_t size) {
        _cleanup_free_ char *why = NULL;
        int r;

        if (o->size == 0 || o->size == size)
                return 0;
        if (o->size < size)
                return say_error(
                        "the image has %llu MiB, which is more than --size; it cannot be shrunk",
                        (unsigned long long) (size >> 20));
        r = image_grow(IMAGE_FD_IMAGE, o->size, &why);
        return r < 0 ? say_error("cannot grow its file system: %s", why ?: strerror(-r)) : 0;
}

int mend_image(const Order *o, uint64_t size) {
        int r = repair();

        return r == 0 ? grow(o, size) : r;
}

/* A file system that cannot be changed is used as it is, unless a change was requested. */
static int change(const Order *o) {
        _cleanup_(image_writer_freep) ImageWriter *w = NULL;
        _cleanup_free_ char *why = NULL;
        int r = image_writer_open(IMAGE_FD_IMAGE, false, &w, &why);

        if (r == -EOPNOTSUPP && !write_is_change(o)) {
                say_note("%s; the image is used unchanged", why ?: "");
                return 0;
        }
        return r < 0 ? say_error("%s", why ?: strerror(-r)) : write_rest(TAKE_PTR(w), o, "none");
}

static int keep_foreign(const Order *o) {
        if (write_is_change(o))
                return say_error("has a file system other than ext4, so it cannot be changed");
        if (o->size != 0)
                return say_error("has a file system other than ext4, which cannot be grown");
        say_note("has a file system other than ext4; the image is used unchanged and unchecked");
        return fsync(IMAGE_FD_IMAGE) < 0 ? say_error("cannot write the image: %m") : 0;
}

int write_copy(Stream *s, const Order *o) {
        Partition p = { .size = UINT64_MAX };
        uint64_t size = 0;
        int r = 0;

        if (stream_kind(s) == STREAM_DISK)
                r = choose_partition(s, &p);
        if (r == 0)
                r = copy(s, p.offset, p.size, &size);
        if (r != 0)
                return r;
        if (!image_is_ext())
                return keep_foreign(o);
        r = mend_image(o, size);
        return r == 0 ? change(o) : r;
}
