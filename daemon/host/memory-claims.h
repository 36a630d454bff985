/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much of the host's memory each running guest may still take. A UML kernel reserves nothing:
 * it allocates its memory page by page, so what is free now may already be promised. Each umld
 * records its guest's claim in the shared directory; claims of dead umlds do not count. */

#include <sys/types.h>

#include "host/shared.h"

struct Host;

typedef struct MemoryClaim {
        uint64_t need;   /* bytes in all */
        uint64_t device; /* file system that provides them; 0: a private one */
        uint64_t inode;  /* the memory file on it; 0: not known */
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

/* Records the guest's claim, replacing its last. For the sum of all claims see memory-sum.h. */
int memory_claims_note(const struct Host *h, const MemoryClaim *claim);

/* Returns the claims of all other guests. */
int memory_claims_others(const struct Host *h, MemoryClaims *ret);
/* Returns all claims, and locks them until *ret_book is closed. */
int memory_claims_hold(const struct Host *h, SharedSetting **ret_book, MemoryClaims *ret);

/* Removes the claim, if there is one. */
int memory_claims_drop(const struct Host *h);

/* Bytes of the claim that have not been taken yet. What its process has taken is looked up. */
uint64_t memory_claim_open(const MemoryClaim *c);

/* The same for all claims on that device; 0: on any. */
uint64_t memory_claims_open(const MemoryClaims *claims, uint64_t device);

/* Pure: a claim as text and back. -EBADMSG: malformed. */
void memory_claim_format(const MemoryClaim *c, char buf[static MEMORY_CLAIM_TEXT_MAX]);
int memory_claim_parse(const char *text, MemoryClaim *ret);
