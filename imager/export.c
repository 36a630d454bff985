/* SPDX-License-Identifier: GPL-2.0-or-later */
/* export.c - umld-image export: the files of a guest as one stream, an archive in pax format
 * compressed by zstd, with a list of checksums at its end. */

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "image/archive-why.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "imager/modes.h"
#include "imager/region-sum.h"

enum {
        CHUNK = 256 * 1024,
        GAP_MIN = 64 * 1024, /* shorter holes are kept as zeros */
};

typedef struct Export {
        struct archive *a;
        FILE *list; /* of the checksums */
        char *buf;
        uint64_t done;
} Export;

static int fail_archive(const Export *x) {
        _cleanup_free_ char *text = archive_why(x->a);

        return say_error("cannot write the export: %s", text ?: "out of memory");
}

/* ---- where the data of a file is ---- */

typedef struct Regions {
        struct {
                uint64_t begin, end;
        } * v;
        size_t n;
} Regions;

static void regions_done(Regions *r) {
        free(r->v);
}

static int add_region(Regions *r, uint64_t begin, uint64_t end) {
        void *v;

        if (r->n > 0 && begin - r->v[r->n - 1].end < GAP_MIN) {
                r->v[r->n - 1].end = end;
                return 0;
        }
        v = realloc(r->v, (r->n + 1) * sizeof(*r->v));
        if (!v)
                return -ENOMEM;
        r->v = v;
        r->v[r->n].begin = begin;
        r->v[r->n++].end = end;
        return 0;
}

/* The beginning always counts as data: an archive has no file that is one hole. */
static int find_regions(int fd, uint64_t size, Regions *ret) {
        uint64_t at = MIN(size, (uint64_t) 4096);
        int r = size > 0 ? add_region(ret, 0, at) : 0;

        while (r >= 0 && at < size) {
                off_t begin = lseek(fd, (off_t) at, SEEK_DATA), end;

                if (begin < 0 && errno == ENXIO)
                        return 0;
                if (begin < 0) /* the file system does not say */
                        return add_region(ret, at, size);
                end = lseek(fd, begin, SEEK_HOLE);
                if (end < 0)
                        return -errno;
                at = MIN((uint64_t) end, size);
                if ((uint64_t) begin < at)
                        r = add_region(ret, (uint64_t) begin, at);
        }
        return r;
}

/* ---- one file ---- */

static struct archive_entry *new_entry(const char *name, uint64_t size, const Regions *r) {
        struct archive_entry *e = archive_entry_new();

        if (!e)
                return NULL;
        archive_entry_set_pathname(e, name);
        archive_entry_set_mode(e, S_IFREG | 0600);
        archive_entry_set_mtime(e, time(NULL), 0);
        archive_entry_set_size(e, (int64_t) size);
        if (r->n > 1 || (r->n == 1 && r->v[0].end < size))
                for (size_t i = 0; i < r->n; i++)
                        archive_entry_sparse_add_entry(e, (int64_t) r->v[i].begin,
                                                       (int64_t) (r->v[i].end - r->v[i].begin));
        return e;
}

static int put_data(Export *x, const void *data, size_t size) {
        return archive_write_data(x->a, data, size) == (la_ssize_t) size ? 0 : fail_archive(x);
}

/* The library takes the zeros of a hole, and drops them. */
static int put_hole(Export *x, uint64_t size) {
        static const char zeros[CHUNK];
        int r = 0;

        while (r == 0 && size > 0) {
                size_t n = (size_t) MIN(size, (uint64_t) sizeof(zeros));

                r = put_data(x, zeros, n);
                size -= n;
        }
        return r;
}

static int put_region(Export *x, int fd, uint64_t begin, uint64_t end, RegionSum *sum) {
        int r = 0;

        while (r == 0 && begin < end) {
                ssize_t n = pread(fd, x->buf, (size_t) MIN((uint64_t) CHUNK, end - begin),
                                  (off_t) begin);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return say_error("cannot read a file of the guest: %s",
                                         n < 0 ? strerror(errno) : "it was truncated meanwhile");
                region_sum_add(sum, begin, x->buf, (size_t) n);
                r = put_data(x, x->buf, (size_t) n);
                begin += (uint64_t) n;
                x->done += (uint64_t) n;
                say_progress(x->done, NULL);
        }
        return r;
}

static int put_content(Export *x, int fd, uint64_t size, const Regions *regions, RegionSum *sum) {
        uint64_t at = 0;
        int r = 0;

        for (size_t i = 0; r == 0 && i < regions->n; i++) {
                r = put_hole(x, regions->v[i].begin - at);
                if (r == 0)
                        r = put_region(x, fd, regions->v[i].begin, regions->v[i].end, sum);
                at = regions->v[i].end;
        }
        return r == 0 ? put_hole(x, size - at) : r;
}

static int put_file(Export *x, const char *name, int fd) {
        _cleanup_(regions_done) Regions regions = {};
        char text[SHA256_TEXT + 1];
        struct archive_entry *e;
        RegionSum sum;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0 || find_regions(fd, (uint64_t) st.st_size, &regions) < 0)
                return say_error("cannot read %s: %m", name);
        e = new_entry(name, (uint64_t) st.st_size, &regions);
        if (!e)
                return say_error("out of memory");
        r = archive_write_header(x->a, e) == ARCHIVE_OK ? 0 : fail_archive(x);
        archive_entry_free(e);
        region_sum_init(&sum);
        if (r == 0)
                r = put_content(x, fd, (uint64_t) st.st_size, &regions, &sum);
        if (r != 0)
                return r;
        region_sum_text(&sum, (uint64_t) st.st_size, text);
        fprintf(x->list, "%s  %s\n", text, name);
        return 0;
}

static int put_list(Export *x, const char *text, size_t size) {
        struct archive_entry *e = new_entry(EXPORT_SUMS, size, &(Regions){});
        int r;

        if (!e)
                return say_error("out of memory");
        r = archive_write_header(x->a, e) == ARCHIVE_OK ? put_data(x, text, size) : fail_archive(x);
        archive_entry_free(e);
        return r;
}

/* ---- all of them ---- */

static int put_all(Export *x, char *const *names) {
        int r = 0;

        for (; r == 0 && *names; names++) {
                _cleanup_close_ int fd = ask_file(*names);

                r = fd < 0 ? say_error("cannot read %s", *names) : put_file(x, *names, fd);
        }
        return r;
}

static int begin(Export *x) {
        if (!x->a || !x->buf)
                return say_error("out of memory");
        if (archive_write_set_format_pax(x->a) != ARCHIVE_OK ||
            archive_write_add_filter_zstd(x->a) != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(x->a, 1) != ARCHIVE_OK ||
            archive_write_open_fd(x->a, IMAGE_FD_IMAGE) != ARCHIVE_OK)
                return fail_archive(x);
        return 0;
}

static int export(Export *x, char *const *names) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = begin(x);

        x->list = open_memstream(&text, &size);
        if (!x->list)
                return say_error("out of memory");
        if (r == 0)
                r = put_all(x, names);
        if (memstream_close(x->list, &text) < 0 && r == 0)
                r = say_error("out of memory");
        if (r == 0)
                r = put_list(x, text, size);
        if (r == 0 && archive_write_close(x->a) != ARCHIVE_OK)
                r = fail_archive(x);
        return r;
}

int mode_export(int argc, char *argv[]) {
        Export x = { .a = archive_write_new(), .buf = malloc(CHUNK) };
        int r = jail_enter();

        if (r != 0)
                return r;
        r = argc > 1 ? export(&x, argv + 1) : EXIT_USAGE;
        archive_write_free(x.a);
        free(x.buf);
        return r;
}
