/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strip.c - handles archives that hold the tree in a single top directory. */

#include "image/parts.h"

static bool looks_like_root(const ImageWriter *w, const Dir *d) {
        static const char *const names[] = { "bin", "etc", "sbin", "usr", "lib", "init" };

        FOREACH_ELEMENT (name, names)
                if (dir_find(w, d, *name, strlen(*name)))
                        return true;
        return false;
}

/* The only directory at the top that looks like a root file system; files beside it are ignored. */
static int find_nested(ImageWriter *w, Entry **ret) {
        Entry *only = NULL;
        Dir *inner;
        int r;

        for (size_t i = 0; i < w->root->n; i++) {
                Entry *e = w->root->entries[i];

                if (!e || e->type != EXT2_FT_DIR || streq(e->name, "lost+found"))
                        continue;
                if (only)
                        return 0;
                only = e;
        }
        if (!only)
                return 0;
        r = dir_of(w, w->root, only, &inner);
        if (r >= 0 && looks_like_root(w, inner))
                *ret = only;
        return r;
}

/* Removes everything but the entry keep. */
static int remove_beside(ImageWriter *w, const Entry *keep) {
        for (size_t i = 0; i < w->root->n; i++) {
                Entry *e = w->root->entries[i];
                int r = e && e != keep && !streq(e->name, "lost+found") ? dir_remove(w, w->root, e)
                                                                        : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* A file of the tree may have the same name as the top directory, which is therefore first renamed
 * to a name that no entry can have. */
static int move_up(ImageWriter *w, Entry *nested) {
        static const char aside[] = "/";
        struct ext2_inode_large inode;
        ImageNode node;
        Dir *inner;
        int r;

        r = inode_read(w, nested->ino, &inode);
        if (r < 0)
                return r;
        inode_get_node(w, &inode, &node);
        r = dir_move(w, w->root, nested, w->root, aside);
        if (r < 0)
                return r;
        nested = dir_find(w, w->root, aside, strlen(aside));
        r = dir_of(w, w->root, nested, &inner);
        for (size_t i = 0; r >= 0 && i < inner->n; i++) {
                Entry *e = inner->entries[i], *old;

                if (!e)
                        continue;
                old = dir_find(w, w->root, e->name, e->size); /* at most lost+found */
                if (old)
                        r = dir_remove(w, w->root, old);
                if (r >= 0)
                        r = dir_move(w, inner, e, w->root, e->name);
        }
        if (r >= 0)
                r = dir_remove(w, w->root, nested);
        return r < 0 ? r : inode_change_node(w, EXT2_ROOT_INO, &node);
}

int image_strip(ImageWriter *w) {
        Entry *nested = NULL;
        int r = 0;

        if (looks_like_root(w, w->root))
                return 0;
        r = find_nested(w, &nested);
        if (r < 0 || !nested)
                return r;
        r = remove_beside(w, nested);
        if (r >= 0)
                r = move_up(w, nested);
        return r < 0 ? r : 1;
}
