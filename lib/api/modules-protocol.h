/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umld runs "umld-modules NAME KERNEL [WORD...]" with the image of the guest as this descriptor.
 * The program exits with 0 when the modules of that kernel are in the image, and prints what it did
 * or why it could not. */

enum {
        MODULES_IMAGE_FD = 3,
};

#define MODULES_FAST_NETWORK "fast-network"
#define MODULES_IPV6         "ipv6"
