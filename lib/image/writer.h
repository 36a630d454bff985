/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Writes the files of an ext4 file system in an image: without a mount, without a right to change
 * owners or to make devices, in a new image or in an existing one.
 *
 * A path is that of the guest, with or without a slash at its beginning. Symbolic links on the way
 * are followed as the guest would follow them, so none leads out of the image; the last component
 * is never followed, unless it says so. What is put where something is replaces it, a directory
 * with all it holds, unless both are directories.
 *
 * Functions return 0 or a negative errno, of which image_why() knows more. After a failure other
 * than -ENOENT an image that is being made is good for nothing, and one that existed is marked for
 * e2fsck. */

#include "basic/cleanup.h"
#include "image/node.h"

typedef struct ImageWriter ImageWriter;
typedef struct ImageFile ImageFile;

/* What is used up where something fails with -ENOSPC. */
typedef enum ImageFull {
        IMAGE_FULL_NOT,   /* the image has room; the host's disk has not */
        IMAGE_FULL_SPACE, /* no blocks are left in the image */
        IMAGE_FULL_FILES, /* no inodes are left */
} ImageFull;

typedef struct ImageStat {
        ImageNode node;
        uint64_t size;
        uint32_t links;
        uint64_t id; /* the same for all names of a file */
} ImageStat;

/* Opens the file system in fd, a regular file that is not used by anybody else. fresh: format.h has
 * just made it, so what is free in it is zeros. On failure *ret_why is one line, the caller's to
 * free(). -EUCLEAN: it has errors or a journal to be replayed, run e2fsck first; -EMEDIUMTYPE: it
 * is no ext2, ext3 or ext4; -EOPNOTSUPP: it has a feature that nobody wrote here. */
int image_writer_open(int fd, bool fresh, ImageWriter **ret, char **ret_why);

/* Writes all that is still in memory. Frees w also on failure, whose reason goes to *ret_why. */
int image_writer_finish(ImageWriter *w, char **ret_why);

/* Gives up. NULL is fine. */
ImageWriter *image_writer_free(ImageWriter *w);
DEFINE_CLEANUP(ImageWriter *, image_writer_free)

/* The last failure in words; never NULL. */
const char *image_why(const ImageWriter *w);
ImageFull image_full(const ImageWriter *w);

/* Room that is left, and files that the image can have in all. */
uint64_t image_free_bytes(const ImageWriter *w);
uint64_t image_files_max(const ImageWriter *w);

/* ---- putting files there ---- */

int image_directory(ImageWriter *w, const char *path, const ImageNode *node);
int image_symlink(ImageWriter *w, const char *path, const ImageNode *node, const char *target);
int image_special(ImageWriter *w, const char *path, const ImageNode *node); /* device, fifo … */

/* A second name. No symbolic link may lie on the way to target, which has to be there already. */
int image_link(ImageWriter *w, const char *path, const char *target);

/* A regular file; its content is written upward from its beginning, and what is left out is a hole.
 * One file at a time. image_file_end() frees f. */
int image_file_begin(ImageWriter *w, const char *path, const ImageNode *node, ImageFile **ret);
int image_file_write(ImageFile *f, uint64_t offset, const void *data, size_t size);
int image_file_end(ImageFile *f, uint64_t size);
ImageFile *image_file_free(ImageFile *f);
DEFINE_CLEANUP(ImageFile *, image_file_free)

/* A small regular file of root's in one go, with the directories that lead to it. */
int image_put(ImageWriter *w, const char *path, mode_t permissions, const void *data, size_t size);

/* An extended attribute, as getxattr() gives it ("user.note", "security.capability"). */
int image_set_xattr(ImageWriter *w, const char *path, const char *name, const void *value,
                    size_t size);

/* ---- looking at them ---- */

/* Of the last component itself. -ENOENT: it is not there. */
int image_stat(ImageWriter *w, const char *path, ImageStat *ret);
bool image_exists(ImageWriter *w, const char *path);

/* A regular file of at most max bytes (else -EFBIG), through symbolic links; adds a NUL. *ret is
 * which the caller frees. Returns the number of bytes. */
ssize_t image_read(ImageWriter *w, const char *path, size_t max, char **ret);
int image_readlink(ImageWriter *w, const char *path, char **ret);

/* Calls fn for each entry of a directory; what is not 0 ends that and is returned. */
int image_list(ImageWriter *w, const char *path,
               int (*fn)(const char *name, mode_t type, void *userdata), void *userdata);

/* ---- changing them ---- */

int image_set_node(ImageWriter *w, const char *path, const ImageNode *node); /* not the type */
int image_chmod(ImageWriter *w, const char *path, mode_t permissions);
int image_rename(ImageWriter *w, const char *from, const char *to);
int image_remove(ImageWriter *w, const char *path); /* with all it holds; gone already: 0 */

/* Makes the one directory that holds the whole tree, as in some archives, the root. Returns 1 where
 * it was so, 0 where the root is one already. */
int image_strip(ImageWriter *w);

/* ---- layers, of which each may remove what those below it have put there ---- */

void image_begin_layer(ImageWriter *w);
int image_whiteout(ImageWriter *w, const char *path); /* one name */
int image_opaque(ImageWriter *w, const char *path);   /* all that is in a directory */

/* Removes all but the directory lost+found. */
int image_clear(ImageWriter *w);
