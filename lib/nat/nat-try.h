/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Do the rules of a guest work on this host? They are made by the backend itself, in a network
 * namespace that only a child sees and that ends with it: nothing of the host's is touched, except
 * that its kernel may load modules. */

#include "nat/nat.h"

enum {
        NAT_TRY_WHAT_MAX = 64,
};

/* 0 = they do. -ENOPROTOOPT, -EOPNOTSUPP, -EPERM, -ENOPKG as from NatBackend.apply(), and ret_what
 * is what was refused: "table nat", "target MASQUERADE". -ENOTUNIQ: the host allows no network
 * namespaces, so it was not tried. snat: with an address that is given, instead of masquerading. */
int nat_try(const NatBackend *backend, bool snat, char ret_what[static NAT_TRY_WHAT_MAX]);
