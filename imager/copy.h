/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Copies an image from a regular file, keeping its holes. */

#include "basic/macro.h"

/* Copies size bytes from offset on; UINT64_MAX: all. Blocks are shared (reflinks) if the file
 * system supports that. */
int copy_image(int from, int to, uint64_t offset, uint64_t size,
               void (*progress)(uint64_t done, void *userdata), uint64_t *ret_size);
