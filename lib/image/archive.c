/* SPDX-License-Identifier: GPL-2.0-or-later */
/* archive.c - writes the entries of an untrusted archive into an image. */

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "basic/string-util.h"
#include "image/acl.h"
#include "image/archive-why.h"
#include "image/archive.h"
#include "image/entry-path.h"

enum {
        NAME_SHOWN_MAX = 150,
};

typedef struct Extraction {
        ImageWriter *w;
        Stream *s;
        ArchiveIn *in;
        struct archive *a;
        struct archive_entry *e;
        char path[ENTRY_PATH_MAX + 1];
        char *why;
        bool broken; /* reading failed; the library reports that in its own words */
} Extraction;

static int _printf_(3, 4) fail(Extraction *x, int error, const char *format, ...) {
        va_list ap;

        free(x->why);
        va_start(ap, format);
        x->why = strfmtv(format, ap);
        va_end(ap);
        return error;
}

/* The message is about the current entry: "'usr/bin/x' has …". */
static int fail_entry(Extraction *x, int error, const char *what) {
        const char *name = archive_entry_pathname(x->e) ?: "?";
        _cleanup_free_ char *shown = escape_text(name, strlen(name), NAME_SHOWN_MAX),
                            *safe = escape_text(what, strlen(what), 2 * NAME_SHOWN_MAX);

        return fail(x, error, "'%s' %s", shown ?: "", safe ?: "");
}

static int fail_image(Extraction *x, int r) {
        return r == -ENOSPC || r == -ENOMEM || r == -EIO ? fail(x, r, "%s", image_why(x->w))
                                                         : fail_entry(x, r, image_why(x->w));
}

static int fail_archive(Extraction *x) {
        _cleanup_free_ char *text = archive_why(x->a);

        if (x->broken)
                return fail(x, -EBADMSG, "the archive is damaged: %s", stream_why(x->s));
        return fail(x, -EBADMSG, "the archive is damaged: %s", text ?: "");
}

/* ---- one entry ---- */

static int check_id(Extraction *x, int64_t id, uint32_t *ret) {
        if (id < 0 || id >= UINT32_MAX)
                return fail_entry(x, -EINVAL, "has an owner whose number is out of range");
        *ret = (uint32_t) id;
        return 0;
}

static int entry_node(Extraction *x, ImageNode *ret) {
        struct archive_entry *e = x->e;
        int r;

        image_node_init(ret, (mode_t) archive_entry_mode(e));
        ret->mtime = (struct timespec){ archive_entry_mtime(e), archive_entry_mtime_nsec(e) };
        ret->atime = ret->ctime = ret->mtime;
        if (archive_entry_atime_is_set(e))
                ret->atime =
                        (struct timespec){ archive_entry_atime(e), archive_entry_atime_nsec(e) };
        if (archive_entry_ctime_is_set(e))
                ret->ctime =
                        (struct timespec){ archive_entry_ctime(e), archive_entry_ctime_nsec(e) };
        ret->major = (uint32_t) archive_entry_rdevmajor(e);
        ret->minor = (uint32_t) archive_entry_rdevminor(e);
        ret->uid = x->in->uid;
        ret->gid = x->in->gid;
        if (x->in->other_owner)
                return 0;
        r = check_id(x, archive_entry_uid(e), &ret->uid);
        return r < 0 ? r : check_id(x, archive_entry_gid(e), &ret->gid);
}

static int add_content(Extraction *x, ImageFile *f) {
        for (;;) {
                const void *data;
                int64_t offset;
                size_t size;
                int r = archive_read_data_block(x->a, &data, &size, &offset);

                if (r == ARCHIVE_EOF)
                        return 0;
                if (r < ARCHIVE_WARN)
                        return fail_archive(x);
                x->in->bytes += size;
                if (x->in->bytes > x->in->bytes_max)
                        return fail(x, -EFBIG,
                                    "the archive is much larger than the image: more than "
                                    "%llu MiB",
                                    (unsigned long long) (x->in->bytes_max >> 20));
                if (offset < 0)
                        return fail_entry(x, -EBADMSG, "has data at a negative offset");
                r = image_file_write(f, (uint64_t) offset, data, size);
                if (r < 0)
                        return fail_image(x, r);
                x->in->progress(stream_consumed(x->s), x->in->userdata);
        }
}

static int add_file(Extraction *x, const ImageNode *node) {
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        int64_t size = archive_entry_size(x->e);
        int r;

        if (size < 0)
                return fail_entry(x, -EBADMSG, "has no size");
        r = image_file_begin(x->w, x->path, node, &f);
        if (r < 0)
                return fail_image(x, r);
        r = add_content(x, f);
        if (r < 0)
                return r;
        r = image_file_end(TAKE_PTR(f), (uint64_t) size);
        return r < 0 ? fail_image(x, r) : 0;
}

static int add_link(Extraction *x) {
        char target[ENTRY_PATH_MAX + 1];
        const char *why;
        int r = entry_path_parse(archive_entry_hardlink(x->e), target, &why);

        if (r < 0) {
                _cleanup_free_ char *text = strfmt("is a hard link to a file that %s", why);

                return fail_entry(x, r, text ?: why);
        }
        r = image_link(x->w, x->path, target);
        return r < 0 ? fail_image(x, r) : 0;
}

static int add_xattrs(Extraction *x) {
        int left = archive_entry_xattr_reset(x->e);

        while (left-- > 0) {
                const char *name = NULL;
                const void *value = NULL;
                size_t size = 0;
                int r;

                if (archive_entry_xattr_next(x->e, &name, &value, &size) != ARCHIVE_OK || !name)
                        return fail_entry(x, -EBADMSG,
                                          "has extended attributes that cannot be read");
                r = image_set_xattr(x->w, x->path, name, value, size);
                if (r < 0)
                        return fail_image(x, r);
        }
        return 0;
}

static int add_acl(Extraction *x, bool def) {
        unsigned char value[ACL_SIZE_MAX];
        int size = acl_to_xattr(x->e, def, value), r;

        if (size <= 0)
                return size < 0 ? fail_entry(x, size, "has an access control list that is too long")
                                : 0;
        r = image_set_xattr(x->w, x->path,
                            def ? "system.posix_acl_default" : "system.posix_acl_access", value,
                            (size_t) size);
        return r < 0 ? fail_image(x, r) : 0;
}

/* Everything of an entry but its content. */
static int add_attributes(Extraction *x) {
        int r = add_xattrs(x);

        if (r >= 0)
                r = add_acl(x, false);
        if (r >= 0 && archive_entry_filetype(x->e) == AE_IFDIR)
                r = add_acl(x, true);
        return r;
}

static int add_node(Extraction *x) {
        ImageNode node;
        int r = entry_node(x, &node);

        if (r < 0)
                return r;
        switch (archive_entry_filetype(x->e)) {
        case AE_IFREG:
                return add_file(x, &node);
        case AE_IFDIR:
                r = image_directory(x->w, x->path, &node);
                break;
        case AE_IFLNK:
                r = image_symlink(x->w, x->path, &node, archive_entry_symlink(x->e) ?: "");
                break;
        case AE_IFCHR:
        case AE_IFBLK:
        case AE_IFIFO:
        case AE_IFSOCK:
                r = image_special(x->w, x->path, &node);
                break;
        default:
                return fail_entry(x, -EBADMSG, "has an unknown file type");
        }
        return r < 0 ? fail_image(x, r) : 0;
}

/* 1 = it was a whiteout: an instruction about the layers below, not a file. */
static int add_whiteout(Extraction *x) {
        char *slash = strrchr(x->path, '/'), *name = slash ? slash + 1 : x->path;
        const char *removed = startswith(name, ".wh.");
        int r;

        if (!removed)
                return 0;
        if (streq(removed, ".wh..opq")) {
                *(slash ?: x->path) = '\0';
                r = image_opaque(x->w, x->path);
        } else if (startswith(removed, ".wh.")) {
                return 1; /* of the storage driver that the layer came from */
        } else if (streq(removed, "") || streq(removed, ".") || streq(removed, "..")) {
                return fail_entry(x, -EINVAL, "is a whiteout without the name of a file");
        } else {
                memmove(name, removed, strlen(removed) + 1);
                r = image_whiteout(x->w, x->path);
        }
        return r < 0 ? fail_image(x, r) : 1;
}

static int add_entry(Extraction *x) {
        const char *name = archive_entry_pathname(x->e), *why;
        int r;

        if (!name)
                return fail(x, -EILSEQ,
                            "entry %llu of the archive: its name has an unknown encoding",
                            (unsigned long long) x->in->entries);
        r = entry_path_parse(name, x->path, &why);
        if (r < 0)
                return fail_entry(x, r, why);
        if (x->in->layer && (r = add_whiteout(x)) != 0)
                return MIN(r, 0);
        if (archive_entry_hardlink(x->e))
                return add_link(x);
        r = add_node(x);
        return r < 0 ? r : add_attributes(x);
}

/* ---- all entries ---- */

static la_ssize_t feed(struct archive *a, void *userdata, const void **ret) {
        Extraction *x = userdata;
        ssize_t n = stream_read(x->s, ret);

        if (n < 0) {
                x->broken = true;
                archive_set_error(a, EIO, "broken");
        }
        return n < 0 ? -1 : n;
}

static int add_all(Extraction *x) {
        int r;

        if (archive_read_open(x->a, x, NULL, feed, NULL) != ARCHIVE_OK)
                return fail_archive(x);
        for (;;) {
                r = archive_read_next_header(x->a, &x->e);
                if (r == ARCHIVE_EOF)
                        return 0;
                if (r < ARCHIVE_WARN)
                        return fail_archive(x);
                if (++x->in->entries > x->in->entries_max)
                        return fail(x, -EFBIG,
                                    "the archive has many more entries than the image has inodes: "
                                    "more than %llu",
                                    (unsigned long long) x->in->entries_max);
                r = add_entry(x);
                if (r < 0)
                        return r;
                x->in->progress(stream_consumed(x->s), x->in->userdata);
        }
}

int image_add_archive(ImageWriter *w, Stream *s, ArchiveIn *in, char **ret_why) {
        _cleanup_free_ Extraction *x = calloc(1, sizeof(*x));
        int r;

        *ret_why = NULL;
        if (!x)
                return -ENOMEM;
        *x = (Extraction){ .w = w, .s = s, .in = in, .a = archive_read_new() };
        in->entries = in->bytes = 0;
        if (!x->a || archive_read_support_format_tar(x->a) < ARCHIVE_WARN)
                r = -ENOMEM;
        else
                r = add_all(x);
        archive_read_free(x->a);
        *ret_why = x->why;
        return r;
}
