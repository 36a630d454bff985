/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* One port forward: `[PROTO/][ADDRESS:]PORT[-PORT][:PORT[-PORT]]`, PROTO = tcp, udp or tcp+udp,
 * each optionally followed by 4 or 6; tcp if there is none. docker(1) writes the protocol behind
 * the ports; that is understood, too, but never printed.
 *
 *   tcp/8000-10000          the host's ports go to the same ports of the guest
 *   tcp/8080:80             one port to another
 *   tcp/2200-2210:22-32     a range to a range of the same length, in order
 *   tcp/203.0.113.7:80:80   only connections to this address of the host
 *   tcp/[2001:db8::7]:80    the same for IPv6
 *   tcp6/80                 only by IPv6, to any address; tcp4: only by IPv4
 *   proto/gre, proto/47     another protocol, which has no ports
 *   8080:80, 53/udp         the same as tcp/8080:80 and udp/53
 *   all                     every port of both protocols, like tcp+udp/1-65535 */

#include "basic/ip-address.h"

enum {
        FORWARD_TCP = 1 << 0,
        FORWARD_UDP = 1 << 1,
        FORWARD_OTHER = 1 << 2, /* a protocol without ports, alone: its number is in their place */
};

typedef enum ForwardFamily {
        FORWARD_BOTH,
        FORWARD_IPV4,
        FORWARD_IPV6,
} ForwardFamily;

typedef struct Forward {
        unsigned protocols;             /* of FORWARD_TCP, FORWARD_UDP, FORWARD_OTHER */
        uint16_t host_first, host_last; /* inclusive */
        uint16_t guest_first; /* the guest port for host_first; the others follow in order */
        ForwardFamily family; /* only for connections of this family */
        IpAddress address; /* only for connections to this address of the host; unspecified = any */
        bool range;        /* written as one, if only of a single port */
} Forward;

/* Returns 0, or -EINVAL/-ERANGE with a static sentence in *ret_why that says what is valid. */
int forward_parse(const char *s, Forward *ret, const char **ret_why);

/* Was it probably meant to be a range? tcp/9000:19000 is how iptables(8) writes one. */
bool forward_is_doubtful(const Forward *f);

#define FORWARD_TEXT_MAX 96
/* Formats this forward in its shortest form. */
char *forward_format(const Forward *f, char buf[static FORWARD_TEXT_MAX]);

/* Ports of the host only, on all of its addresses: `PROTO/PORT[-PORT]`. They are not forwarded, so
 * .guest_first is .host_first; and the protocol is never left out. */
int ports_parse(const char *s, Forward *ret, const char **ret_why);

/* Is it all ports? Such a forward only gets the ports that no other forward has, so it comes last.
 */
bool forward_is_all(const Forward *f);

bool forward_equal(const Forward *a, const Forward *b);

/* Do both match the same port of the host, on an address and a family that they have in common? */
bool forward_overlaps(const Forward *a, const Forward *b);

/* Finds a port of the host that is in both a and b, but in none of except. *ret is a forward of
 * that single port, one protocol, and the family and address that a and b have in common. */
bool forward_common_port(const Forward *a, const Forward *b, const Forward *except, size_t n_except,
                         Forward *ret);
