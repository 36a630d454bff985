/* SPDX-License-Identifier: GPL-2.0-or-later */
/* import.c - umld-image import: takes an export apart. Its files are written to what umlctl opens
 * for them, and the checksums at its end say whether they are whole. */

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/string-util.h"
#include "image/archive-why.h"
#include "imager/jail.h"
#include "imager/message.h"
#include "imager/modes.h"
#include "imager/region-sum.h"

enum {
        READ_SIZE = 256 * 1024,
        FILES_MAX = 32,
        NAME_MAX_SIZE = 40,
        SUMS_MAX = 16 * 1024,
        BLOCK = 4096,
        KEEP_FREE_MIB = 64, /* on the host's disk */
};

typedef struct File {
        char name[NAME_MAX_SIZE + 1], sum[SHA256_TEXT + 1];
        bool checked;
} File;

typedef struct Import {
        struct archive *a;
        File files[FILES_MAX];
        size_t n;
        bool complete; /* the list of checksums was there, and fits */
} Import;

static int fail_archive(const Import *x) {
        _cleanup_free_ char *text = archive_why(x->a);

        return say_error("the export is damaged: %s", text ?: "out of memory");
}

/* umlctl decides which of them it wants; here they only must not lead anywhere. */
static bool name_valid(const char *name) {
        size_t n = name ? strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") : 0;

        return n > 0 && n <= NAME_MAX_SIZE && name[n] == '\0' && name[0] != '.';
}

/* ---- content ---- */

static bool all_zero(const char *data, size_t size) {
        return data[0] == 0 && memcmp(data, data + 1, size - 1) == 0;
}

static int write_block(int fd, const char *data, size_t size, uint64_t offset) {
        while (size > 0) {
                ssize_t n = pwrite(fd, data, size, (off_t) offset);

                if (n < 0 && errno != EINTR)
                        return say_error("cannot write the files of the guest: %m");
                if (n > 0) {
                        data += n;
                        size -= (size_t) n;
                        offset += (uint64_t) n;
                }
        }
        return 0;
}

/* What short holes the export has as zeros become holes again. */
static int write_sparse(int fd, const char *data, size_t size, uint64_t offset) {
        int r = 0;

        while (r == 0 && size > 0) {
                size_t n = MIN(size, (size_t) (BLOCK - offset % BLOCK));

                if (n < BLOCK || !all_zero(data, n))
                        r = write_block(fd, data, n, offset);
                data += n;
                size -= n;
                offset += n;
        }
        return r;
}

static bool host_nearly_full(int fd) {
        struct statvfs st;

        return fstatvfs(fd, &st) >= 0 &&
               (uint64_t) st.f_bavail * st.f_frsize < (uint64_t) KEEP_FREE_MIB << 20;
}

static int copy_content(Import *x, int fd, uint64_t size, RegionSum *sum) {
        for (;;) {
                int64_t offset = 0;
                const void *data;
                size_t n = 0;
                int r = archive_read_data_block(x->a, &data, &n, &offset);

                if (r == ARCHIVE_EOF)
                        return 0;
                if (r < ARCHIVE_WARN)
                        return fail_archive(x);
                if (offset < 0 || (uint64_t) offset > size || n > size - (uint64_t) offset)
                        return say_error(
                                "the export is damaged: a file has content beyond its end");
                if (host_nearly_full(fd))
                        return say_error("the host's disk is nearly full");
                region_sum_add(sum, (uint64_t) offset, data, n);
                r = n > 0 ? write_sparse(fd, data, n, (uint64_t) offset) : 0;
                if (r != 0)
                        return r;
                say_progress((uint64_t) archive_filter_bytes(x->a, -1), NULL);
        }
}

static int take_file(Import *x, struct archive_entry *e, const char *name) {
        _cleanup_close_ int fd = -EBADF;
        int64_t size = archive_entry_size(e);
        File *f = &x->files[x->n];
        RegionSum sum;
        int r;

        if (size < 0 || !archive_entry_size_is_set(e))
                return say_error("the export is damaged: %s has no size", name);
        if (x->n == FILES_MAX)
                return say_error("the export has more than %d files", FILES_MAX);
        fd = ask_file(name);
        if (fd < 0)
                return say_error("the export has a file that is not known here, or twice: %s",
                                 name);
        region_sum_init(&sum);
        r = copy_content(x, fd, (uint64_t) size, &sum);
        if (r != 0)
                return r;
        if (ftruncate(fd, size) < 0 || fsync(fd) < 0)
                return say_error("cannot write the files of the guest: %m");
        strcpy(f->name, name);
        region_sum_text(&sum, (uint64_t) size, f->sum);
        x->n++;
        return 0;
}

/* ---- checksums ---- */

static int check_line(Import *x, const char *line) {
        char sum[SHA256_TEXT + 1] = "";
        const char *name = strlen(line) > SHA256_TEXT + 2 ? line + SHA256_TEXT + 2 : "";

        memcpy(sum, line, MIN(strlen(line), (size_t) SHA256_TEXT));
        for (size_t i = 0; i < x->n; i++)
                if (streq(x->files[i].name, name) && !x->files[i].checked) {
                        x->files[i].checked = true;
                        return streq(x->files[i].sum, sum)
                                       ? 0
                                       : say_error("the export is damaged: %s has another checksum",
                                                   name);
                }
        return say_error("the export is damaged: its list of checksums does not fit its files");
}

static int take_sums(Import *x) {
        _cleanup_free_ char *text = calloc(1, SUMS_MAX + 1);
        char *next = text;
        la_ssize_t n = text ? archive_read_data(x->a, text, SUMS_MAX) : -1;
        int r = 0;

        if (n < 0)
                return text ? fail_archive(x) : say_error("out of memory");
        while (r == 0 && next && *next)
                r = check_line(x, strsep(&next, "\n"));
        for (size_t i = 0; r == 0 && i < x->n; i++)
                if (!x->files[i].checked)
                        r = say_error("the export is damaged: %s has no checksum",
                                      x->files[i].name);
        x->complete = r == 0;
        return r;
}

/* ---- all of it ---- */

static int take_entry(Import *x, struct archive_entry *e) {
        const char *name = archive_entry_pathname(e);

        if (!name_valid(name) || archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e))
                return say_error("is not an export of a guest");
        if (x->n == 0 && !streq(name, EXPORT_HEAD))
                return say_error("is not an export of a guest");
        if (x->complete)
                return say_error("the export is damaged: there is something after its end");
        return streq(name, EXPORT_SUMS) ? take_sums(x) : take_file(x, e, name);
}

static int import(Import *x) {
        if (!x->a || archive_read_support_format_tar(x->a) < ARCHIVE_WARN ||
            archive_read_support_filter_zstd(x->a) < ARCHIVE_WARN)
                return say_error("out of memory");
        if (archive_read_open_fd(x->a, IMAGE_FD_STREAM, READ_SIZE) != ARCHIVE_OK)
                return say_error("is not an export of a guest");
        for (;;) {
                struct archive_entry *e;
                int r = archive_read_next_header(x->a, &e);

                if (r == ARCHIVE_EOF)
                        return x->complete ? 0
                                           : say_error("the export is damaged: its end is missing");
                if (r < ARCHIVE_WARN)
                        return x->n == 0 ? say_error("is not an export of a guest")
                                         : fail_archive(x);
                r = take_entry(x, e);
                if (r != 0)
                        return r;
        }
}

int mode_import(int argc, char *argv[]) {
        Import x = { .a = archive_read_new() };
        int r = jail_enter();

        if (r != 0)
                return r;
        r = argc == 1 ? import(&x) : EXIT_USAGE;
        archive_read_free(x.a);
        return r;
}
