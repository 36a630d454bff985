/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write-tree.c - makes an image from an archive. */

#include <unistd.h>

#include "api/image-protocol.h"
#include "basic/string-util.h"
#include "image/archive.h"
#include "image/format.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "imager/write.h"

#define SIZE_DEFAULT (UINT64_C(1) << 30)

static int add_stream(ImageWriter *w, Stream *s, uint64_t *ret_entries) {
        _cleanup_free_ char *why = NULL;
        ArchiveIn in = {
                .entries_max = image_files_max(w) * 8,
                .bytes_max = image_size() * 8,
                .progress = say_progress,
        };
        int r = image_add_archive(w, s, &in, &why);

        if (r < 0)
                return fail_write(w, r, why);
        *ret_entries = in.entries;
        return 0;
}

static int add_fd(ImageWriter *w, int fd) {
        _cleanup_(stream_freep) Stream *s = NULL;
        _cleanup_free_ char *why = NULL;
        uint64_t entries;
        int r = stream_open(fd, &s, &why);

        if (r == -ENODATA)
                return 0;
        return r < 0 ? say_error("%s", why ?: strerror(-r)) : add_stream(w, s, &entries);
}

static int add_overlay(ImageWriter *w, const Order *o) {
        return o->overlay ? add_fd(w, IMAGE_FD_OVERLAY) : 0;
}

int add_modules(ImageWriter *w, const Order *o) {
        _cleanup_free_ char *index = strfmt("/lib/modules/%s/modules.dep", o->modules ?: ""),
                            *mark = strfmt("/lib/modules/%s/" IMAGE_MODULES_MARK, o->modules ?: "");

        if (!index || !mark)
                return say_error("out of memory");
        if (!o->modules)
                return 0;
        if (image_exists(w, index) && !image_exists(w, mark)) {
                say_note("the image has the modules of Linux %s already; they are kept",
                         o->modules);
                return 0;
        }
        return add_fd(w, IMAGE_FD_MODULES);
}

static int finish(ImageWriter *w) {
        uint64_t left = image_free_bytes(w);
        _cleanup_free_ char *why = NULL;
        int r = image_writer_finish(w, &why);

        if (r < 0)
                return say_error("%s%s", why ?: strerror(-r),
                                 why && startswith(why, IMAGE_FULL_TEXT) ? "; use a larger --size"
                                                                         : "");
        say_result("free", "%llu", (unsigned long long) left);
        return fsync(IMAGE_FD_IMAGE) < 0 ? say_error("cannot write the image: %m") : 0;
}

int write_end(ImageWriter *own, const Order *o) {
        _cleanup_(image_writer_freep) ImageWriter *w = own;
        int r = add_overlay(w, o);

        return r != 0 ? r : finish(TAKE_PTR(w));
}

int write_rest(ImageWriter *own, const Order *o, const char *recipe) {
        _cleanup_(image_writer_freep) ImageWriter *w = own;
        int r = apply_recipe(w, o, recipe);

        if (r == 0)
                r = add_modules(w, o);
        return r != 0 ? r : write_end(TAKE_PTR(w), o);
}

static int strip(ImageWriter *w, const Order *o) {
        int r = o->keep_top ? 0 : image_strip(w);

        if (r < 0)
                return say_error("%s", image_why(w));
        if (r > 0)
                say_note("the archive holds the tree in a single top directory, which becomes the "
                         "root directory");
        return 0;
}

int write_tree(Stream *s, const Order *o) {
        ImageFormat format = { .size = o->size ?: SIZE_DEFAULT, .label = o->label };
        _cleanup_(image_writer_freep) ImageWriter *w = NULL;
        _cleanup_free_ char *why = NULL;
        uint64_t entries = 0;
        int r;

        jail_limit_files(format.size);
        r = image_format(IMAGE_FD_IMAGE, &format, &why);
        if (r < 0)
                return say_error("cannot make the file system: %s", why ?: strerror(-r));
        r = image_writer_open(IMAGE_FD_IMAGE, true, &w, &why);
        if (r < 0)
                return say_error("%s", why ?: strerror(-r));
        r = add_stream(w, s, &entries);
        if (r == 0)
                r = strip(w, o);
        if (r != 0)
                return r;
        say_result("entries", "%llu", (unsigned long long) entries);
        return write_rest(TAKE_PTR(w), o, "auto");
}
