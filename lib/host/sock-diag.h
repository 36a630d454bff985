/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lists the sockets of this network namespace through the kernel's sock_diag interface. */

#include <linux/inet_diag.h>

#include "basic/macro.h"

/* Calls fn for each socket of that family (AF_INET, AF_INET6), protocol (IPPROTO_TCP, IPPROTO_UDP)
 * and set of states (bits 1 << TCP_LISTEN and so on), until fn returns a negative errno, which is
 * then the result. -ENOPROTOOPT: not available in this kernel or container. */
int sock_diag_foreach(int family, int protocol, unsigned states,
                      int (*fn)(const struct inet_diag_msg *m, void *userdata), void *userdata);
