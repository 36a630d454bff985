/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Where the guest's kernel finds its memory directory and its shared objects if it has a root
 * directory of its own (host/mount-tree.h); everything else is at the same path as on the host. */
#define TREE_MEMORY  "/memory"
#define TREE_OBJECTS "/lib"
/* Directories of the host that the guest sees by hostfs; with their path on the host. */
#define TREE_SHARES "/share"
