/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Writes files into the ext4 file system of an image, new or existing, without mounting it and
 * without the right to change owners or to make device nodes.
 *
 * Paths are those of the guest, with or without a leading slash. Symbolic links in a path are
 * followed as the guest would follow them, so none leads out of the image; the last component is
 * not followed, unless it says so. A new file replaces an old one of that name, a directory with
 * its contents, unless both are directories.
 *
 * Functions return 0 or a negative errno, which image_why() explains. After a failure other than
 * -ENOENT a new image is unusable, and an existing one is marked for e2fsck. */

#include "basic/cleanup.h"
#include "image/node.h"

typedef struct ImageWriter ImageWriter;
typedef struct ImageFile ImageFile;

/* What is exhausted if a function fails with -ENOSPC. */
typedef enum ImageFull {
        IMAGE_FULL_NOT,   /* the host's disk is full, not the image */
        IMAGE_FULL_SPACE, /* no blocks are left in the image */
        IMAGE_FULL_FILES, /* no inodes are left */
} ImageFull;

/* With this begins the reason of a failure by which nothing is left in the image. */
#define IMAGE_FULL_TEXT "the image is full"

typedef struct ImageStat {
        ImageNode node;
        uint64_t size;
        uint32_t links;
        uint64_t id; /* equal for all hard links of a file */
} ImageStat;

/* Opens the file system in fd, a regular file that is not used by anybody else. fresh: format.h has
 * just made it, so what is free in it is zeros. On failure *ret_why is one line, the caller's to
 * free(). -EUCLEAN: it has errors or a journal to be replayed, run e2fsck first; -EMEDIUMTYPE: it
 * is no ext2, ext3 or ext4; -EOPNOTSUPP: it has a feature that is not supported. */
int image_writer_open(int fd, bool fresh, ImageWriter **ret, char **ret_why);

/* Writes what is still in memory. Frees w even on failure, whose reason is then *ret_why. */
int image_writer_finish(ImageWriter *w, char **ret_why);

/* Closes the image without writing the rest. w may be NULL. */
ImageWriter *image_writer_free(ImageWriter *w);
DEFINE_CLEANUP(ImageWriter *, image_writer_free)

/* The reason of the last failure; never NULL. */
const char *image_why(const ImageWriter *w);
ImageFull image_full(const ImageWriter *w);

/* Free space, and the total number of inodes. */
uint64_t image_free_bytes(const ImageWriter *w);
uint64_t image_files_max(const ImageWriter *w);

/* ---- adding files ---- */

int image_directory(ImageWriter *w, const char *path, const ImageNode *node);
int image_symlink(ImageWriter *w, const char *path, const ImageNode *node, const char *target);
int image_special(ImageWriter *w, const char *path, const ImageNode *node); /* device, fifo … */

/* A hard link. target must exist, and its path must not contain symbolic links. */
int image_link(ImageWriter *w, const char *path, const char *target);

/* A regular file. Its content is written in ascending order; gaps are holes. One file at a time.
 * image_file_end() frees f. */
int image_file_begin(ImageWriter *w, const char *path, const ImageNode *node, ImageFile **ret);
int image_file_write(ImageFile *f, uint64_t offset, const void *data, size_t size);
int image_file_end(ImageFile *f, uint64_t size);
ImageFile *image_file_free(ImageFile *f);
DEFINE_CLEANUP(ImageFile *, image_file_free)

/* Adds a small regular file owned by root, with its content and its parent directories. */
int image_put(ImageWriter *w, const char *path, mode_t permissions, const void *data, size_t size);

/* An extended attribute in the form of getxattr() ("user.note", "security.capability"). */
int image_set_xattr(ImageWriter *w, const char *path, const char *name, const void *value,
                    size_t size);

/* ---- reading files ---- */

/* Does not follow the last component. -ENOENT: it does not exist. */
int image_stat(ImageWriter *w, const char *path, ImageStat *ret);
bool image_exists(ImageWriter *w, const char *path);

/* A regular file of at most max bytes (else -EFBIG), through symbolic links; adds a NUL. The caller
 * frees *ret. Returns the number of bytes. */
ssize_t image_read(ImageWriter *w, const char *path, size_t max, char **ret);

/* The path of what symbolic links in the place of the last component point to; the caller frees it.
 */
int image_resolve(ImageWriter *w, const char *path, char **ret);

/* Calls fn for each entry of a directory, until one call does not return 0; returns that value. */
int image_list(ImageWriter *w, const char *path,
               int (*fn)(const char *name, mode_t type, void *userdata), void *userdata);

/* ---- changing files ---- */

int image_set_node(ImageWriter *w, const char *path, const ImageNode *node); /* not the type */
int image_chmod(ImageWriter *w, const char *path, mode_t permissions);
int image_rename(ImageWriter *w, const char *from, const char *to);
int image_remove(ImageWriter *w, const char *path); /* with its contents; 0 if it does not exist */

/* Makes the single top directory that holds the tree, as in some archives, the root directory.
 * Returns 1 if there was one, 0 if the root directory is the tree already. */
int image_strip(ImageWriter *w);

/* ---- layers, each of which may remove files of those below ---- */

void image_begin_layer(ImageWriter *w);
int image_whiteout(ImageWriter *w, const char *path); /* one name */
int image_opaque(ImageWriter *w, const char *path);   /* all entries of a directory */
