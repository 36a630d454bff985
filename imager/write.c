/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write.c - umld-image write: makes an image from a stream.
 *
 * The stream is untrusted. It is decompressed, parsed and written by this process, which has no
 * access to anything but the image and its input. */

#include <getopt.h>

#include "api/image-protocol.h"
#include "basic/parse-util.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "imager/modes.h"
#include "imager/write.h"

static int read_options(int argc, char *argv[], Recipes *recipes, Order *o) {
        static const struct option options[] = {
                { "size", required_argument, NULL, 's' },
                { "label", required_argument, NULL, 'l' },
                { "keep-top", no_argument, NULL, 'k' },
                { "overlay", no_argument, NULL, 'o' },
                { "tag", required_argument, NULL, 't' },
                { "modules", required_argument, NULL, 'm' },
                { "recipes", no_argument, NULL, 'r' },
                { "recipe", required_argument, NULL, 'R' },
                { "given", required_argument, NULL, 'g' },
                {},
        };
        int c;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (c == 's' && parse_size(optarg, &o->size) < 0)
                        return say_error("--size=%s: invalid size; use for example 64M", optarg);
                else if (c == 'l')
                        o->label = optarg;
                else if (c == 'k')
                        o->keep_top = true;
                else if (c == 'o')
                        o->overlay = true;
                else if (c == 't')
                        o->tag = optarg;
                else if (c == 'm')
                        o->modules = optarg;
                else if (c == 'r' && recipes)
                        o->recipes = recipes;
                else if (c == 'R')
                        o->recipe = optarg;
                else if (c == 'g' && (!recipes || strv_push(&recipes->given, optarg) < 0))
                        return say_error("--given=%s: cannot be taken", optarg);
                else if (c != 's' && c != 'g')
                        return say_error("%s: unknown option", argv[0]);
        return optind == argc ? 0 : say_error("%s: takes no argument", argv[0]);
}

int order_begin(int argc, char *argv[], Recipes *recipes, Order *o) {
        int r = read_options(argc, argv, recipes, o);

        if (r == 0)
                r = jail_enter();
        return r == 0 ? read_recipes(o) : r;
}

int mode_write(int argc, char *argv[]) {
        _cleanup_(recipes_done) Recipes recipes = {};
        _cleanup_(stream_freep) Stream *s = NULL;
        _cleanup_free_ char *why = NULL;
        Order o = {};
        int r = order_begin(argc, argv, &recipes, &o);

        if (r != 0)
                return r;
        r = stream_open(IMAGE_FD_STREAM, &s, &why);
        if (r == -ENODATA)
                return say_error("is empty");
        if (r < 0)
                return say_error("cannot be read: %s", why ?: strerror(-r));
        switch (stream_kind(s)) {
        case STREAM_TAR:
                return write_tree(s, &o);
        case STREAM_EXT:
        case STREAM_FOREIGN:
        case STREAM_DISK:
                return write_copy(s, &o);
        case STREAM_QCOW:
                return say_error("is a qcow image; convert it with `qemu-img convert -O raw`");
        case STREAM_OTHER:
        default:
                return say_error("is neither a tar archive nor the image of a file system");
        }
}
