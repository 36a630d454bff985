/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Swap space for guests: Disk=FILE,swap=SIZE. */

#include "conf/config.h"
#include "daemon/base/fault.h"

typedef enum SwapWork {
        SWAP_LEFT,     /* it is as it should be, or whoever opens it next reports why not */
        SWAP_CREATED,  /* there is no file */
        SWAP_REPLACED, /* the file has another size, and is to be locked first */
} SwapWork;

/* What is to be done? Anything but swap space is never touched, nor anything but a regular file. */
int disk_swap_check(const Disk *d, SwapWork *ret, Fault *f);

int disk_swap_make(const Disk *d, Fault *f);
