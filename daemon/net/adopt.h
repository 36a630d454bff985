/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The network of a running guest, from one umld to the next: what the steps cannot see by looking.
 */

#include "daemon/base/saved.h"
#include "daemon/net/net.h"

void net_save(const Net *net, const SavedText *t);

/* The configuration gets the addresses and the tap that were chosen. */
int net_adopt(Net *net, const Saved *s);
