/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The connection as the files of rtnl.h share it. */

#include "host/rtnl.h"

#include <netlink/msg.h>
#include <netlink/netlink.h>

DEFINE_CLEANUP(struct nl_msg *, nlmsg_free)

struct nl_sock *net_socket(Rtnl *rtnl);

/* The result of an exchange. An error that is not the kernel's plain answer may have left an answer
 * unread, which would be taken for that of the next request, or the two sides at different numbers:
 * a new connection begins anew. */
int net_exchanged(Rtnl *rtnl, int nle);

int net_dump_request(int type, void *header, size_t size, struct nl_msg **ret);

/* Sends a dump request and calls fn for each message of the answer, until no change of the tables
 * came between; what fn has seen twice must do no harm. */
int net_dump(Rtnl *rtnl, struct nl_msg *request, nl_recvmsg_msg_cb_t fn, void *userdata);
