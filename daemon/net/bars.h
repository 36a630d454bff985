/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What keeps a guest from its host's neighbours, and from taking all of the host's connections:
 * what the rules for that depend on. */

#include "daemon/net/net.h"

/* 1 = something has changed since the last look, and with it what the rules should be. Reads a few
 * small files and the host's addresses, and waits for nothing. */
int net_bars_look(Net *net);

/* How many connections the host can track. */
uint64_t net_tracked_max(void);

/* Adds it to the plan. */
void net_bars_plan(const Net *net, NatPlan *plan);

/* The host lacks something that the guest can do without: it is logged once, and not used from then
 * on. Is it one of these? */
bool net_bars_lacking(Net *net, const char *what, const char *tool, int error);

/* What is in force: the most connections of the guest, or "no" = any number; before there are
 * rules, and in a check that makes none, what is wanted. */
const char *net_connections_format(const Net *net, char buf[static 16]);

/* ---- pure ---- */

/* The share of one of so many guests, of as many connections as the host can track: all guests
 * together get half at most, but each at least 1,024, as far as that leaves the host a quarter
 * and an eighth for connections that are over, and at most 16,384. It is halved each time that the
 * number of guests has doubled: if it changed with each guest, each one's start would make the
 * umlds of all others replace their rules. */
unsigned connections_share(uint64_t max, unsigned guests);

/* How many new TCP connections one of them may have between two looks at the host's table: all
 * guests together an eighth of the table, each at least 1,024, as far as that and all their shares,
 * by both families, leave the host a quarter, and at most 32,768. */
unsigned connections_fresh(uint64_t max, unsigned guests);
