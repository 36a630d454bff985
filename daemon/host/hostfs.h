/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Directories of the host that the guest sees by hostfs: Share=, and Root=hostfs:DIR. They are part
 * of the kernel's own root directory, below TREE_SHARES, with the path that they have on the host;
 * a host that refuses such a root directory has no hostfs, since that would show all its files. */

#include "daemon/base/fault.h"

struct Host;

enum {
        HOSTFS_TEXT_MAX = 512,
};

/* Steps: are they there; and, once the root directory is made, can they be shown? */
int hostfs_look(struct Host *h, Fault *f);
int hostfs_look_down(struct Host *h, Fault *f);
int hostfs_up(struct Host *h, Fault *f);

/* Does the guest have it? */
bool hostfs_is_on(const struct Host *h);

/* Is its root directory one of the host's, in which it may do all that root may with files? */
bool hostfs_is_roots(const struct Host *h);

/* For people: "off", or what it shows and in what way. Returns buf. */
const char *hostfs_text(const struct Host *h, char buf[static HOSTFS_TEXT_MAX]);
