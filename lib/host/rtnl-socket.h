/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The connection shared by the files of rtnl.h. */

#include "host/rtnl.h"

#include <netlink/msg.h>
#include <netlink/netlink.h>

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)

struct nl_sock *net_socket(Rtnl *rtnl);

/* The result of an exchange. An error that is not a plain error reply of the kernel may have left a
 * reply unread, which would be taken for that of the next request, or the sequence numbers out of
 * step: then a new connection is opened. */
int net_exchanged(Rtnl *rtnl, int nle);

int net_dump_request(int type, void *header, size_t size, struct nl_msg **ret);

/* Sends a dump request and calls fn for each message of the reply, and repeats this if the tables
 * changed meanwhile; fn must tolerate seeing an entry twice. */
int net_dump(Rtnl *rtnl, struct nl_msg *request, nl_recvmsg_msg_cb_t fn, void *userdata);
