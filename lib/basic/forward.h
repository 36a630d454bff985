/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One port forward: `PROTO/[ADDRESS:]PORT[-PORT][:PORT[-PORT]]`, PROTO = tcp, udp or tcp+udp, each
 * also with a 4 or a 6 behind it.
 *
 *   tcp/8000-10000          the host's ports go to the same ports of the guest
 *   tcp/8080:80             one port to another
 *   tcp/2200-2210:22-32     a range to a range of the same length, first to first
 *   tcp/203.0.113.7:80:80   only what is addressed to this one of the host's addresses
 *   tcp/[2001:db8::7]:80    the same by IPv6
 *   tcp6/80                 only by IPv6, whatever the address; tcp4: only by IPv4
 *   all                     every port of both protocols: the same as tcp+udp/1-65535 */

#include "basic/ip-address.h"

enum {
        FORWARD_TCP = 1 << 0,
        FORWARD_UDP = 1 << 1,
};

typedef enum ForwardFamily {
        FORWARD_BOTH,
        FORWARD_IPV4,
        FORWARD_IPV6,
} ForwardFamily;

typedef struct Forward {
        unsigned protocols;             /* of FORWARD_TCP and FORWARD_UDP */
        uint16_t host_first, host_last; /* inclusive */
        uint16_t guest_first;           /* the port for host_first; the others follow in step */
        ForwardFamily family;           /* for calls of this family alone */
        IpAddress address;              /* … or to this address of the host; any = to each */
} Forward;

/* Returns 0, or -EINVAL/-ERANGE with a static sentence in *ret_why that says what would be right.
 */
int forward_parse(const char *s, Forward *ret, const char **ret_why);

#define FORWARD_TEXT_MAX 96
/* The shortest text of the grammar that means this forward. */
char *forward_format(const Forward *f, char buf[static FORWARD_TEXT_MAX]);

/* Ports of the host alone, by each of its addresses: `PROTO/PORT[-PORT]`. They lead nowhere, so
 * .guest_first is .host_first. */
int ports_parse(const char *s, Forward *ret, const char **ret_why);

/* Is it all ports? Such a forward is what the others leave over: it stands behind them. */
bool forward_is_all(const Forward *f);

/* Do the two claim one port of the host, by an address and a family that both are for? */
bool forward_overlaps(const Forward *a, const Forward *b);

/* A port of the host that is in both a and b, but in none of except. *ret is a forward of that one
 * port, of one protocol, by the family and the address that a and b have in common. */
bool forward_common_port(const Forward *a, const Forward *b, const Forward *except, size_t n_except,
                         Forward *ret);
