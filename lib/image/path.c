/* SPDX-License-Identifier: GPL-2.0-or-later */
/* path.c - resolves paths in an image as in the guest: ".." does not lead out of the root
 * directory. */

#include <stdlib.h>
#include <sys/stat.h>

#include "image/entry-path.h"
#include "image/parts.h"

int link_read(ImageWriter *w, ext2_ino_t ino, char **ret) {
        struct ext2_inode_large inode;
        _cleanup_free_ char *target = NULL;
        uint64_t size;
        int r = inode_read(w, ino, &inode);

        if (r < 0)
                return r;
        size = inode_size(&inode);
        if (size == 0 || size > ENTRY_PATH_MAX || size >= w->fs->blocksize)
                return image_fail(w, -EUCLEAN, "a symbolic link of %llu bytes",
                                  (unsigned long long) size);
        target = calloc(1, w->fs->blocksize + 1);
        if (!target)
                return image_fail(w, -ENOMEM, "out of memory");
        if (ext2fs_is_fast_symlink((struct ext2_inode *) &inode))
                memcpy(target, inode.i_block, MIN(size, sizeof(inode.i_block)));
        else {
                blk64_t block;

                r = blocks_find(w, ino, &inode, 0, &block);
                if (r >= 0)
                        r = image_check(w, io_channel_read_blk64(w->fs->io, block, 1, target),
                                        "cannot read a symbolic link");
                if (r < 0)
                        return r;
        }
        target[size] = '\0';
        *ret = TAKE_PTR(target);
        return 0;
}

typedef struct Walk {
        ImageWriter *w;
        unsigned flags;
        Dir *at;
        char *rest; /* the rest of the path */
        unsigned links;
} Walk;

/* The link's target is put before the rest of the path. */
static int follow(Walk *k, const Entry *e, const char *behind) {
        _cleanup_free_ char *target = NULL, *rest = NULL;
        int r;

        if (k->flags & PATH_NO_LINKS)
                return image_fail(k->w, -ELOOP, "has the symbolic link '%s' in its path", e->name);
        if (++k->links > LINKS_FOLLOWED_MAX)
                return image_fail(k->w, -ELOOP, "too many symbolic links in the path");
        r = link_read(k->w, e->ino, &target);
        if (r < 0)
                return r;
        rest = strfmt("%s/%s", target, behind);
        if (!rest)
                return image_fail(k->w, -ENOMEM, "out of memory");
        if (strlen(rest) > 2 * ENTRY_PATH_MAX)
                return image_fail(k->w, -ENAMETOOLONG, "symbolic links make the path too long");
        if (rest[0] == '/')
                k->at = k->w->root;
        free(k->rest);
        k->rest = TAKE_PTR(rest);
        return 1;
}

static int make_missing(Walk *k, const char *name, size_t size) {
        ImageNode node;
        Dir *d;
        int r;

        if (!(k->flags & PATH_CREATE))
                return image_fail(k->w, -ENOENT, "directory '%.*s' does not exist", (int) size,
                                  name);
        image_node_init(&node, S_IFDIR | 0755);
        r = dir_make(k->w, k->at, name, size, &node, &d);
        if (r >= 0)
                k->at = d;
        return r;
}

/* 1 = rest has been replaced by the link's target. */
static int step(Walk *k, const char *name, size_t size, const char *behind) {
        Entry *e;

        if (size == 1 && name[0] == '.')
                return 0;
        if (size == 2 && name[0] == '.' && name[1] == '.') {
                k->at = k->at->parent ?: k->at;
                return 0;
        }
        e = dir_find(k->w, k->at, name, size);
        if (!e)
                return make_missing(k, name, size);
        if (e->type == EXT2_FT_DIR)
                return dir_of(k->w, k->at, e, &k->at);
        if (e->type == EXT2_FT_SYMLINK)
                return follow(k, e, behind);
        return image_fail(k->w, -ENOTDIR, "'%s' in the path is not a directory", e->name);
}

static int walk(Walk *k) {
        const char *p = k->rest;

        for (;;) {
                size_t n;
                int r;

                p += strspn(p, "/");
                n = strcspn(p, "/");
                if (n == 0)
                        return 0;
                r = step(k, p, n, p + n);
                if (r < 0)
                        return r;
                p = r > 0 ? k->rest : p + n;
        }
}

static int directory(ImageWriter *w, const char *path, size_t size, unsigned flags, Dir **ret) {
        Walk k = { .w = w, .flags = flags, .at = w->root, .rest = strndup(path, size) };
        int r = k.rest ? walk(&k) : image_fail(w, -ENOMEM, "out of memory");

        free(k.rest);
        if (r >= 0)
                *ret = k.at;
        return r;
}

int path_directory(ImageWriter *w, const char *path, unsigned flags, Dir **ret) {
        return directory(w, path, strlen(path), flags, ret);
}

int path_parent(ImageWriter *w, const char *path, unsigned flags, Dir **ret,
                const char **ret_name) {
        const char *slash = strrchr(path, '/');

        *ret_name = slash ? slash + 1 : path;
        return directory(w, path, slash ? (size_t) (slash - path) : 0, flags, ret);
}

int path_entry(ImageWriter *w, const char *path, unsigned flags, Dir **ret_dir, Entry **ret) {
        const char *name;
        Entry *e = NULL;
        Dir *d;
        int r = path_parent(w, path, flags, &d, &name);

        if (r < 0)
                return r;
        if (*name) {
                e = dir_find(w, d, name, strlen(name));
                if (!e)
                        return image_fail(w, -ENOENT, "there is no '%s'", name);
        }
        *ret_dir = d;
        *ret = e;
        return 0;
}
