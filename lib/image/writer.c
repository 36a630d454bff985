/* SPDX-License-Identifier: GPL-2.0-or-later */
/* writer.c - adds, changes and removes the files of an image by path. */

#include <stdlib.h>
#include <sys/stat.h>

#include "image/entry-path.h"
#include "image/parts.h"

const char *image_why(const ImageWriter *w) {
        return w->why ?: "out of memory";
}

ImageFull image_full(const ImageWriter *w) {
        return w->full;
}

uint64_t image_free_bytes(const ImageWriter *w) {
        return ext2fs_free_blocks_count(w->fs->super) * w->fs->blocksize;
}

uint64_t image_files_max(const ImageWriter *w) {
        return w->fs->super->s_inodes_count;
}

/* ---- common to all that adds files ---- */

typedef struct Place {
        Dir *dir;
        const char *name;
} Place;

/* Removes what has that name, for a file that is not a directory. */
static int take_place(ImageWriter *w, const char *path, Place *ret) {
        Entry *e;
        int r = path_parent(w, path, PATH_CREATE, &ret->dir, &ret->name);

        if (r < 0)
                return r;
        if (!*ret->name)
                return image_fail(w, -EISDIR, "is the root directory");
        e = dir_find(w, ret->dir, ret->name, strlen(ret->name));
        return e ? dir_remove(w, ret->dir, e) : 0;
}

static int make_inode(ImageWriter *w, const char *path, const ImageNode *node, ext2_ino_t *ret_ino,
                      struct ext2_inode_large *ret) {
        Place place;
        int r = take_place(w, path, &place);

        if (r >= 0)
                r = inode_new(w, place.dir, node, ret_ino, ret);
        if (r >= 0)
                r = dir_insert(w, place.dir, place.name, strlen(place.name), *ret_ino,
                               inode_file_type(node->mode), NULL);
        return r;
}

int image_directory(ImageWriter *w, const char *path, const ImageNode *node) {
        const char *name;
        Entry *e = NULL;
        Dir *d;
        int r = path_parent(w, path, PATH_CREATE, &d, &name);

        if (r < 0)
                return r;
        if (*name)
                e = dir_find(w, d, name, strlen(name));
        if (e && e->type != EXT2_FT_DIR) {
                r = dir_remove(w, d, e);
                if (r < 0)
                        return r;
                e = NULL;
        }
        if (*name && !e)
                return dir_make(w, d, name, strlen(name), node, &d);
        if (e)
                e->generation = w->generation;
        return inode_change_node(w, e ? e->ino : EXT2_ROOT_INO, node);
}

int image_symlink(ImageWriter *w, const char *path, const ImageNode *node, const char *target) {
        size_t size = strlen(target);
        struct ext2_inode_large inode;
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        ImageNode link = *node;
        ext2_ino_t ino;
        int r;

        if (size == 0 || size > ENTRY_PATH_MAX || size >= w->fs->blocksize)
                return image_fail(w, size == 0 ? -ENOENT : -ENAMETOOLONG,
                                  "is a symbolic link whose target has %zu bytes", size);
        link.mode = S_IFLNK | 0777;
        r = make_inode(w, path, &link, &ino, &inode);
        if (r < 0)
                return r;
        if (size < sizeof(inode.i_block)) {
                memcpy(inode.i_block, target, size);
                inode.i_size = (uint32_t) size;
                return inode_write(w, ino, &inode);
        }
        blocks_begin(w, &inode);
        r = file_begin(w, ino, &inode, &f);
        if (r >= 0)
                r = image_file_write(f, 0, target, size);
        return r < 0 ? r : image_file_end(TAKE_PTR(f), size);
}

int image_special(ImageWriter *w, const char *path, const ImageNode *node) {
        struct ext2_inode_large inode;
        ext2_ino_t ino;

        if (node->major > 0xfff || node->minor > 0xfffff)
                return image_fail(w, -EINVAL, "is a device whose number is too large: %u:%u",
                                  node->major, node->minor);
        return make_inode(w, path, node, &ino, &inode);
}

int image_link(ImageWriter *w, const char *path, const char *target) {
        Entry *e, *old;
        ext2_ino_t ino;
        uint8_t type;
        Place place;
        Dir *d;
        int r = path_entry(w, target, PATH_NO_LINKS, &d, &e);

        if (r == -ENOENT)
                return image_fail(w, r, "is a hard link to '%s', which does not exist", target);
        if (r == -ELOOP)
                return image_fail(w, r,
                                  "is a hard link to '%s', which has a symbolic link in its path",
                                  target);
        if (r < 0)
                return r;
        if (!e || e->type == EXT2_FT_DIR)
                return image_fail(w, -EPERM, "is a hard link to a directory");
        ino = e->ino;
        type = e->type;
        r = path_parent(w, path, PATH_CREATE, &place.dir, &place.name);
        if (r < 0)
                return r;
        old = *place.name ? dir_find(w, place.dir, place.name, strlen(place.name)) : NULL;
        if (old && old->ino == ino) { /* a link to itself changes nothing */
                old->generation = w->generation;
                return 0;
        }
        /* The link count is raised first, because the file may have its last other name in what is
         * replaced. */
        r = inode_link(w, ino);
        if (r >= 0)
                r = take_place(w, path, &place);
        if (r >= 0)
                r = dir_insert(w, place.dir, place.name, strlen(place.name), ino, type, NULL);
        return r;
}

int image_file_begin(ImageWriter *w, const char *path, const ImageNode *node, ImageFile **ret) {
        struct ext2_inode_large inode;
        ImageNode file = *node;
        ext2_ino_t ino;
        int r;

        file.mode = S_IFREG | (node->mode & 07777);
        r = make_inode(w, path, &file, &ino, &inode);
        return r < 0 ? r : file_begin(w, ino, &inode, ret);
}

int image_put(ImageWriter *w, const char *path, mode_t permissions, const void *data, size_t size) {
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        ImageNode node;
        int r;

        image_node_init(&node, S_IFREG | permissions);
        r = image_file_begin(w, path, &node, &f);
        if (r >= 0)
                r = image_file_write(f, 0, data, size);
        return r < 0 ? r : image_file_end(TAKE_PTR(f), size);
}

/* ---- looking ---- */

static ext2_ino_t entry_ino(const Entry *e) {
        return e ? e->ino : EXT2_ROOT_INO;
}

int image_stat(ImageWriter *w, const char *path, ImageStat *ret) {
        struct ext2_inode_large inode;
        Entry *e;
        Dir *d;
        int r = path_entry(w, path, 0, &d, &e);

        if (r >= 0)
                r = inode_read(w, entry_ino(e), &inode);
        if (r < 0)
                return r;
        inode_get_node(w, &inode, &ret->node);
        ret->size = inode_size(&inode);
        ret->links = inode.i_links_count;
        ret->id = entry_ino(e);
        return 0;
}

bool image_exists(ImageWriter *w, const char *path) {
        Entry *e;
        Dir *d;

        return path_entry(w, path, 0, &d, &e) >= 0;
}

/* The path that the symbolic link in the last component points to. */
static char *link_path(const char *path, const char *target) {
        const char *slash = strrchr(path, '/');
        bool whole = target[0] == '/' || !slash;

        return strfmt("%.*s/%s", whole ? 0 : (int) (slash - path), path, target);
}

/* The entry itself, or the one that symbolic links in its place point to. */
static int follow_entry(ImageWriter *w, const char *path, Entry **ret, char **ret_path) {
        _cleanup_free_ char *way = strdup(path);

        for (unsigned links = 0; way && links < LINKS_FOLLOWED_MAX; links++) {
                _cleanup_free_ char *target = NULL, *next = NULL;
                Entry *e = NULL;
                Dir *d;
                int r = path_entry(w, way, 0, &d, &e);

                if (r < 0)
                        return r;
                if (!e || e->type != EXT2_FT_SYMLINK) {
                        *ret = e;
                        if (ret_path)
                                *ret_path = TAKE_PTR(way);
                        return 0;
                }
                r = link_read(w, e->ino, &target);
                if (r < 0)
                        return r;
                next = link_path(way, target);
                free(way);
                way = TAKE_PTR(next);
        }
        return way ? image_fail(w, -ELOOP, "'%s': too many symbolic links", path)
                   : image_fail(w, -ENOMEM, "out of memory");
}

int image_resolve(ImageWriter *w, const char *path, char **ret) {
        Entry *e;

        return follow_entry(w, path, &e, ret);
}

static int read_content(ImageWriter *w, ext2_ino_t ino, char *buf, unsigned size) {
        ext2_file_t f;
        unsigned got = 0;
        errcode_t e = ext2fs_file_open(w->fs, ino, 0, &f);

        if (e != 0)
                return image_check(w, e, "cannot open a file");
        e = ext2fs_file_read(f, buf, size, &got);
        (void) ext2fs_file_close(f);
        if (e == 0 && got != size)
                return image_fail(w, -EIO, "a file is shorter than its size");
        return image_check(w, e, "cannot read a file");
}

ssize_t image_read(ImageWriter *w, const char *path, size_t max, char **ret) {
        struct ext2_inode_large inode;
        _cleanup_free_ char *buf = NULL;
        Entry *e = NULL;
        uint64_t size;
        int r = follow_entry(w, path, &e, NULL);

        if (r < 0)
                return r;
        if (!e || e->type != EXT2_FT_REG_FILE)
                return image_fail(w, -EINVAL, "'%s' is not a regular file", path);
        r = inode_read(w, e->ino, &inode);
        if (r < 0)
                return r;
        size = inode_size(&inode);
        if (size > MIN(max, (size_t) INT32_MAX))
                return image_fail(w, -EFBIG, "'%s' has more than %zu bytes", path, max);
        buf = malloc((size_t) size + 1);
        if (!buf)
                return image_fail(w, -ENOMEM, "out of memory");
        r = read_content(w, e->ino, buf, (unsigned) size);
        if (r < 0)
                return r;
        buf[size] = '\0';
        *ret = TAKE_PTR(buf);
        return (ssize_t) size;
}

static mode_t type_mode(uint8_t type) {
        static const mode_t modes[] = {
                [EXT2_FT_REG_FILE] = S_IFREG, [EXT2_FT_DIR] = S_IFDIR,  [EXT2_FT_CHRDEV] = S_IFCHR,
                [EXT2_FT_BLKDEV] = S_IFBLK,   [EXT2_FT_FIFO] = S_IFIFO, [EXT2_FT_SOCK] = S_IFSOCK,
                [EXT2_FT_SYMLINK] = S_IFLNK,
        };

        return type < ARRAY_SIZE(modes) ? modes[type] : 0;
}

int image_list(ImageWriter *w, const char *path,
               int (*fn)(const char *name, mode_t type, void *userdata), void *userdata) {
        Dir *d;
        int r = path_directory(w, path, 0, &d);

        for (size_t i = 0; r == 0 && i < d->n; i++)
                if (d->entries[i])
                        r = fn(d->entries[i]->name, type_mode(d->entries[i]->type), userdata);
        return r;
}

/* ---- changing ---- */

int image_set_node(ImageWriter *w, const char *path, const ImageNode *node) {
        Entry *e;
        Dir *d;
        int r = path_entry(w, path, 0, &d, &e);

        return r < 0 ? r : inode_change_node(w, entry_ino(e), node);
}

int image_chmod(ImageWriter *w, const char *path, mode_t permissions) {
        ImageStat st;
        int r = image_stat(w, path, &st);

        if (r < 0)
                return r;
        st.node.mode = permissions;
        return image_set_node(w, path, &st.node);
}

static bool is_below(const Dir *d, const Dir *top) {
        while (d && d != top)
                d = d->parent;
        return d == top;
}

int image_rename(ImageWriter *w, const char *from, const char *to) {
        Entry *e, *old;
        Dir *source;
        Place place;
        int r = path_entry(w, from, 0, &source, &e);

        if (r < 0)
                return r;
        r = path_parent(w, to, PATH_CREATE, &place.dir, &place.name);
        if (r < 0)
                return r;
        if (!e || !*place.name || (e->dir && is_below(place.dir, e->dir)))
                return image_fail(w, -EINVAL, "'%s' cannot be moved to '%s'", from, to);
        old = dir_find(w, place.dir, place.name, strlen(place.name));
        if (old && old->ino == e->ino)
                return old == e ? 0 : dir_remove(w, source, e);
        if (old && old->dir && is_below(source, old->dir))
                return image_fail(w, -EINVAL, "'%s' is within '%s'", from, to);
        if (old)
                r = dir_remove(w, place.dir, old);
        return r < 0 ? r : dir_move(w, source, e, place.dir, place.name);
}

/* Removes all but the directory lost+found. */
static int image_clear(ImageWriter *w) {
        Dir *d = w->root;

        for (size_t i = 0; i < d->n; i++)
                if (d->entries[i] && !streq(d->entries[i]->name, "lost+found")) {
                        int r = dir_remove(w, d, d->entries[i]);

                        if (r < 0)
                                return r;
                }
        return 0;
}

int image_remove(ImageWriter *w, const char *path) {
        Entry *e;
        Dir *d;
        int r = path_entry(w, path, 0, &d, &e);

        if (r == -ENOENT || r == -ENOTDIR)
                return 0;
        if (r >= 0 && !e)
                return image_clear(w);
        return r < 0 ? r : dir_remove(w, d, e);
}
