/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Notifications about the network of this namespace: links, addresses, routes, rules for them and
 * settings such as ip_forward, of both families. What they say is not of interest here, only that
 * there was one. */

#include <stddef.h>

/* A nonblocking socket that becomes readable with each notification. */
int rtnl_events_open(void);

/* Lets the kernel drop what is not about one of these interfaces, all of them, a route of at least
 * half the Internet or a rule, so that a busy neighbour does not wake this process. n = 0: nothing
 * is dropped. Calling it again replaces the filter; what the old one dropped meanwhile is lost. */
int rtnl_events_filter(int fd, const unsigned indexes[], size_t n);

/* Discards what has come. */
void rtnl_events_drain(int fd);
