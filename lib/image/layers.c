/* SPDX-License-Identifier: GPL-2.0-or-later */
/* layers.c - removes what a layer deletes of those below it. */

#include "image/parts.h"

void image_begin_layer(ImageWriter *w) {
        w->generation++;
}

/* Entries that this layer itself has put there stay. */
int image_whiteout(ImageWriter *w, const char *path) {
        Dir *d, *inner;
        Entry *e;
        int r = path_entry(w, path, 0, &d, &e);

        if (r == -ENOENT || r == -ENOTDIR || (r >= 0 && !e))
                return 0;
        if (r < 0)
                return r;
        if (e->type == EXT2_FT_DIR) {
                r = dir_of(w, d, e, &inner);
                if (r >= 0)
                        r = dir_prune(w, inner, w->generation);
                if (r < 0 || inner->n_live > 0)
                        return r;
        }
        return e->generation < w->generation ? dir_remove(w, d, e) : 0;
}

int image_opaque(ImageWriter *w, const char *path) {
        Dir *d;
        int r = path_directory(w, path, PATH_CREATE, &d);

        return r < 0 ? r : dir_prune(w, d, w->generation);
}
