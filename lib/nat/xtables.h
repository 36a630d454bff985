/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A common interface to the two libraries that edit the legacy tables, libip4tc and libip6tc, which
 * do the same under different names, and to our own reader (xt-read.h). Only xtables.c uses the
 * libraries. Unless stated otherwise, 0 is a failure with its reason in errno. */

#include "nat/nat.h"

struct xt_counters;
struct xtc_handle;

typedef struct XtLibrary {
        struct xtc_handle *(*init)(const char *table); /* a snapshot */
        int (*commit)(struct xtc_handle *h);
        void (*free)(struct xtc_handle *h);

        /* NULL at the end. */
        const char *(*first_chain)(struct xtc_handle *h);
        const char *(*next_chain)(struct xtc_handle *h);
        const void *(*first_rule)(const char *chain, struct xtc_handle *h);
        const void *(*next_rule)(const void *rule, struct xtc_handle *h);
        const char *(*target)(const void *rule, struct xtc_handle *h);

        int (*has_chain)(const char *chain, struct xtc_handle *h);
        int (*create_chain)(const char *chain, struct xtc_handle *h);
        int (*delete_chain)(const char *chain, struct xtc_handle *h);
        int (*flush_chain)(const char *chain, struct xtc_handle *h);
        int (*append_rule)(const char *chain, const void *rule, struct xtc_handle *h);
        int (*insert_rule)(const char *chain, const void *rule, unsigned at, struct xtc_handle *h);
        int (*delete_rule)(const char *chain, unsigned at, struct xtc_handle *h);

        NatCount (*counted)(const void *rule);
        /* For a built-in chain "ACCEPT" or "DROP"; for another one NULL. */
        const char *(*policy)(const char *chain, struct xtc_handle *h);

        /* Sets the policy of a built-in chain to what it is, with its counters, which a commit
         * would reset. */
        int (*keep_policy)(const char *chain, struct xtc_handle *h);
} XtLibrary;

const XtLibrary *xt_library(NatFamily family);
