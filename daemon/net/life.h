/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "daemon/net/net.h"

/* Creates and frees a Net with the parts that its files own: above all of them, so that none has to
 * know the others for that. */

/* host is borrowed. */
int net_new(Host *host, Net **ret);
/* Frees; undoes nothing. */
Net *net_free(Net *net);
DEFINE_CLEANUP(Net *, net_free)
