/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.c - umld-image write: makes an image of a stream.
 *
 * The archive is a stranger's, and so is all that its decompression and the writing of the file
 * system may be led to do. So this is a process of its own, which has the image, its input and
 * nothing else; it needs no right to change owners, to make devices or to mount. */

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "image/archive.h"
#include "image/format.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "imager/modes.h"

typedef struct Order {
        uint64_t size;
        const char *label;
        bool keep_top; /* a single directory at the top is not the root */
} Order;

static int fail_full(const ImageWriter *w, const Order *o, const char *why) {
        switch (image_full(w)) {
        case IMAGE_FULL_SPACE:
                return say_error("the image of %llu MiB is full; give it more by --size",
                                 (unsigned long long) (o->size >> 20));
        case IMAGE_FULL_FILES:
                return say_error("the image of %llu MiB is full: it cannot have more than %llu "
                                 "files; give it more by --size",
                                 (unsigned long long) (o->size >> 20),
                                 (unsigned long long) image_files_max(w));
        case IMAGE_FULL_NOT:
        default:
                return say_error("%s", why);
        }
}

/* Exit codes from here on: 0 = go on. */
static int add_stream(ImageWriter *w, Stream *s, const Order *o, uint64_t *ret_entries) {
        _cleanup_free_ char *why = NULL;
        ArchiveIn in = {
                .entries_max = image_files_max(w) * 8,
                .bytes_max = o->size * 8,
                .progress = say_progress,
        };
        int r = image_add_archive(w, s, &in, &why);

        if (r == -ENOSPC)
                return fail_full(w, o, why ?: "no space left");
        if (r < 0)
                return say_error("%s", why ?: strerror(-r));
        *ret_entries = in.entries;
        return 0;
}

static int add_overlay(ImageWriter *w, const Order *o) {
        _cleanup_(stream_freep) Stream *s = NULL;
        _cleanup_free_ char *why = NULL;
        uint64_t entries;
        int r;

        if (fcntl(IMAGE_FD_OVERLAY, F_GETFD) < 0)
                return 0;
        r = stream_open(IMAGE_FD_OVERLAY, &s, &why);
        if (r == -ENODATA)
                return 0;
        return r < 0 ? say_error("%s", why ?: strerror(-r)) : add_stream(w, s, o, &entries);
}

static int strip(ImageWriter *w, const Order *o) {
        int r = o->keep_top ? 0 : image_strip(w);

        if (r < 0)
                return say_error("%s", image_why(w));
        if (r > 0)
                say_note("the tree lay in a directory of its own, which is the root now");
        return 0;
}

static int finish(ImageWriter *w, uint64_t entries) {
        uint64_t left = image_free_bytes(w);
        _cleanup_free_ char *why = NULL;
        int r = image_writer_finish(w, &why);

        if (r < 0)
                return say_error("%s%s", why ?: strerror(-r),
                                 r == -ENOSPC ? "; give it more by --size" : "");
        say_result("entries", "%llu", (unsigned long long) entries);
        say_result("free", "%llu", (unsigned long long) left);
        return fsync(IMAGE_FD_IMAGE) < 0 ? say_error("cannot write the image: %m") : 0;
}

static int write_tree(Stream *s, const Order *o) {
        _cleanup_(image_writer_freep) ImageWriter *w = NULL;
        _cleanup_free_ char *why = NULL;
        uint64_t entries = 0;
        int r;

        r = image_format(IMAGE_FD_IMAGE, &(ImageFormat){ .size = o->size, .label = o->label },
                         &why);
        if (r < 0)
                return say_error("cannot make the file system: %s", why ?: strerror(-r));
        r = image_writer_open(IMAGE_FD_IMAGE, true, &w, &why);
        if (r < 0)
                return say_error("%s", why ?: strerror(-r));
        r = add_stream(w, s, o, &entries);
        if (r == 0)
                r = strip(w, o);
        if (r == 0)
                r = add_overlay(w, o);
        return r != 0 ? r : finish(TAKE_PTR(w), entries);
}

static int read_order(int argc, char *argv[], Order *o) {
        static const struct option options[] = {
                { "size", required_argument, NULL, 's' },
                { "label", required_argument, NULL, 'l' },
                { "keep-top", no_argument, NULL, 'k' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (c == 's' && parse_size(optarg, &o->size) < 0)
                        return say_error("--size=%s: is no size", optarg);
                else if (c == 'l')
                        o->label = optarg;
                else if (c == 'k')
                        o->keep_top = true;
                else if (c != 's')
                        return say_error("write: an option that is not known");
        return optind == argc ? 0 : say_error("write: takes no argument");
}

int mode_write(int argc, char *argv[]) {
        _cleanup_(stream_freep) Stream *s = NULL;
        _cleanup_free_ char *why = NULL;
        Order o = { .size = UINT64_C(1) << 30 };
        int r = read_order(argc, argv, &o);

        if (r != 0)
                return r;
        r = jail_enter(IMAGE_FD_IMAGE, o.size);
        if (r < 0)
                return say_error("cannot give up rights: %s", strerror(-r));
        r = stream_open(IMAGE_FD_STREAM, &s, &why);
        if (r < 0)
                return say_error("%s", why ?: strerror(-r));
        switch (stream_kind(s)) {
        case STREAM_TAR:
                return write_tree(s, &o);
        case STREAM_EXT:
        case STREAM_TABLE:
        case STREAM_OTHER:
        default:
                return say_error("is neither a tar archive nor the image of a file system");
        }
}
