/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What OpenVZ allows a container: /proc/user_beancounters. Pure. */

#include "basic/macro.h"

typedef struct Beancounter {
        uint64_t held, barrier, limit; /* UINT64_MAX where the file says "no limit" */
} Beancounter;

/* Finds a resource such as "privvmpages" in the file's text. -ENODATA: it is not there, or the text
 * tells of several containers: that is the node's view, in which nothing limits us. -EBADMSG: its
 * line is not of the known form. */
int beancounter_find(const char *text, const char *resource, Beancounter *ret);

/* How many bytes the resource, one that is counted in pages of page_size, may still grow by:
 * UINT64_MAX without a limit. *ret_limit is all of it. */
uint64_t beancounter_left(const Beancounter *b, uint64_t page_size, uint64_t *ret_limit);
