/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The connection shared by the files of rtnl.h: requests are written, and answers read, attribute
 * by attribute with libmnl. */

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "host/rtnl.h"

/* One request; all of ours fit. */
typedef union NetRequest {
        struct nlmsghdr header;
        char bytes[512];
} NetRequest;

/* Called for each message of an answer. */
typedef void (*NetMessageFn)(const struct nlmsghdr *h, void *userdata);

/* Begins a request: its type, and the header that messages of this type have. */
void net_request(NetRequest *q, uint16_t type, uint16_t flags, const void *header, size_t size);

/* Sends a request that changes something or that has a single answer, and waits for the kernel's
 * result, which is there at once. fn NULL: no answer is expected. */
int net_ask(Rtnl *rtnl, NetRequest *q, NetMessageFn fn, void *userdata);

/* Sends a dump request and calls fn for each message of the reply, and repeats this if the tables
 * changed meanwhile; fn must tolerate seeing an entry twice. */
int net_dump(Rtnl *rtnl, NetRequest *q, NetMessageFn fn, void *userdata);

/* Finds the attributes of a message of that type, by their numbers up to max (NULL = there is no
 * such one); `size` is that of its header. false = it is another message. */
bool net_parse(const struct nlmsghdr *h, uint16_t type, size_t size, const struct nlattr **ret,
               unsigned max);

/* Likewise for attributes that are nested elsewhere. */
void net_parse_attributes(const void *data, size_t n, const struct nlattr **ret, unsigned max);
