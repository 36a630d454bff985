/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Masquerading, port forwards and what else the host's tables hold for one guest, by libiptc, in
 * chains of its own (see nat.c); nat-plan.h has what all backends share. Callers hold the xtables
 * lock (xtables-lock.h) around each call. */

#include "basic/forward.h"
#include "basic/ip-address.h"

typedef enum NatFamily {
        NAT_IPV4,
        NAT_IPV6,
        NAT_FAMILY_MAX,
} NatFamily;

typedef enum NatTable {
        NAT_TABLE_FILTER,
        NAT_TABLE_NAT,
        NAT_TABLE_MANGLE,
        NAT_TABLE_MAX,
} NatTable;

/* What of the host itself the guest may reach. Answers to what the host asked it for always come
 * in. */
typedef enum NatHostAccess {
        NAT_HOST_ALL,  /* whatever the host's own rules allow */
        NAT_HOST_ICMP, /* as far as they allow it: echo requests */
        NAT_HOST_NO,
} NatHostAccess;

/* What a plan says of one family; addresses are of that family. */
typedef struct NatSide {
        IpAddress guest_address; /* any = nothing is planned for this family */
        IpAddress host_address;  /* the tap's; needed with public addresses and one_arm */
        bool masquerade;
        IpAddress snat_address; /* masquerade by SNAT to this one; any = by MASQUERADE */
        /* The uplink's addresses, by which the host and its guests reach the forwards too. */
        const IpAddress *public;
        size_t n_public;
} NatSide;

typedef struct NatPlan {
        const char *guest; /* names the chains */
        const char *tap;
        const char *uplink;
        NatSide side[NAT_FAMILY_MAX];
        bool one_arm; /* forwarded connections seem to come from host_address */
        const Forward *forwards;
        size_t n_forwards;
        const Forward *guarded; /* ports that stay the host's, whatever the forwards say */
        size_t n_guarded;
        NatHostAccess host_access;
        bool clamp_mss; /* TCP segments fit the path: needs table mangle and target TCPMSS */
} NatPlan;

/* What the host refused. */
typedef struct NatRefusal {
        const char *what; /* static: "table nat", "target MASQUERADE" … */
        NatFamily family;
        NatTable table;
} NatRefusal;

/* Makes the tables be as planned: one commit for each table that differs, none where nothing does.
 * 1 = changed, 0 = was already so. Foreign rules and their counters are never touched.
 *
 * On failure *ret_refusal says what the host refused. -ENOPROTOOPT: this host has no such table;
 * -EOPNOTSUPP: it has no such feature; -EPERM: it forbids it; -E2BIG: the forwards need more than
 * 1024 rules; -EAGAIN: somebody who does not take the lock keeps changing the table. Where nothing
 * of the guest was there before, a failure leaves nothing behind; else the old rules stay where
 * they could not be changed. */
int nat_apply(const NatPlan *plan, NatRefusal *ret_refusal);

/* Has the kernel the target MASQUERADE? Where it cannot be told, it is taken for granted. */
bool nat_has_masquerade(NatFamily family);

/* Takes away every chain and jump of that guest; a table that is not in use stays so. 1 = removed
 * something, 0 = there was nothing. */
int nat_remove(const char *guest, NatRefusal *ret_refusal);

/* How many calls the rules that lead this port (one, of one protocol) have seen. -ENOENT: there is
 * no such rule. */
int nat_packets(const char *guest, const Forward *port, uint64_t *ret);

/* How many rules of others see a packet in FORWARD before the guest's own chain does; -ENOENT: that
 * is not there. */
int nat_foreign_before(const char *guest);

/* 1 = the tables hold exactly the plan, 0 = they differ (nat_apply() would change something). */
int nat_check(const NatPlan *plan, NatRefusal *ret_refusal);
