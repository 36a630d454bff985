/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The limits of an OpenVZ container: /proc/user_beancounters. Pure. */

#include "basic/macro.h"

typedef struct Beancounter {
        uint64_t held, barrier, limit; /* UINT64_MAX if the file says "no limit" */
        uint64_t failures;             /* requests that were refused since the container's start */
} Beancounter;

/* Finds a resource such as "privvmpages" in the text of the file. -ENODATA: it is missing, or the
 * text lists several containers: that is the view of the host node, in which nothing limits us.
 * -EBADMSG: its line has an unknown format. */
int beancounter_find(const char *text, const char *resource, Beancounter *ret);

/* The resources that umld and its guests use up, and what a refusal means; NULL at the end. */
typedef struct BeancounterInfo {
        const char *resource, *meaning;
} BeancounterInfo;

extern const BeancounterInfo beancounter_infos[];

/* How many bytes the resource, which is counted in pages of page_size, may still grow by:
 * UINT64_MAX if unlimited. *ret_limit is the limit. */
uint64_t beancounter_left(const Beancounter *b, uint64_t page_size, uint64_t *ret_limit);
