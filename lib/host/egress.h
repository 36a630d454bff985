/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Whose fault is it that a connection from this host to its guest fails?
 *
 * connect() does not tell. When netfilter drops a SYN on its way out, the kernel tries again as if
 * the network had lost it, and what a rule of the host's own rejects looks like a refusal by the
 * guest. A packet that is sent by a raw socket goes the same way, through the same hooks, and there
 * the caller is told what became of it. */

#include "basic/ip-address.h"

/* Sends one SYN to that address, as a connection between these ports would. 0 = the host let it go;
 * -EPERM: its firewall did not; -ENETUNREACH, -EHOSTUNREACH …: it has no route there. -EOPNOTSUPP:
 * this cannot be told here, because umld may not open raw sockets. */
int egress_try(const IpAddress *to, uint16_t from_port, uint16_t to_port);

/* About a socket whose connection to that address has failed by that error: 0 = it is the guest's,
 * or cannot be told; else as egress_try(), and -EACCES: the guest has answered, but the host's
 * firewall does not let that in. */
int egress_judge(int fd, int error, const IpAddress *to, uint16_t to_port);

/* A clause that says so, for what they returned. */
const char *egress_explain(int error);
