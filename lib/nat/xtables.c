/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xtables.c - libip4tc and libip6tc behind one table of functions each. */

#include "basic/cleanup.h"

#include "nat/xtables.h"

#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>

/* Functions that differ in the type of a rule, or that we need in another form. */
#define DEFINE_LIBRARY(lib, entry)                                                                 \
        static const void *lib##_first(const char *chain, struct xtc_handle *h) {                  \
                return lib##_first_rule(chain, h);                                                 \
        }                                                                                          \
        static const void *lib##_next(const void *rule, struct xtc_handle *h) {                    \
                return lib##_next_rule(rule, h);                                                   \
        }                                                                                          \
        static const char *lib##_target(const void *rule, struct xtc_handle *h) {                  \
                return lib##_get_target(rule, h);                                                  \
        }                                                                                          \
        static int lib##_append(const char *chain, const void *rule, struct xtc_handle *h) {       \
                return lib##_append_entry(chain, (const struct entry *) rule, h);                  \
        }                                                                                          \
        static int lib##_insert(const char *chain, const void *rule, unsigned at,                  \
                                struct xtc_handle *h) {                                            \
                return lib##_insert_entry(chain, (const struct entry *) rule, at, h);              \
        }                                                                                          \
        static NatCount lib##_counted(const void *rule) {                                          \
                const struct entry *e = rule;                                                      \
                                                                                                   \
                return (NatCount){ e->counters.pcnt, e->counters.bcnt };                           \
        }                                                                                          \
        static int lib##_keep_policy(const char *chain, struct xtc_handle *h) {                    \
                struct xt_counters counters;                                                       \
                const char *policy;                                                                \
                                                                                                   \
                if (!lib##_builtin(chain, h))                                                      \
                        return 1;                                                                  \
                policy = lib##_get_policy(chain, &counters, h);                                    \
                return policy && lib##_set_policy(chain, policy, &counters, h);                    \
        }                                                                                          \
        static const char *lib##_policy(const char *chain, struct xtc_handle *h) {                 \
                struct xt_counters counters;                                                       \
                                                                                                   \
                return lib##_builtin(chain, h) ? lib##_get_policy(chain, &counters, h) : NULL;     \
        }                                                                                          \
        static const XtLibrary lib##_library = {                                                   \
                .init = lib##_init,                                                                \
                .commit = lib##_commit,                                                            \
                .free = lib##_free,                                                                \
                .first_chain = lib##_first_chain,                                                  \
                .next_chain = lib##_next_chain,                                                    \
                .first_rule = lib##_first,                                                         \
                .next_rule = lib##_next,                                                           \
                .target = lib##_target,                                                            \
                .has_chain = lib##_is_chain,                                                       \
                .create_chain = lib##_create_chain,                                                \
                .delete_chain = lib##_delete_chain,                                                \
                .flush_chain = lib##_flush_entries,                                                \
                .append_rule = lib##_append,                                                       \
                .insert_rule = lib##_insert,                                                       \
                .delete_rule = lib##_delete_num_entry,                                             \
                .counted = lib##_counted,                                                          \
                .policy = lib##_policy,                                                            \
                .keep_policy = lib##_keep_policy,                                                  \
        }

DEFINE_LIBRARY(iptc, ipt_entry);
DEFINE_LIBRARY(ip6tc, ip6t_entry);

const XtLibrary *xt_library(NatFamily family) {
        return family == NAT_IPV6 ? &ip6tc_library : &iptc_library;
}
