/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* Looks at an open file without running it: is it a UML kernel, whole, for this machine? path is
 * only for the error: one sentence with the remedy, the caller's to free(), NULL when memory is
 * out. Returns 0, -EISDIR or -ENOEXEC, or the reason why it could not be read. */
int kernel_file_check(int fd, const char *path, bool *ret_static, char **ret_error);

/* Does one of these strings, each NULL-terminated array member a whole one, stand in the file
 * between two NUL bytes? 1 = yes, 0 = no. */
int kernel_file_has_string(int fd, const char *const *strings);
