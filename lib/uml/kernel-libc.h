/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* The newest glibc whose symbols an open file asks for, as in "2.34": *ret_major and *ret_minor;
 * both are 0 if it asks for none, being static, of another libc, or no program. */
int kernel_libc_wanted(int fd, unsigned *ret_major, unsigned *ret_minor);
