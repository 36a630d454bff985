/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tests of nat.c share: a guest's plan, what the tables must hold for it, and a kernel
 * that can be made to refuse. */

#include "private-net.h"

#include "nat/nat.h"

/* What stands between libiptc and the kernel: setsockopt() and getsockopt() of our own. */
typedef struct NatKernel {
        unsigned commits;      /* seen since nat_kernel_reset() */
        unsigned reads;        /* of whole tables */
        unsigned refuse_from;  /* number of the first commit to refuse */
        unsigned refuse_to;    /* and of the last one (0 = none) */
        int refuse_with;       /* with this errno */
        int no_tables;         /* errno of every look at a table */
        const char *no_table;  /* there is none of that name */
        bool no_masquerade;    /* the kernel knows no such target */
        const char *no_match;  /* nor a match of that name */
        unsigned max_revision; /* of any extension */
        const char *disturb;   /* run once before the next commit: somebody without the lock */
} NatKernel;

extern NatKernel nat_kernel;

void nat_kernel_reset(void);
/* Resets, and refuses the commits from the n-th to the m-th. */
void nat_kernel_refuse(unsigned from, unsigned to, int error);

/* The backend that the tests are run with: UMLD_TEST_BACKEND, else iptables. What it remembers of a
 * guest is kept until the next setup. */
const NatBackend *tested_backend(void);
int nat_apply(const NatPlan *plan, NatRefusal *ret_refusal);
int nat_check(const NatPlan *plan, NatRefusal *ret_refusal);
int nat_remove(const char *guest, NatRefusal *ret_refusal);
int nat_packets(const NatPlan *plan, const Forward *port, uint64_t *ret);
bool nat_has_masquerade(NatFamily family);

/* Setup of a test: an obliging kernel and empty tables. */
int nat_setup(void **state);

/* The guest "web" with a forward of each kind, and its tables as iptables-save prints them. */
extern const NatPlan web;
extern const char web_filter[], web_nat[];

/* nat_apply() that must not fail. */
int apply(const NatPlan *plan);
/* nat_check() and nat_remove() with whatever they return. */
int check(const NatPlan *plan);
int take_away(const char *guest);

/* Compares a table with text like web_nat. */
void assert_table(const char *table, const char *expected);
void assert_as_planned(void);

/* Prints both tables with all counters, in this order, whichever was used first. */
#define SAVE_COUNTED                                                                               \
        "{ iptables-legacy-save -c -t filter; iptables-legacy-save -c -t nat; } | sed '/^#/d'"
