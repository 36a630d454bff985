/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xattr.c - extended attributes. */

#include "image/parts.h"

static int set_one(ImageWriter *w, ext2_ino_t ino, const char *name, const void *value,
                   size_t size) {
        struct ext2_xattr_handle *h;
        errcode_t e;

        e = ext2fs_xattrs_open(w->fs, ino, &h);
        if (e != 0)
                return image_check(w, e, "cannot read extended attributes");
        e = ext2fs_xattrs_read(h);
        if (e == 0)
                e = ext2fs_xattr_set(h, name, value, size);
        if (e == 0)
                e = ext2fs_xattrs_write(h);
        (void) ext2fs_xattrs_close(&h);
        if (e == EXT2_ET_EA_NO_SPACE || e == EXT2_ET_EA_BAD_VALUE_SIZE)
                return image_fail(w, -E2BIG,
                                  "has an extended attribute %s that is too large (%zu bytes)",
                                  name, size);
        if (e != 0 && e != EXT2_ET_BLOCK_ALLOC_FAIL)
                return image_fail(w, -EINVAL,
                                  "has an extended attribute %s that ext4 cannot store: %s", name,
                                  error_message(e));
        return image_check(w, e, "cannot write extended attributes");
}

/* Names that the kernel itself would accept. */
static bool name_valid(const char *name) {
        static const char *const prefixes[] = { "user.", "trusted.", "security.",
                                                "system.posix_acl_" };

        if (strlen(name) > 255)
                return false;
        FOREACH_ELEMENT (prefix, prefixes) {
                const char *rest = startswith(name, *prefix);

                if (rest && *rest)
                        return true;
        }
        return false;
}

int image_set_xattr(ImageWriter *w, const char *path, const char *name, const void *value,
                    size_t size) {
        Entry *e;
        Dir *d;
        int r;

        if (!name_valid(name))
                return image_fail(w, -EINVAL,
                                  "has an extended attribute with an invalid name, '%.64s'", name);
        r = path_entry(w, path, 0, &d, &e);
        return r < 0 ? r : set_one(w, e ? e->ino : EXT2_ROOT_INO, name, value, size);
}
