/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a network namespace without any interface but a loopback that is down; returns its
 * descriptor. */
int net_ns_new(void);
