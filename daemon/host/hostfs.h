/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Directories of the host that the guest sees by hostfs: Share=, and Root=hostfs:DIR. They are part
 * of the kernel's own root directory, below TREE_SHARES, with the path that they have on the host;
 * a host that refuses such a root directory has no hostfs, since that would show all its files. */

#include "conf/config.h"
#include "daemon/base/fault.h"

struct Host;

enum {
        HOSTFS_TEXT_MAX = 512,
};

/* The directory of that number, whether Root= or a Share=; NULL = there are no more. */
const char *hostfs_directory(const Config *c, size_t i);

/* What a look at them finds, which is for a child (daemon/host/files.h). */
typedef struct HostfsSight {
        size_t which; /* the first that is not such a directory … */
        int error;    /* and why; 0 = all are */
        bool open;    /* other users of the host get to that of Root= */
} HostfsSight;

void hostfs_look(const Config *c, HostfsSight *ret);
int hostfs_judge(struct Host *h, const HostfsSight *s, Fault *f);

/* Step: can they be shown, once the root directory is made? */
int hostfs_up(struct Host *h, Fault *f);

/* Does the guest have it? */
bool hostfs_is_on(const struct Host *h);

/* Is its root directory one of the host's, in which it may do all that root may with files? */
bool hostfs_is_roots(const struct Host *h);

/* For people: "off", or what it shows and in what way. Returns buf. */
const char *hostfs_text(const struct Host *h, char buf[static HOSTFS_TEXT_MAX]);
