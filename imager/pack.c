/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pack.c - umld-image pack: directories and files of the host as an archive on standard output.
 *
 * It runs with the user's privileges, because it reads the user's files; the process that reads the
 * archive has no privileges. */

#include <archive.h>
#include <archive_entry.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "image/archive-why.h"
#include "imager/busybox.h"
#include "imager/modes.h"

typedef struct Packing {
        struct archive *in, *out;
        struct archive_entry_linkresolver *links;
        int device;            /* where it began */
        bool root_owns;        /* keep the owners of the files on the host */
        const char *from, *to; /* FROM/x on the host is TO/x in the archive */
        char *why;
} Packing;

static int fail(Packing *p, struct archive *a, const char *path) {
        _cleanup_free_ char *text = archive_why(a);

        free(p->why);
        p->why = text && path ? strfmt("%s: %s", path, text) : TAKE_PTR(text);
        return -EIO;
}

/* "etc/x" for "/srv/tree/etc/x"; the directory itself is ".". */
static char *name_inside(const Packing *p, const char *path) {
        const char *rest = startswith(path, p->from) ?: path;

        rest += strspn(rest, "/");
        if (*rest && *p->to)
                return strfmt("%s/%s", p->to, rest);
        return strdup(*rest ? rest : *p->to ? p->to : ".");
}

/* Holes are recorded in the entry's header, not in its data. */
static int write_zeros(Packing *p, int64_t n, const char *path) {
        static const char zeros[64 * 1024];

        while (n > 0) {
                la_ssize_t written =
                        archive_write_data(p->out, zeros, (size_t) MIN(n, (int64_t) sizeof(zeros)));

                if (written <= 0)
                        return fail(p, p->out, path);
                n -= written;
        }
        return 0;
}

static int copy_content(Packing *p, const char *path) {
        int64_t offset, at = 0;
        const void *data;
        size_t size;
        int r;

        while ((r = archive_read_data_block(p->in, &data, &size, &offset)) != ARCHIVE_EOF) {
                if (r < ARCHIVE_WARN)
                        return fail(p, p->in, path);
                r = write_zeros(p, offset - at, path);
                if (r < 0)
                        return r;
                if (size > 0 && archive_write_data(p->out, data, size) < 0)
                        return fail(p, p->out, path);
                at = offset + (int64_t) size;
        }
        return 0;
}

static int write_entry(Packing *p, struct archive_entry *e, const char *path) {
        int r = archive_write_header(p->out, e);

        if (r == ARCHIVE_FAILED || r == ARCHIVE_FATAL)
                return fail(p, p->out, path);
        return archive_entry_size(e) > 0 ? copy_content(p, path) : 0;
}

static int add_entry(Packing *p, struct archive_entry *e) {
        _cleanup_free_ char *path = strdup(archive_entry_pathname(e) ?: ""), *name = NULL;
        struct archive_entry *later = NULL;

        if (archive_entry_filetype(e) == AE_IFSOCK) /* sockets are useless without their process */
                return 0;
        name = path ? name_inside(p, path) : NULL;
        if (!name)
                return -ENOMEM;
        archive_entry_set_pathname(e, name);
        if (p->root_owns) {
                archive_entry_set_uid(e, 0);
                archive_entry_set_gid(e, 0);
        }
        archive_entry_linkify(p->links, &e, &later);
        return e ? write_entry(p, e, path) : 0;
}

/* One path with everything below it. */
static int walk(Packing *p) {
        for (;;) {
                struct archive_entry *e = archive_entry_new2(p->in);
                int r = e ? archive_read_next_header2(p->in, e) : ARCHIVE_FATAL;

                if (r == ARCHIVE_EOF || r == ARCHIVE_FATAL || r == ARCHIVE_FAILED) {
                        archive_entry_free(e);
                        return r == ARCHIVE_EOF ? 0 : fail(p, p->in, NULL);
                }
                (void) archive_read_disk_descend(p->in);
                r = add_entry(p, e);
                archive_entry_free(e);
                if (r < 0)
                        return r;
        }
}

static int pack_one(Packing *p) {
        int r;

        p->in = archive_read_disk_new();
        if (!p->in)
                return -ENOMEM;
        (void) archive_read_disk_set_symlink_physical(p->in);
        (void) archive_read_disk_set_behavior(p->in, ARCHIVE_READDISK_NO_TRAVERSE_MOUNTS);
        r = archive_read_disk_open(p->in, p->from) == ARCHIVE_OK ? walk(p) : fail(p, p->in, NULL);
        archive_read_free(p->in);
        p->in = NULL;
        return r;
}

static int begin(Packing *p) {
        p->out = archive_write_new();
        p->links = archive_entry_linkresolver_new();
        if (!p->out || !p->links)
                return -ENOMEM;
        archive_entry_linkresolver_set_strategy(p->links, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
        if (archive_write_set_format_pax(p->out) != ARCHIVE_OK ||
            archive_write_set_bytes_in_last_block(p->out, 1) != ARCHIVE_OK ||
            archive_write_open_fd(p->out, STDOUT_FILENO) != ARCHIVE_OK)
                return fail(p, p->out, NULL);
        return 0;
}

/* An argument: FROM or, with as_files, FROM:TO; the last colon separates them. */
static int pack_argument(Packing *p, char *argument, bool as_files) {
        char *colon = as_files ? strrchr(argument, ':') : NULL;

        if (as_files && !colon)
                return -EINVAL;
        if (colon)
                *colon = '\0';
        p->from = argument;
        p->to = colon ? colon + 1 + strspn(colon + 1, "/") : "";
        return pack_one(p);
}

int mode_pack(int argc, char *argv[]) {
        static const struct option options[] = {
                { "files", no_argument, NULL, 'f' },
                { "root-owns", no_argument, NULL, 'r' },
                { "busybox", no_argument, NULL, 'b' },
                {},
        };
        Packing p = {};
        const char *busybox = NULL;
        bool files = false;
        int c, r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (c == 'f')
                        files = true;
                else if (c == 'r')
                        p.root_owns = true;
                else if (c == 'b')
                        busybox = busybox_path();
                else
                        return EXIT_USAGE;
        (void) signal(SIGPIPE, SIG_IGN);
        r = begin(&p);
        for (int i = optind; r >= 0 && i < argc; i++)
                r = pack_argument(&p, argv[i], files);
        if (r >= 0 && busybox) {
                p.from = busybox;
                p.to = "given/busybox";
                r = pack_one(&p);
        }
        if (r >= 0 && archive_write_close(p.out) != ARCHIVE_OK)
                r = fail(&p, p.out, NULL);
        archive_write_free(p.out);
        archive_entry_linkresolver_free(p.links);
        if (r < 0)
                dprintf(STDERR_FILENO, "%s\n", p.why ?: strerror(-r));
        free(p.why);
        return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
