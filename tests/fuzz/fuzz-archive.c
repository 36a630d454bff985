/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-archive.c - any bytes as an archive of a layer, put into a small image: a reason, or an
 * image in which all can be read again. */

#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "image/archive.h"
#include "image/format.h"

enum {
        IMAGE_SIZE = 2 << 20,
};

/* The same empty file system for every run; making one takes longer than a run. */
static const char *empty_image(void) {
        static char *bytes;
        _cleanup_free_ char *why = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (bytes)
                return bytes;
        fd = memfd_create("empty", 0);
        assert(fd >= 0);
        assert(image_format(fd, &(ImageFormat){ .size = IMAGE_SIZE }, &why) >= 0);
        bytes = malloc(IMAGE_SIZE);
        assert(bytes && pread(fd, bytes, IMAGE_SIZE, 0) == IMAGE_SIZE);
        return bytes;
}

static int memory_file(const void *data, size_t size) {
        int fd = memfd_create("fuzz", MFD_CLOEXEC);

        assert(fd >= 0 && write_all(fd, data, size) >= 0 && lseek(fd, 0, SEEK_SET) == 0);
        return fd;
}

static void no_progress(uint64_t consumed, void *userdata) {
}

static int read_entry(const char *name, mode_t type, void *userdata) {
        _cleanup_free_ char *content = NULL;
        ImageStat st;

        assert(image_stat(userdata, name, &st) >= 0);
        if (S_ISREG(st.node.mode) && st.size < 4096)
                assert(image_read(userdata, name, 4096, &content) == (ssize_t) st.size);
        return 0;
}

static int add(ImageWriter *w, Stream *s) {
        _cleanup_free_ char *why = NULL;
        ArchiveIn in = {
                .layer = true, .entries_max = 1000, .bytes_max = 16 << 20, .progress = no_progress
        };
        int r;

        image_begin_layer(w);
        r = image_add_archive(w, s, &in, &why);
        assert(r >= 0 ? !why : why != NULL);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_close_ int image = memory_file(empty_image(), IMAGE_SIZE),
                            archive = memory_file(data, size);
        _cleanup_(image_writer_freep) ImageWriter *w = NULL;
        _cleanup_(stream_freep) Stream *s = NULL;
        _cleanup_free_ char *why = NULL;

        assert(image_writer_open(image, true, &w, &why) >= 0);
        if (stream_open(archive, &s, &why) < 0)
                return 0;
        (void) stream_kind(s);
        if (add(w, s) < 0 || image_strip(w) < 0 || image_writer_finish(TAKE_PTR(w), &why) < 0)
                return 0;
        assert(image_writer_open(image, false, &w, &why) >= 0);
        assert(image_list(w, "", read_entry, w) == 0);
        return 0;
}
