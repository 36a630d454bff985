/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* How much memory all guests of the host may still take, added up by one umld for all of them.
 *
 * Adding up the claims means looking at the processes of every guest. Every umld needs the sum
 * every few seconds, so the work would grow with the square of the number of guests. Therefore the
 * umld that finds the sum outdated computes a new one and stores it in the shared directory. An
 * older sum errs on the safe side: what guests have taken since counts twice. So an umld that finds
 * too little memory by an older sum asks for a fresh one (max_age 0). A change of a claim, and the
 * end of a guest, updates or removes the sum. */

#include "basic/time-util.h"
#include "daemon/host/host.h"
#include "daemon/host/memory-claims.h"

/* For a start, of which there may be many at once: running guests make a new one this often. */
#define MEMORY_SUM_AGE (10 * USEC_PER_SEC)

/* *ret_open: of the claims of all guests, *ret_on_device: of those on this file system. */
int memory_sum_get(const Host *h, uint64_t device, usec_t max_age, uint64_t *ret_open,
                   uint64_t *ret_on_device);

/* The same without what this guest has noted and not begun to take; device 0: on all of them. */
int memory_sum_others(const Host *h, uint64_t device, usec_t max_age, uint64_t *ret);

/* This guest's claim has changed from one to the other, under the lock of the claims. Need 0: there
 * was none. */
void memory_sum_change(const Host *h, const MemoryClaim *from, const MemoryClaim *to);

/* Claims have changed in another way, or a guest has given back what it had taken. */
void memory_sum_forget(const Host *h);

/* ---- the kept sum itself, for memory-others.c ---- */

enum {
        MEMORY_DEVICES_MAX = 16, /* with more of them, every umld adds up the claims itself */
};

typedef struct MemorySum {
        usec_t when;
        uint64_t open;
        struct {
                uint64_t device, open;
        } on[MEMORY_DEVICES_MAX];
        size_t n;
} MemorySum;

/* Where it is; the caller frees it. */
char *memory_sum_path(const Host *h);
int memory_sum_load(const char *path, usec_t max_age, MemorySum *ret);
void memory_sum_store(const char *path, const MemorySum *s);

/* Adds a claim. false: there are too many file systems. */
bool memory_sum_add(MemorySum *s, uint64_t device, uint64_t open);
uint64_t memory_sum_on(const MemorySum *s, uint64_t device);
