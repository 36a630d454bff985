/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Are the legacy tables as planned? */

#include "nat/plan.h"

/* 1 = they match the plan, 0 = they differ; what a NatBackend's check() returns. */
int xt_check(Nat *nat, const char *guest, const NatChains *chains, NatRefusal *ret_refusal);

/* The next check reads the rules. */
void xt_forget(Nat *nat);
