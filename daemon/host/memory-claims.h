/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every running guest may come to hold of the host's memory. A UML kernel reserves nothing: it
 * takes its memory page by page, so what is free now may have been promised already. Each umld
 * notes its guest's claim in the directory that all share; one whose umld is gone does not count.
 */

#include <sys/types.h>

#include "host/shared.h"

struct Host;

typedef struct MemoryClaim {
        uint64_t need;   /* bytes in all */
        uint64_t device; /* file system that they come from; 0: one of the guest's own */
        uint64_t inode;  /* the memory file on it; 0: not known yet */
        pid_t pid;       /* the process that has it open, 0 = none */
} MemoryClaim;

enum {
        MEMORY_CLAIM_TEXT_MAX = 100,
        MEMORY_CLAIMS_MAX = 256, /* guests on one host */
};

typedef struct MemoryClaims {
        MemoryClaim v[MEMORY_CLAIMS_MAX];
        size_t n;
} MemoryClaims;

/* Notes the guest's claim, replacing its last. What all may still take is told by memory-sum.h. */
int memory_claims_note(const struct Host *h, const MemoryClaim *claim);

/* Only looks: at those of all other guests. */
int memory_claims_others(const struct Host *h, MemoryClaims *ret);
/* At all there are, none of which changes until the book is closed. */
int memory_claims_hold(const struct Host *h, SharedSetting **ret_book, MemoryClaims *ret);

/* Takes it back; none is fine. */
int memory_claims_drop(const struct Host *h);

/* Bytes of the claim that have not been taken yet. What its process has taken is looked up. */
uint64_t memory_claim_open(const MemoryClaim *c);

/* The same of all claims on that device, of all there are for 0. */
uint64_t memory_claims_open(const MemoryClaims *claims, uint64_t device);

/* Pure: a claim as text and back. -EBADMSG: it is none. */
void memory_claim_format(const MemoryClaim *c, char buf[static MEMORY_CLAIM_TEXT_MAX]);
int memory_claim_parse(const char *text, MemoryClaim *ret);
