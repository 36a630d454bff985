/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The indices of distributions' mirrors: which file is wanted, and its checksum. Pure; the texts
 * come from the network. */

#include "basic/sha256.h"
#include "basic/string-util.h"

typedef struct MirrorFile {
        char *name; /* in the same directory; the caller frees it */
        char sum[SHA256_TEXT + 1];
} MirrorFile;

/* Of Alpine's latest-releases.yaml: the file of this flavor ("alpine-minirootfs"). -ENOENT: it has
 * none; -EBADMSG: it has no usable name or checksum. */
int mirror_read_alpine(const char *text, const char *flavor, MirrorFile *ret);

/* Of the output of sha256sum(1): the first file that begins and ends like this. */
int mirror_read_sums(const char *text, const char *prefix, const char *suffix, MirrorFile *ret);
