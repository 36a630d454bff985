/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A root directory that holds nothing but what a guest's kernel needs: a read-only tmpfs in which
 * single files and directories of the host are mounted. */

#include <sys/stat.h>

#include "basic/macro.h"

typedef enum TreeKind {
        TREE_FILE,
        TREE_DIRECTORY,
        TREE_UNNAMED, /* a new directory below the source, where only unnamed files can be made:
                         its own name is removed as soon as it is mounted. If the file system cannot
                         do that: the source itself */
} TreeKind;

typedef struct TreeEntry {
        TreeKind kind;
        const char *path;   /* in the tree, absolute */
        const char *source; /* on the host, absolute */
        const char *name;   /* TREE_UNNAMED: of the new directory */
        uid_t owner;        /* the same: of that */
        bool writable, executable;
        bool plain; /* nothing on the way to the source may be a symbolic link */
} TreeEntry;

enum {
        TREE_ENTRIES_MAX = 96,
};

typedef struct MountTree {
        const char
                *base; /* a directory of the host on which it is put together, unseen by others */
        TreeEntry entries[TREE_ENTRIES_MAX];
        size_t n;
} MountTree;

/* All of it, in one piece of memory; NULL = out of memory. */
MountTree *mount_tree_copy(const MountTree *tree);
MountTree *mount_tree_free(MountTree *tree);

/* In the thread that makes a mount namespace: builds the tree, and makes it the root. */
int mount_tree_enter(const MountTree *tree);
