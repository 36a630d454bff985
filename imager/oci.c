/* SPDX-License-Identifier: GPL-2.0-or-later */
/* oci.c - umld-image oci: makes an image of a container image, layer by layer.
 *
 * Its index comes as the stream, and all that is named from there is asked for by its digest: this
 * process sees files that umlctl has opened, and nothing else. */

#include "imager/oci.h"
#include "api/image-protocol.h"
#include "basic/string-util.h"
#include "image/archive.h"
#include "image/format.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "imager/modes.h"

enum {
        SIZE_MIN_MIB = 1024, /* of the guest's image, if none is given */
        EXPANSION = 4,       /* how much larger files are than their layers; a guess */
};

typedef struct Layers {
        json_t *list;
        uint64_t size, done; /* bytes of their files */
        uint64_t entries;
} Layers;

static int measure(Layers *l) {
        json_t *each;
        size_t i;

        if (json_array_size(l->list) > OCI_LAYERS_MAX)
                return say_error("the container image has more than %d layers", OCI_LAYERS_MAX);
        json_array_foreach(l->list, i, each) {
                json_int_t size = json_integer_value(json_object_get(each, "size"));

                if (size < 0 || size > INT64_MAX / OCI_LAYERS_MAX / EXPANSION)
                        return say_error("layer %zu of the container image has no valid size",
                                         i + 1);
                l->size += (uint64_t) size;
        }
        return 0;
}

static void on_progress(uint64_t consumed, void *userdata) {
        const Layers *l = userdata;

        say_progress(l->done + consumed, NULL);
}

static int add_layer(ImageWriter *w, Layers *l, const json_t *descriptor, uint64_t image_size) {
        ArchiveIn in = { .layer = true,
                         .entries_max = image_files_max(w) * 8,
                         .bytes_max = image_size * 8,
                         .progress = on_progress,
                         .userdata = l };
        _cleanup_(stream_freep) Stream *s = NULL;
        _cleanup_free_ char *why = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = oci_open(descriptor, &fd);

        if (r != 0)
                return r;
        image_begin_layer(w);
        r = stream_open(fd, &s, &why);
        if (r == -ENODATA)
                return 0;
        if (r >= 0 && stream_kind(s) != STREAM_TAR)
                return say_error("a layer of the container image is not a tar archive");
        if (r >= 0)
                r = image_add_archive(w, s, &in, &why);
        if (r < 0)
                return fail_write(w, r, why);
        l->entries += in.entries;
        return 0;
}

static int add_layers(ImageWriter *w, Layers *l, uint64_t image_size) {
        json_t *each;
        size_t i;
        int r = 0;

        json_array_foreach(l->list, i, each) {
                r = add_layer(w, l, each, image_size);
                if (r != 0)
                        return r;
                l->done += (uint64_t) json_integer_value(json_object_get(each, "size"));
        }
        return 0;
}

static int check_machine(const json_t *config) {
        const char *machine = json_string_value(json_object_get(config, "architecture"));
        _cleanup_free_ char *safe = escape_text(machine ?: "", strlen(machine ?: ""), 40);

        return machine && streq(machine, "amd64")
                       ? 0
                       : say_error("the container image is for %s, not for amd64", safe ?: "");
}

static uint64_t choose_size(const Order *o, const Layers *l) {
        uint64_t least = (uint64_t) SIZE_MIN_MIB << 20, mib = 1 << 20,
                 wanted = (l->size * EXPANSION + mib - 1) / mib * mib;

        return o->size > 0 ? o->size : MAX(least, wanted);
}

static int open_image(const ImageFormat *format, ImageWriter **ret) {
        _cleanup_free_ char *why = NULL;
        int r;

        jail_limit_files(format->size);
        r = image_format(IMAGE_FD_IMAGE, format, &why);
        if (r < 0)
                return say_error("cannot make the file system: %s", why ?: strerror(-r));
        r = image_writer_open(IMAGE_FD_IMAGE, true, ret, &why);
        return r < 0 ? say_error("%s", why ?: strerror(-r)) : 0;
}

static int write_image(const Order *o, const json_t *config, Layers *l) {
        ImageFormat format = { .size = choose_size(o, l), .label = o->label };
        _cleanup_(image_writer_freep) ImageWriter *w = NULL;
        bool has_own;
        int r = open_image(&format, &w);

        if (r == 0)
                r = add_layers(w, l, format.size);
        if (r != 0)
                return r;
        say_result("entries", "%llu", (unsigned long long) l->entries);
        r = oci_add_service(w, config);
        if (r != 0)
                return r;
        /* umld-guest-init needs no recipe. */
        has_own = !image_exists(w, "/etc/umld/service");
        return write_rest(TAKE_PTR(w), o, has_own ? "auto" : "none");
}

static int write_manifest(const Order *o, const json_t *manifest) {
        Layers l = { .list = json_object_get(manifest, "layers") };
        json_t *config = NULL;
        int r = oci_json(json_object_get(manifest, "config"), &config);

        if (r == 0)
                r = check_machine(config);
        if (r == 0)
                r = measure(&l);
        if (r == 0)
                r = write_image(o, config, &l);
        json_decref(config);
        return r;
}

int mode_oci(int argc, char *argv[]) {
        _cleanup_(recipes_done) Recipes recipes = {};
        json_t *manifest = NULL;
        Order o = {};
        int r = order_begin(argc, argv, &recipes, &o);

        if (r == 0)
                r = oci_manifest(IMAGE_FD_STREAM, o.tag, &manifest);
        if (r == 0)
                r = write_manifest(&o, manifest);
        json_decref(manifest);
        return r;
}
