/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Swap space in a file, as mkswap(8) makes it for Linux with pages of 4 KiB. */

#include "basic/macro.h"

enum {
        SWAP_PAGE = 4096,
        SWAP_PAGES_MIN = 10, /* less is refused by swapon(8) */
};

/* Makes the file swap space of that size, which is a multiple of SWAP_PAGE: sparse, whatever was in
 * it is gone. */
int swap_file_write(int fd, uint64_t size);

/* *ret is the size of the swap space in it. -EBADMSG: it is none. */
int swap_file_size(int fd, uint64_t *ret);
