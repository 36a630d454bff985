/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.c - parses and formats port forwards, and checks whether two of them overlap. */

#include <ctype.h>
#include <stdio.h>

#include "basic/forward.h"

static const char why_form[] =
        "use PROTO/PORT, PROTO/PORT-PORT or PROTO/PORT:PORT, for example tcp/8080:80";
static const char why_ports[] = "use PROTO/PORT or PROTO/PORT-PORT, for example tcp/8000-8010";
static const char why_protocol[] = "the protocol must be tcp, udp or tcp+udp, or for one address "
                                   "family tcp4, udp4, tcp6 or udp6";
static const char why_port[] = "ports must be from 1 to 65535";
static const char why_order[] = "the first port of a range must be its lowest";
static const char why_length[] = "host and guest ranges must have the same number of ports";
static const char why_address[] = "the address must be a unicast address of the host, for example "
                                  "tcp/203.0.113.7:80 or tcp/[2001:db8::7]:80";
static const char why_family[] = "the protocol and the address are of different address families";

static const char why_number[] =
        "use the protocol's number or name, for example proto/47 or proto/gre";
static const char why_has_ports[] = "TCP and UDP are forwarded by port, for example tcp/80";
static const char why_icmp[] = "ICMP is for the host itself";

#define OTHER "proto/"

static int refuse(int error, const char *why, const char **ret_why) {
        *ret_why = why;
        return error;
}

/* Shortest first among those with the same meaning. */
static const struct {
        const char *name;
        unsigned protocols;
        ForwardFamily family;
} protocol_names[] = {
        { "tcp", FORWARD_TCP, FORWARD_BOTH },
        { "udp", FORWARD_UDP, FORWARD_BOTH },
        { "tcp+udp", FORWARD_TCP | FORWARD_UDP, FORWARD_BOTH },
        { "tcp4", FORWARD_TCP, FORWARD_IPV4 },
        { "udp4", FORWARD_UDP, FORWARD_IPV4 },
        { "tcp4+udp4", FORWARD_TCP | FORWARD_UDP, FORWARD_IPV4 },
        { "tcp6", FORWARD_TCP, FORWARD_IPV6 },
        { "udp6", FORWARD_UDP, FORWARD_IPV6 },
        { "tcp6+udp6", FORWARD_TCP | FORWARD_UDP, FORWARD_IPV6 },
};

/* Is this name, up to the end of the text or a slash, that of protocols? */
static bool find_protocols(const char *name, Forward *f) {
        size_t length = strcspn(name, "/");

        FOREACH_ELEMENT (n, protocol_names) {
                if (strlen(n->name) != length || strncmp(n->name, name, length) != 0)
                        continue;
                f->protocols = n->protocols;
                f->family = n->family;
                return true;
        }
        return false;
}

/* Parses the protocol and its slash, and advances *s. *ret_end: where the ports end, which is
 * before the protocol if that comes last. */
static int take_protocols(const char **s, Forward *f, const char **ret_end, const char **ret_why) {
        const char *slash = strchr(*s, '/');
        bool first = !isdigit((unsigned char) **s) && **s != '[';

        if (first && !slash)
                return refuse(-EINVAL, why_form, ret_why);
        if (!find_protocols(first ? *s : slash ? slash + 1 : "tcp", f))
                return refuse(-EINVAL, why_protocol, ret_why);
        *s = first ? slash + 1 : *s;
        *ret_end = first || !slash ? strchr(*s, '\0') : slash;
        return 0;
}

/* Those that people forward; the others have numbers. */
static const struct {
        const char *name;
        uint8_t number;
} other_protocols[] = { { "ipip", 4 }, { "ipv6", 41 },  { "gre", 47 },  { "esp", 50 },
                        { "ah", 51 },  { "l2tp", 115 }, { "sctp", 132 } };

static int take_number(const char *s, uint16_t *ret) {
        unsigned v = 0;

        FOREACH_ELEMENT (o, other_protocols)
                if (streq(s, o->name)) {
                        *ret = o->number;
                        return 0;
                }
        for (const char *p = s; *p; p++) {
                if (!isdigit((unsigned char) *p) || p - s == 3)
                        return -EINVAL;
                v = v * 10 + (unsigned) (*p - '0');
        }
        *ret = (uint16_t) v;
        return v >= 1 && v <= UINT8_MAX ? 0 : -EINVAL;
}

/* ICMP is for the host, and TCP and UDP have ports. */
static int parse_other(const char *s, Forward *ret, const char **ret_why) {
        Forward f = { .protocols = FORWARD_OTHER };

        if (take_number(s, &f.host_first) < 0)
                return refuse(-EINVAL, why_number, ret_why);
        if (f.host_first == IPPROTO_TCP || f.host_first == IPPROTO_UDP)
                return refuse(-EINVAL, why_has_ports, ret_why);
        if (f.host_first == IPPROTO_ICMP || f.host_first == IPPROTO_ICMPV6)
                return refuse(-EINVAL, why_icmp, ret_why);
        f.host_last = f.guest_first = f.host_first;
        *ret = f;
        return 0;
}

static const char *other_name(uint16_t number) {
        FOREACH_ELEMENT (o, other_protocols)
                if (o->number == number)
                        return o->name;
        return NULL;
}

/* Parses ADDRESS: or [ADDRESS]: if there is one, and advances *s. */
static int take_address(const char **s, Forward *f, const char **ret_why) {
        bool v6 = **s == '[';
        const char *start = *s + v6, *end = start + strcspn(start, v6 ? "]" : ":");
        size_t n = (size_t) (end - start);
        char text[IP_ADDRESS_TEXT_MAX];
        ForwardFamily family = v6 ? FORWARD_IPV6 : FORWARD_IPV4;

        if (!v6 && !memchr(start, '.', n))
                return 0;
        if (n >= sizeof(text))
                return refuse(-EINVAL, why_address, ret_why);
        memcpy(text, start, n);
        text[n] = '\0';
        if (ip_address_parse(text, &f->address) < 0 || ip_address_is_v6(&f->address) != v6 ||
            !ip_address_is_unicast(&f->address) || strncmp(end, v6 ? "]:" : ":", v6 ? 2 : 1) != 0)
                return refuse(-EINVAL, why_address, ret_why);
        if (f->family != FORWARD_BOTH && f->family != family)
                return refuse(-EINVAL, why_family, ret_why);
        f->family = family;
        *s = end + 1 + v6;
        return 0;
}

/* Parses a port and advances *s. Digits beyond the largest port are read too, to distinguish a port
 * that is too large from a missing one. */
static int take_port(const char **s, uint16_t *ret, const char **ret_why) {
        const char *p = *s;
        unsigned v = 0;

        if (!isdigit((unsigned char) *p))
                return refuse(-EINVAL, why_form, ret_why);
        for (; isdigit((unsigned char) *p); p++)
                v = MIN(v * 10 + (unsigned) (*p - '0'), UINT16_MAX + 1U);
        if (v < 1 || v > UINT16_MAX)
                return refuse(-ERANGE, why_port, ret_why);
        *s = p;
        *ret = (uint16_t) v;
        return 0;
}

/* Parses PORT or PORT-PORT and advances *s. */
static int take_range(const char **s, uint16_t *ret_first, uint16_t *ret_last,
                      const char **ret_why) {
        uint16_t first, last;
        int r = take_port(s, &first, ret_why);

        if (r < 0)
                return r;
        last = first;
        if (**s == '-') {
                (*s)++;
                r = take_port(s, &last, ret_why);
                if (r < 0)
                        return r;
                if (last < first)
                        return refuse(-EINVAL, why_order, ret_why);
        }
        *ret_first = first;
        *ret_last = last;
        return 0;
}

static const Forward all_ports = {
        .protocols = FORWARD_TCP | FORWARD_UDP,
        .host_first = 1,
        .host_last = UINT16_MAX,
        .guest_first = 1,
};

int forward_parse(const char *s, Forward *ret, const char **ret_why) {
        uint16_t guest_last;
        Forward f = { 0 };
        const char *end;
        int r;

        if (streq(s, "all")) {
                *ret = all_ports;
                return 0;
        }
        if (startswith(s, OTHER))
                return parse_other(s + strlen(OTHER), ret, ret_why);
        r = take_protocols(&s, &f, &end, ret_why);
        if (r >= 0)
                r = take_address(&s, &f, ret_why);
        if (r < 0)
                return r;
        f.range = strchr(s, '-') != NULL;
        r = take_range(&s, &f.host_first, &f.host_last, ret_why);
        if (r < 0)
                return r;
        f.guest_first = f.host_first;
        if (*s == ':') {
                s++;
                r = take_range(&s, &f.guest_first, &guest_last, ret_why);
                if (r < 0)
                        return r;
                if (guest_last - f.guest_first != f.host_last - f.host_first)
                        return refuse(-EINVAL, why_length, ret_why);
        }
        if (s != end || strchr(end + (*end == '/'), '/'))
                return refuse(-EINVAL, why_form, ret_why);
        *ret = f;
        return 0;
}

int ports_parse(const char *s, Forward *ret, const char **ret_why) {
        Forward f;
        int r;

        /* With a guest port, or as "all", it is a forward and not just a list of ports. What is
         * kept from guests must be said in full: 53 alone might mean both protocols. */
        if (streq(s, "all") || strchr(s, ':') || isdigit((unsigned char) *s))
                return refuse(-EINVAL, why_ports, ret_why);
        r = forward_parse(s, &f, ret_why);
        if (r >= 0 && (f.family != FORWARD_BOTH || f.protocols == FORWARD_OTHER))
                return refuse(-EINVAL, why_ports, ret_why);
        if (r >= 0)
                *ret = f;
        return r;
}

bool forward_is_doubtful(const Forward *f) {
        return !f->range && f->host_first == f->host_last && f->guest_first > f->host_first;
}

bool forward_is_all(const Forward *f) {
        return f->protocols == all_ports.protocols && f->host_first == all_ports.host_first &&
               f->host_last == all_ports.host_last && f->family == FORWARD_BOTH &&
               ip_address_is_any(&f->address);
}

static const char *protocol_name(const Forward *f) {
        bool named = !ip_address_is_any(&f->address); /* this also implies the family */

        FOREACH_ELEMENT (n, protocol_names)
                if (n->protocols == f->protocols && n->family == (named ? FORWARD_BOTH : f->family))
                        return n->name;
        return "?";
}

char *forward_format(const Forward *f, char buf[static FORWARD_TEXT_MAX]) {
        bool range = f->host_last != f->host_first;
        char address[IP_ADDRESS_TEXT_MAX], *end = buf + FORWARD_TEXT_MAX, *p = buf;

        if (forward_is_all(f))
                return strcpy(buf, "all");
        if (f->protocols == FORWARD_OTHER) {
                const char *name = other_name(f->host_first);

                if (name)
                        snprintf(buf, FORWARD_TEXT_MAX, OTHER "%s", name);
                else
                        snprintf(buf, FORWARD_TEXT_MAX, OTHER "%u", f->host_first);
                return buf;
        }
        p += snprintf(p, (size_t) (end - p), "%s/", protocol_name(f));
        if (!ip_address_is_any(&f->address))
                p += snprintf(p, (size_t) (end - p),
                              ip_address_is_v6(&f->address) ? "[%s]:" : "%s:",
                              ip_address_format(&f->address, address));
        p += snprintf(p, (size_t) (end - p), "%u", f->host_first);
        if (range)
                p += snprintf(p, (size_t) (end - p), "-%u", f->host_last);
        if (f->guest_first != f->host_first) {
                p += snprintf(p, (size_t) (end - p), ":%u", f->guest_first);
                if (range)
                        snprintf(p, (size_t) (end - p), "-%u",
                                 f->guest_first + (unsigned) (f->host_last - f->host_first));
        }
        return buf;
}

bool forward_equal(const Forward *a, const Forward *b) {
        return a->protocols == b->protocols && a->host_first == b->host_first &&
               a->host_last == b->host_last && a->guest_first == b->guest_first &&
               a->family == b->family && ip_address_equal(&a->address, &b->address);
}

/* Do the families and addresses of both have connections in common? */
static bool share_connections(const Forward *a, const Forward *b) {
        if (a->family != FORWARD_BOTH && b->family != FORWARD_BOTH && a->family != b->family)
                return false;
        return ip_address_is_any(&a->address) || ip_address_is_any(&b->address) ||
               ip_address_equal(&a->address, &b->address);
}

bool forward_overlaps(const Forward *a, const Forward *b) {
        return (a->protocols & b->protocols) != 0 && a->host_first <= b->host_last &&
               b->host_first <= a->host_last && share_connections(a, b);
}

/* Does f match every connection that `other` matches, as far as family and address are concerned?
 */
static bool covers_connections(const Forward *f, const Forward *other) {
        return (f->family == FORWARD_BOTH || f->family == other->family) &&
               (ip_address_is_any(&f->address) || ip_address_equal(&f->address, &other->address));
}

/* The last port of a run of ports, starting at this one, that one of these covers; 0 = none does.
 */
static unsigned covered_until(const Forward *ranges, size_t n, const Forward *other,
                              unsigned port) {
        for (size_t i = 0; i < n; i++)
                if ((ranges[i].protocols & other->protocols) && ranges[i].host_first <= port &&
                    port <= ranges[i].host_last && covers_connections(&ranges[i], other))
                        return ranges[i].host_last;
        return 0;
}

bool forward_common_port(const Forward *a, const Forward *b, const Forward *except, size_t n_except,
                         Forward *ret) {
        unsigned last = MIN(a->host_last, b->host_last);
        Forward common = {
                .family = a->family != FORWARD_BOTH ? a->family : b->family,
                .address = ip_address_is_any(&a->address) ? b->address : a->address,
        };

        if (!share_connections(a, b))
                return false;
        for (unsigned protocol = FORWARD_TCP; protocol <= FORWARD_OTHER; protocol <<= 1) {
                unsigned port = MAX(a->host_first, b->host_first), until;

                if (!(a->protocols & b->protocols & protocol))
                        continue;
                common.protocols = protocol;
                while (port <= last && (until = covered_until(except, n_except, &common, port)) > 0)
                        port = until + 1;
                if (port > last)
                        continue;
                common.host_first = common.host_last = common.guest_first = (uint16_t) port;
                *ret = common;
                return true;
        }
        return false;
}
