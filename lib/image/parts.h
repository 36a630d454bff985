/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files of this layer: an image that is open for writing. Directories are kept in
 * memory and written at the end, because their entries are added in any order, replaced and
 * removed. Names are looked up in a hash table, so that a hostile archive cannot make it slow. */

#include <ext2fs/ext2fs.h>

#include "basic/string-util.h"
#include "image/writer.h"

typedef struct Dir Dir;

typedef struct Entry {
        Dir *dir; /* of a directory that has been read */
        ext2_ino_t ino;
        unsigned generation; /* the layer in which it was last written */
        uint8_t type;        /* EXT2_FT_… */
        uint8_t size;        /* of the name */
        char name[];         /* NUL-terminated */
} Entry;

struct Dir {
        Dir *parent; /* NULL: this is the root */
        ext2_ino_t ino;
        unsigned depth;
        bool dirty;
        Entry **entries; /* in order of addition; NULL: removed */
        size_t n, room, n_live;
        uint32_t *slots; /* hash table of indices into entries, plus 1; 0: free */
        size_t n_slots;
};

struct ImageWriter {
        ext2_filsys fs;
        Dir *root;
        unsigned generation;
        uint64_t hash_basis;
        blk64_t goal; /* where the search for free blocks continues, so that files added together
                         are stored together */
        blk64_t high; /* no block from here on has been in use */
        bool fresh;   /* blocks that were never written read as zeros */
        ImageFull full;
        struct timespec now; /* time of writing */
        char *stage;         /* of the file being written */
        char *why;
};

/* ---- failure.c ---- */

/* Records the reason of a failure for image_why(), and returns error. */
int image_fail(ImageWriter *w, int error, const char *format, ...) _printf_(3, 4);

/* Converts a code of libext2fs to a negative errno; a failure is recorded as "WHAT: its text". */
int image_check(ImageWriter *w, errcode_t e, const char *what);

/* ---- inode.c ---- */

int inode_read(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *ret);
int inode_write(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode);

/* Allocates an inode and writes it, with one link and no content. */
int inode_new(ImageWriter *w, const Dir *near, const ImageNode *node, ext2_ino_t *ret_ino,
              struct ext2_inode_large *ret);

/* The attributes of an inode, except for its content. */
void inode_get_node(const ImageWriter *w, const struct ext2_inode_large *inode, ImageNode *ret);

int inode_change_node(ImageWriter *w, ext2_ino_t ino, const ImageNode *node);

uint64_t inode_size(const struct ext2_inode_large *inode);
uint8_t inode_file_type(mode_t mode); /* EXT2_FT_… */

/* Changes the link count; the last unlink frees the file. */
int inode_link(ImageWriter *w, ext2_ino_t ino);
int inode_unlink(ImageWriter *w, ext2_ino_t ino);

/* Frees a directory's inode with its blocks. */
int inode_remove_directory(ImageWriter *w, ext2_ino_t ino);

/* ---- blocks.c ---- */

/* A run of blocks, contiguous in the file and in the image. */
typedef struct Run {
        blk64_t first, block, n;
} Run;

typedef struct Runs {
        Run *v;
        size_t n, room;
} Runs;

void runs_done(Runs *r);

/* Initialises the block map of an inode without blocks. */
void blocks_begin(const ImageWriter *w, struct ext2_inode_large *inode);

/* Allocates up to n blocks for the file from its block first on; *ret is the run that was
 * allocated. */
int runs_take(ImageWriter *w, Runs *runs, blk64_t first, blk64_t n, Run *ret);

/* Maps them to the inode, which had none. Only the inode's copy in memory is changed. */
int runs_map(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode, const Runs *runs);

/* Frees all blocks of the inode on the disk, and empties the block map of the copy in memory. */
int blocks_free(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode);

/* Where a block of the file is in the image. */
int blocks_find(ImageWriter *w, ext2_ino_t ino, struct ext2_inode_large *inode, blk64_t which,
                blk64_t *ret);

/* ---- file.c ---- */

int file_begin(ImageWriter *w, ext2_ino_t ino, const struct ext2_inode_large *inode,
               ImageFile **ret);

/* ---- dir.c ---- */

Dir *dir_free(Dir *d);
DEFINE_CLEANUP(Dir *, dir_free)

int dir_root(ImageWriter *w, Dir **ret);
int dir_of(ImageWriter *w, Dir *parent, Entry *e, Dir **ret); /* of an entry that is a directory */
Entry *dir_find(const ImageWriter *w, const Dir *d, const char *name, size_t size);
int dir_insert(ImageWriter *w, Dir *d, const char *name, size_t size, ext2_ino_t ino, uint8_t type,
               Entry **ret);
int dir_make(ImageWriter *w, Dir *parent, const char *name, size_t size, const ImageNode *node,
             Dir **ret);

/* Moves a file to another name; e is freed. */
int dir_move(ImageWriter *w, Dir *from, Entry *e, Dir *to, const char *name);

/* Removes an entry and its file, directories with their contents. */
int dir_remove(ImageWriter *w, Dir *d, Entry *e);

/* Removes entries of generations before this one. */
int dir_prune(ImageWriter *w, Dir *d, unsigned generation);

/* Writes all changed directories of this subtree. */
int dir_store(ImageWriter *w, Dir *d);

/* ---- path.c ---- */

enum {
        PATH_CREATE = 1 << 0,    /* make the directories that are missing */
        PATH_NO_LINKS = 1 << 1,  /* a symbolic link on the way is an error */
        LINKS_FOLLOWED_MAX = 40, /* followed while one path is resolved; the limit of Linux */
};

/* The directory with that path. Symbolic links are followed as in the guest, whose root directory
 * is that of the tree, so none leads out of it. */
int path_directory(ImageWriter *w, const char *path, unsigned flags, Dir **ret);

/* The directory that holds the last component, which is not followed; *ret_name is that component,
 * "" for the root itself, a pointer into path. */
int path_parent(ImageWriter *w, const char *path, unsigned flags, Dir **ret, const char **ret_name);

/* -ENOENT: the last component does not exist. The root has no entry: *ret is NULL. */
int path_entry(ImageWriter *w, const char *path, unsigned flags, Dir **ret_dir, Entry **ret);

/* Reads a symbolic link's target, which the caller frees. */
int link_read(ImageWriter *w, ext2_ino_t ino, char **ret);

/* ---- undo-io.c ---- */

/* From now on the library does so for this file system, which is the only one of this process. */
void undo_io_hook(ext2_filsys fs);

/* Why a write failed, as an errno; 0: none did. */
errcode_t undo_io_error(void);
