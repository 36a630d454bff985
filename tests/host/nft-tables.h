/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tests of the nftables backend share: a kernel that lacks a feature, and a plan with
 * every kind of rule. */

#include "nat-tables.h"

/* What stands between libnftables and the kernel: sendmsg() of our own. */
typedef struct NftKernel {
        bool no_inet_nat, no_nat, no_dnat, no_masquerade, no_quota;
        bool no_library;     /* dlopen() does not find it */
        const char *disturb; /* run before each transaction */
} NftKernel;

extern NftKernel nft_kernel;

/* Setup of a test: nat_setup(), and a kernel that has everything. */
int nft_setup(void **state);

/* There is no table. */
void assert_nothing(void);

/* Compares the rules with a file beside this one. */
void assert_listing(const char *file);

/* Every kind of rule, of both families. */
NatPlan full_plan(void);
extern const IpAddress public4[1], public6[1];
