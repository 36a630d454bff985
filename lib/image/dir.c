/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dir.c - directories: read when first needed, changed in memory, written at the end. */

#include <stdlib.h>

#include "basic/hash.h"
#include "image/entry-path.h"
#include "image/parts.h"

enum {
        DEPTH_MAX = 2048, /* no path in a guest is deeper, and it limits the recursion */
        SLOTS_MIN = 16,
        FIRST_ROOM = 8,
};

/* ---- the hash table of names ---- */

Dir *dir_free(Dir *d) {
        if (!d)
                return NULL;
        for (size_t i = 0; i < d->n; i++)
                if (d->entries[i]) {
                        dir_free(d->entries[i]->dir);
                        free(d->entries[i]);
                }
        free(d->entries);
        free(d->slots);
        free(d);
        return NULL;
}

static Dir *dir_new(Dir *parent, ext2_ino_t ino) {
        Dir *d = calloc(1, sizeof(*d));

        if (d)
                *d = (Dir){ .parent = parent, .ino = ino, .depth = parent ? parent->depth + 1 : 0 };
        return d;
}

static size_t slot_of(const ImageWriter *w, const Dir *d, const char *name, size_t size) {
        uint64_t hash = hash_bytes(w->hash_basis, name, size);

        return (size_t) (hash ^ hash >> 32) & (d->n_slots - 1);
}

static void slot_take(const ImageWriter *w, Dir *d, size_t index) {
        const Entry *e = d->entries[index];
        size_t s = slot_of(w, d, e->name, e->size);

        while (d->slots[s] != 0)
                s = (s + 1) & (d->n_slots - 1);
        d->slots[s] = (uint32_t) index + 1;
}

/* Makes new arrays without the removed entries, and with room for as many again. */
static int dir_grow(const ImageWriter *w, Dir *d) {
        size_t room = MAX(d->n_live * 2, (size_t) FIRST_ROOM), n_slots = SLOTS_MIN, n = 0;
        uint32_t *slots;
        Entry **entries;

        while (n_slots < room * 2)
                n_slots *= 2;
        entries = calloc(room, sizeof(*entries));
        slots = calloc(n_slots, sizeof(*slots));
        if (!entries || !slots || room > UINT32_MAX) {
                free(entries);
                free(slots);
                return -ENOMEM;
        }
        for (size_t i = 0; i < d->n; i++)
                if (d->entries[i])
                        entries[n++] = d->entries[i];
        free(d->entries);
        free(d->slots);
        d->entries = entries;
        d->slots = slots;
        d->n_slots = n_slots;
        d->room = room;
        d->n = n;
        for (size_t i = 0; i < n; i++)
                slot_take(w, d, i);
        return 0;
}

/* The entry's index, or SIZE_MAX. A removed entry's index stays in its slot, so that the search
 * reaches those behind it. */
static size_t dir_index(const ImageWriter *w, const Dir *d, const char *name, size_t size) {
        if (d->n_slots == 0)
                return SIZE_MAX;
        for (size_t s = slot_of(w, d, name, size); d->slots[s] != 0;
             s = (s + 1) & (d->n_slots - 1)) {
                const Entry *e = d->entries[d->slots[s] - 1];

                if (e && e->size == size && memcmp(e->name, name, size) == 0)
                        return d->slots[s] - 1;
        }
        return SIZE_MAX;
}

Entry *dir_find(const ImageWriter *w, const Dir *d, const char *name, size_t size) {
        size_t i = dir_index(w, d, name, size);

        return i == SIZE_MAX ? NULL : d->entries[i];
}

/* Does not mark the directory as changed, because entries read from the image are added by it, too.
 */
static int add_entry(ImageWriter *w, Dir *d, const char *name, size_t size, ext2_ino_t ino,
                     uint8_t type, Entry **ret) {
        Entry *e;

        if (size == 0 || size > ENTRY_NAME_MAX)
                return image_fail(w, size == 0 ? -ENOENT : -ENAMETOOLONG,
                                  "a name must have 1 to %d bytes", ENTRY_NAME_MAX);
        if (d->n == d->room && dir_grow(w, d) < 0)
                return image_fail(w, -ENOMEM, "out of memory: too many names");
        e = malloc(sizeof(*e) + size + 1);
        if (!e)
                return image_fail(w, -ENOMEM, "out of memory: too many names");
        *e = (Entry){
                .ino = ino, .type = type, .size = (uint8_t) size, .generation = w->generation
        };
        memcpy(e->name, name, size);
        e->name[size] = '\0';
        d->entries[d->n] = e;
        slot_take(w, d, d->n);
        d->n++;
        d->n_live++;
        if (ret)
                *ret = e;
        return 0;
}

int dir_insert(ImageWriter *w, Dir *d, const char *name, size_t size, ext2_ino_t ino, uint8_t type,
               Entry **ret) {
        d->dirty = true;
        return add_entry(w, d, name, size, ino, type, ret);
}

/* Removes only the entry, not the file; frees it. */
static void dir_drop(ImageWriter *w, Dir *d, Entry *e) {
        size_t i = dir_index(w, d, e->name, e->size);

        d->entries[i] = NULL;
        d->n_live--;
        d->dirty = true;
        dir_free(e->dir);
        free(e);
}

/* ---- reading ---- */

typedef struct Loading {
        ImageWriter *w;
        Dir *d;
        int r;
} Loading;

static int entry_type(ImageWriter *w, const struct ext2_dir_entry *de, uint8_t *ret) {
        struct ext2_inode_large inode;
        int r = 0;

        *ret = (uint8_t) ext2fs_dirent_file_type(de);
        if (*ret == EXT2_FT_UNKNOWN || !ext2fs_has_feature_filetype(w->fs->super)) {
                r = inode_read(w, de->inode, &inode);
                if (r >= 0)
                        *ret = inode_file_type(inode.i_mode);
        }
        return r;
}

static int load_entry(ext2_ino_t dir, int entry, struct ext2_dir_entry *de, int offset,
                      int blocksize, char *buf, void *userdata) {
        Loading *l = userdata;
        uint8_t type;

        if (entry != DIRENT_OTHER_FILE)
                return 0;
        l->r = entry_type(l->w, de, &type);
        if (l->r >= 0)
                l->r = add_entry(l->w, l->d, de->name, (size_t) ext2fs_dirent_name_len(de),
                                 de->inode, type, NULL);
        return l->r < 0 ? DIRENT_ABORT : 0;
}

static int dir_load(ImageWriter *w, Dir *parent, ext2_ino_t ino, Dir **ret) {
        _cleanup_(dir_freep) Dir *d = dir_new(parent, ino);
        Loading l = { .w = w, .d = d };
        int r;

        if (!d)
                return image_fail(w, -ENOMEM, "out of memory");
        if (d->depth > DEPTH_MAX)
                return image_fail(w, -ELOOP, "directories nest deeper than %d", DEPTH_MAX);
        r = image_check(w, ext2fs_dir_iterate2(w->fs, ino, 0, NULL, load_entry, &l),
                        "cannot read a directory");
        if (r >= 0)
                r = l.r;
        if (r >= 0)
                *ret = TAKE_PTR(d);
        return r;
}

int dir_root(ImageWriter *w, Dir **ret) {
        return dir_load(w, NULL, EXT2_ROOT_INO, ret);
}

int dir_of(ImageWriter *w, Dir *parent, Entry *e, Dir **ret) {
        int r = e->dir ? 0 : dir_load(w, parent, e->ino, &e->dir);

        if (r >= 0)
                *ret = e->dir;
        return r;
}

/* ---- changes ---- */

int dir_make(ImageWriter *w, Dir *parent, const char *name, size_t size, const ImageNode *node,
             Dir **ret) {
        _cleanup_(dir_freep) Dir *d = NULL;
        struct ext2_inode_large inode;
        ext2_ino_t ino;
        Entry *e;
        int r;

        if (parent->depth >= DEPTH_MAX)
                return image_fail(w, -ELOOP, "directories nest deeper than %d", DEPTH_MAX);
        r = inode_new(w, parent, node, &ino, &inode);
        if (r < 0)
                return r;
        d = dir_new(parent, ino);
        if (!d)
                return image_fail(w, -ENOMEM, "out of memory");
        d->dirty = true;
        r = dir_insert(w, parent, name, size, ino, EXT2_FT_DIR, &e);
        if (r >= 0)
                *ret = e->dir = TAKE_PTR(d);
        return r;
}

static void set_depth(Dir *d, Dir *parent) {
        d->parent = parent;
        d->depth = parent->depth + 1;
        for (size_t i = 0; i < d->n; i++)
                if (d->entries[i] && d->entries[i]->dir)
                        set_depth(d->entries[i]->dir, d);
}

int dir_move(ImageWriter *w, Dir *from, Entry *e, Dir *to, const char *name) {
        Dir *moved = NULL;
        Entry *now;
        int r = 0;

        if (e->type == EXT2_FT_DIR)
                r = dir_of(w, from, e, &moved);
        if (r >= 0)
                r = dir_insert(w, to, name, strlen(name), e->ino, e->type, &now);
        if (r < 0)
                return r;
        if (moved) {
                moved->dirty = true;
                set_depth(moved, to);
        }
        now->dir = TAKE_PTR(e->dir);
        now->generation = e->generation;
        dir_drop(w, from, e);
        return 0;
}

static int clear(ImageWriter *w, Dir *d) {
        for (size_t i = 0; i < d->n; i++) {
                int r = d->entries[i] ? dir_remove(w, d, d->entries[i]) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

int dir_remove(ImageWriter *w, Dir *d, Entry *e) {
        Dir *inner;
        int r;

        if (e->type == EXT2_FT_DIR) {
                r = dir_of(w, d, e, &inner);
                if (r >= 0)
                        r = clear(w, inner);
                if (r >= 0)
                        r = inode_remove_directory(w, e->ino);
        } else
                r = inode_unlink(w, e->ino);
        if (r >= 0)
                dir_drop(w, d, e);
        return r;
}

int dir_prune(ImageWriter *w, Dir *d, unsigned generation) {
        for (size_t i = 0; i < d->n; i++) {
                Entry *e = d->entries[i];
                Dir *inner = NULL;
                int r = 0;

                if (!e)
                        continue;
                if (e->type == EXT2_FT_DIR && (r = dir_of(w, d, e, &inner)) >= 0)
                        r = dir_prune(w, inner, generation);
                if (r >= 0 && e->generation < generation && (!inner || inner->n_live == 0))
                        r = dir_remove(w, d, e);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* ---- writing ---- */

typedef struct Packing {
        ImageWriter *w;
        Dir *d;
        struct ext2_inode_large inode;
        char *block;               /* NULL: only count */
        struct ext2_dir_entry *de; /* the last in the block */
        size_t at;                 /* offset of the next entry */
        blk64_t n;                 /* blocks before this one */
} Packing;

static size_t block_room(const ImageWriter *w) {
        return w->fs->blocksize - (ext2fs_has_feature_metadata_csum(w->fs->super)
                                           ? sizeof(struct ext2_dir_entry_tail)
                                           : 0);
}

/* The last entry is extended to the end of the block, or to the checksum there. */
static int pack_block(Packing *p) {
        ImageWriter *w = p->w;
        size_t room = block_room(w);
        blk64_t block;
        int r = 0;

        if (p->block) {
                size_t from = (size_t) ((char *) p->de - p->block);

                r = image_check(w, ext2fs_set_rec_len(w->fs, (unsigned) (room - from), p->de),
                                "cannot write a directory");
                if (r >= 0 && room < w->fs->blocksize)
                        ext2fs_initialize_dirent_tail(w->fs,
                                                      EXT2_DIRENT_TAIL(p->block, w->fs->blocksize));
                if (r >= 0)
                        r = blocks_find(w, p->d->ino, &p->inode, p->n, &block);
                if (r >= 0)
                        r = image_check(
                                w, ext2fs_write_dir_block4(w->fs, block, p->block, 0, p->d->ino),
                                "cannot write a directory");
                memset(p->block, 0, w->fs->blocksize);
        }
        p->n++;
        p->at = 0;
        return r;
}

static int pack_entry(Packing *p, const char *name, size_t size, ext2_ino_t ino, uint8_t type) {
        ImageWriter *w = p->w;
        size_t length = EXT2_DIR_REC_LEN(size);

        if (p->at + length > block_room(w)) {
                int r = pack_block(p);

                if (r < 0)
                        return r;
        }
        if (p->block) {
                p->de = (struct ext2_dir_entry *) (p->block + p->at);
                p->de->inode = ino;
                (void) ext2fs_set_rec_len(w->fs, (unsigned) length, p->de);
                ext2fs_dirent_set_name_len(p->de, (int) size);
                if (ext2fs_has_feature_filetype(w->fs->super))
                        ext2fs_dirent_set_file_type(p->de, type);
                memcpy(p->de->name, name, size);
        }
        p->at += length;
        return 0;
}

static int pack(Packing *p) {
        const Dir *d = p->d;
        int r;

        p->n = 0;
        p->at = 0;
        r = pack_entry(p, ".", 1, d->ino, EXT2_FT_DIR);
        if (r >= 0)
                r = pack_entry(p, "..", 2, d->parent ? d->parent->ino : d->ino, EXT2_FT_DIR);
        for (size_t i = 0; r >= 0 && i < d->n; i++)
                if (d->entries[i])
                        r = pack_entry(p, d->entries[i]->name, d->entries[i]->size,
                                       d->entries[i]->ino, d->entries[i]->type);
        return r < 0 ? r : pack_block(p);
}

static unsigned count_subdirectories(const Dir *d) {
        unsigned n = 0;

        for (size_t i = 0; i < d->n; i++)
                n += d->entries[i] && d->entries[i]->type == EXT2_FT_DIR;
        return n;
}

/* Gives the directory as many blocks as it needs. An htree index is not kept. */
static int fit_blocks(Packing *p) {
        ImageWriter *w = p->w;
        blk64_t have = inode_size(&p->inode) / w->fs->blocksize, need = p->n;
        Runs runs = {};
        int r = 0;

        p->inode.i_flags &= ~(uint32_t) EXT2_INDEX_FL;
        if (need == have)
                return 0;
        r = blocks_free(w, p->d->ino, &p->inode);
        for (blk64_t i = 0; r >= 0 && i < need;) {
                Run run;

                r = runs_take(w, &runs, i, need - i, &run);
                i += run.n;
        }
        if (r >= 0)
                r = runs_map(w, p->d->ino, &p->inode, &runs);
        runs_done(&runs);
        if (r < 0)
                return r;
        return image_check(w,
                           ext2fs_inode_size_set(w->fs, (struct ext2_inode *) &p->inode,
                                                 (ext2_off64_t) (need * w->fs->blocksize)),
                           "cannot write a directory");
}

static int write_directory(ImageWriter *w, Dir *d) {
        _cleanup_free_ char *block = NULL;
        Packing p = { .w = w, .d = d };
        unsigned links = count_subdirectories(d) + 2;
        int r;

        r = inode_read(w, d->ino, &p.inode);
        if (r >= 0)
                r = pack(&p);
        if (r >= 0)
                r = fit_blocks(&p);
        if (r < 0)
                return r;
        block = calloc(1, w->fs->blocksize);
        if (!block)
                return image_fail(w, -ENOMEM, "out of memory");
        p.block = block;
        r = pack(&p);
        if (r < 0)
                return r;
        /* A link count of one means "too many to count". */
        p.inode.i_links_count = links > EXT2_LINK_MAX ? 1 : (uint16_t) links;
        return inode_write(w, d->ino, &p.inode);
}

int dir_store(ImageWriter *w, Dir *d) {
        int r = d->dirty ? write_directory(w, d) : 0;

        if (r >= 0)
                d->dirty = false;
        for (size_t i = 0; r >= 0 && i < d->n; i++)
                if (d->entries[i] && d->entries[i]->dir)
                        r = dir_store(w, d->entries[i]->dir);
        return r;
}
