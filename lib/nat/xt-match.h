/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Judges single matches of iptables: those of a legacy table, and those that iptables-nft(8) stores
 * in nf_tables as they are. Pure. */

#include "nat/packet.h"

/* One extension: its name, revision and data. */
Match xt_match_judge(const char *name, uint8_t revision, const void *data, size_t size,
                     const Packet *p);

/* What a target does, by its name; a standard verdict's is as iptables(8) prints it. */
int xt_target_step(const char *name);

/* All of an entry but the target. */
Match xt_entry_judge(NatFamily family, const void *entry, const Packet *p);
bool xt_entry_is_goto(NatFamily family, const void *entry);
