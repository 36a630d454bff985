/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* Checks an open file without running it: is it a complete UML kernel for this machine? path is
 * only used in the error: one sentence with the remedy, which the caller frees, NULL if out of
 * memory. Returns 0, -EISDIR or -ENOEXEC, or the error of reading the file. */
int kernel_file_check(int fd, const char *path, bool *ret_static, char **ret_error);

/* Does the file contain one of these strings, the members of a NULL-terminated array, between two
 * NUL bytes? 1 = yes, 0 = no. */
int kernel_file_has_string(int fd, const char *const *strings);
