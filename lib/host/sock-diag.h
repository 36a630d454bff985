/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lists the sockets of this network namespace through the kernel's sock_diag interface. */

#include <linux/inet_diag.h>

#include "basic/macro.h"

typedef int (*SockDiagFn)(const struct inet_diag_msg *m, uint64_t cgroup, void *userdata);

/* Calls fn for each socket, with the id of the control group (version 2) in which it was created, 0
 * if the kernel does not tell (before 5.8), of that family (AF_INET, AF_INET6), protocol
 * (IPPROTO_TCP, IPPROTO_UDP) and set of states (bits 1 << TCP_LISTEN and so on), until fn returns a
 * negative errno, which is then the result. -ENOPROTOOPT: not available in this kernel or
 * container. */
int sock_diag_foreach(int family, int protocol, unsigned states, SockDiagFn fn, void *userdata);
