/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Masquerading and port forwards of one guest by libiptc, in chains of its own (see nat.c). The
 * only file that sees libiptc; nat-plan.h has what all backends share. Callers hold the xtables
 * lock (xtables-lock.h) around each call. */

#include <netinet/in.h>

#include "basic/forward.h"

typedef struct NatPlan {
        const char *guest; /* names the chains */
        const char *tap;
        const char *uplink;
        struct in_addr guest_address;
        struct in_addr host_address; /* the tap's; needed with public addresses and one_arm */
        bool masquerade;
        struct in_addr snat_address; /* masquerade by SNAT to this one; 0.0.0.0 = by MASQUERADE */
        bool one_arm;                /* forwarded connections seem to come from host_address */
        const Forward *forwards;
        size_t n_forwards;
        const Forward *guarded; /* ports that stay the host's, whatever the forwards say */
        size_t n_guarded;
        /* The uplink's addresses, by which the host and its guests reach the forwards too. */
        const struct in_addr *public;
        size_t n_public;
} NatPlan;

/* Makes the tables be as planned: one commit for each table that differs, none where nothing does.
 * 1 = changed, 0 = was already so. Foreign rules and their counters are never touched.
 *
 * On failure *ret_what (static) names what the host refused: "table nat", "target MASQUERADE" …
 * -ENOPROTOOPT: this host has no such table; -EOPNOTSUPP: it has no such feature; -EPERM: it
 * forbids it; -E2BIG: the forwards need more than 1024 rules; -EAGAIN: somebody who does not take
 * the lock keeps changing the table. Where nothing of the guest was there before, a failure leaves
 * nothing behind; else the old rules stay where they could not be changed. */
int nat_apply(const NatPlan *plan, const char **ret_what);

/* Has the kernel the target MASQUERADE? Where it cannot be told, it is taken for granted. */
bool nat_has_masquerade(void);

/* Takes away every chain and jump of that guest; a table that is not in use stays so. 1 = removed
 * something, 0 = there was nothing. */
int nat_remove(const char *guest, const char **ret_what);

/* How many calls the rule that leads this port (one, of one protocol) has seen. -ENOENT: there is
 * no such rule. */
int nat_packets(const char *guest, const Forward *port, uint64_t *ret);

/* How many rules of others see a packet in FORWARD before the guest's own chain does; -ENOENT: that
 * is not there. */
int nat_foreign_before(const char *guest);

/* 1 = the tables hold exactly the plan, 0 = they differ (nat_apply() would change something). */
int nat_check(const NatPlan *plan, const char **ret_what);
