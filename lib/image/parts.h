/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of this layer share of an image that is open for writing. Directories are kept in
 * memory and written at the end: their entries come in any order, come again, and go, and a name is
 * found in the same time whatever a stranger puts beside it. */

#include <ext2fs/ext2fs.h>

#include "basic/string-util.h"
#include "image/writer.h"

typedef struct Dir Dir;

typedef struct Entry {
        Dir *dir; /* of a directory that was looked into */
        ext2_ino_t ino;
        unsigned generation; /* in which it was last put there */
        uint8_t type;        /* EXT2_FT_… */
        uint8_t size;        /* of the name */
        char name[];         /* with a NUL, for messages */
} Entry;

struct Dir {
        Dir *parent; /* NULL: this is the root */
        ext2_ino_t ino;
        unsigned depth;
        bool dirty;
        Entry **entries; /* in the order of their coming; NULL: removed */
        size_t n, room, n_live;
        uint32_t *slots; /* hash table of indices into entries, plus 1; 0: free */
        size_t n_slots;
};

struct ImageWriter {
        ext2_filsys fs;
        Dir *root;
        unsigned generation;
        uint64_t hash_basis;
        blk64_t goal; /* where the next blocks are sought: what came together lies together */
        blk64_t high; /* no block from here on was ever in use */
        bool fresh;   /* what has never been written reads as zeros */
        ImageFull full;
        struct timespec now; /* when the image is written */
        char *stage;         /* of the file being written */
        char *why;
};

/* ---- failure.c ---- */

/* Notes the reason of a failure, for image_why(), and returns error. */
int image_fail(ImageWriter *w, int error, const char *format, ...) _printf_(3, 4);

/* libext2fs's code as negative errno; what is no success is noted as "WHAT: its text". */
int image_check(ImageWriter *w, errcode_t e, const char *what);

/* ---- inode.c ---- */

int inode_read(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *ret);
int inode_write(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode);

/* Takes a free inode and writes it, with one link and no content. */
int inode_new(ImageWriter *w, const Dir *near, const ImageNode *node, ext2_ino_t *ret_ino,
              struct ext2_inode_large *ret);

/* Prepares an inode that has no block for having some. */
void inode_begin_blocks(const ImageWriter *w, struct ext2_inode_large *inode);

/* Lays the attributes of a node over an inode, except for its type and content. */
void inode_set_node(const ImageWriter *w, struct ext2_inode_large *inode, const ImageNode *node);
void inode_get_node(const ImageWriter *w, const struct ext2_inode_large *inode, ImageNode *ret);

int inode_change_node(ImageWriter *w, ext2_ino_t ino, const ImageNode *node);

uint64_t inode_size(const struct ext2_inode_large *inode);
uint8_t inode_file_type(mode_t mode); /* EXT2_FT_… */

/* One name more or less; with the last one the file is gone. */
int inode_link(ImageWriter *w, ext2_ino_t ino);
int inode_unlink(ImageWriter *w, ext2_ino_t ino);

/* Frees a directory's inode with its blocks. */
int inode_remove_directory(ImageWriter *w, ext2_ino_t ino);

/* ---- blocks.c ---- */

/* Blocks of a file that follow each other, in it and in the image. */
typedef struct Run {
        blk64_t first, block, n;
} Run;

typedef struct Runs {
        Run *v;
        size_t n, room;
} Runs;

void runs_done(Runs *r);

/* Takes free blocks for those of the file from first on, n of them or fewer; *ret is what was
 * taken. */
int runs_take(ImageWriter *w, Runs *runs, blk64_t first, blk64_t n, Run *ret);

/* Makes them the inode's, which has had none; of it only the copy in memory is changed. */
int runs_map(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode, const Runs *runs);

/* Frees all that the inode has on the disk, and makes the copy in memory one that has none. */
int blocks_free(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode);

/* Where a block of the file is. */
int blocks_find(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode, blk64_t which,
                blk64_t *ret);

/* ---- file.c ---- */

int file_begin(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode,
               ImageFile **ret);

/* ---- dir.c ---- */

Dir *dir_free(Dir *d);
DEFINE_CLEANUP(Dir *, dir_free)

int dir_root(ImageWriter *w, Dir **ret);
int dir_of(ImageWriter *w, Dir *parent, Entry *e, Dir **ret); /* of an entry that is one */
Entry *dir_find(const ImageWriter *w, const Dir *d, const char *name, size_t size);
int dir_insert(ImageWriter *w, Dir *d, const char *name, size_t size, ext2_ino_t ino, uint8_t type,
               Entry **ret);
int dir_make(ImageWriter *w, Dir *parent, const char *name, size_t size, const ImageNode *node,
             Dir **ret);
void dir_drop(ImageWriter *w, Dir *d, Entry *e); /* the entry alone; frees it */

/* Puts what an entry stands for under another name; e is gone then. */
int dir_move(ImageWriter *w, Dir *from, Entry *e, Dir *to, const char *name);

/* Removes an entry and what it stands for, directories with all they hold. */
int dir_remove(ImageWriter *w, Dir *d, Entry *e);

/* Removes what was put there before generation, and was not put there again since. */
int dir_prune(ImageWriter *w, Dir *d, unsigned generation);

/* Writes all that changed from here on downward. */
int dir_store(ImageWriter *w, Dir *d);

/* ---- path.c ---- */

enum {
        PATH_CREATE = 1 << 0,    /* make the directories that are missing */
        PATH_NO_LINKS = 1 << 1,  /* a symbolic link on the way is an error */
        LINKS_FOLLOWED_MAX = 40, /* on one way; as many as Linux follows */
};

/* The directory of that path. Symbolic links are followed as in the guest, whose root the tree is:
 * none leads out of it. */
int path_directory(ImageWriter *w, const char *path, unsigned flags, Dir **ret);

/* The directory that holds the last component, which is not followed; *ret_name is that component,
 * "" for the root itself, a pointer into path. */
int path_parent(ImageWriter *w, const char *path, unsigned flags, Dir **ret, const char **ret_name);

/* -ENOENT where the last component is not there; the root has no entry: *ret is NULL. */
int path_entry(ImageWriter *w, const char *path, unsigned flags, Dir **ret_dir, Entry **ret);

/* Reads a symbolic link's target, which the caller frees. */
int link_read(ImageWriter *w, ext2_ino_t ino, char **ret);
