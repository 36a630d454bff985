/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whether others can change what a path names: by writing to the file, or by putting another one in
 * its place, for which they need to write to one of the directories that lead there. */

#include <stdbool.h>
#include <sys/stat.h>

/* 1 = others than root, root's group, and the user and group that we run as can, because they may
 * write to *ret_where, or own it; 0 = nobody else can. Symbolic links are followed; in a directory
 * like /tmp, with the sticky bit, only the owner of an entry can replace it. It only looks at what
 * is there now: -ENOENT and the like. */
int path_changed_by_others(const char *path, char **ret_where);

/* May an open file be written by them, by its mode or its access control list? st is fstat()'s. */
bool open_changed_by_others(int fd, const struct stat *st);
