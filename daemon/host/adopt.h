/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the steps of the host have set up for a running guest, from one umld to the next. The
 * changes to the host themselves are in the ledger. */

#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"
#include "daemon/host/host.h"

void host_save(const Host *h, const SavedText *t, Keeper *k);

/* As if the steps had just done all that. */
int host_adopt(Host *h, Adoption *a);
