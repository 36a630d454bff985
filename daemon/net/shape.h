/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The bandwidth of a guest, Bandwidth=. */

struct Net;

/* Part of the step "tap": limits what passes the tap, once for each tap. A host that cannot do it
 * has refused the layer. */
void net_shape(struct Net *net);

/* Those limits are no longer wanted: whatever is wanted now is set with that step. */
void net_shape_forget(struct Net *net);
