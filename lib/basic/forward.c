/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forward.c - the text form of a port forward, and whether two of them collide. */

#include <ctype.h>
#include <stdio.h>

#include "basic/forward.h"

static const char why_form[] =
        "write PROTO/PORT, PROTO/PORT-PORT or PROTO/PORT:PORT, such as tcp/8080:80";
static const char why_ports[] = "write PROTO/PORT or PROTO/PORT-PORT, such as tcp/8000-8010";
static const char why_protocol[] = "the protocol is tcp, udp or tcp+udp";
static const char why_port[] = "ports go from 1 to 65535";
static const char why_order[] = "the first port of a range is its lowest";
static const char why_length[] = "both ranges have as many ports";

static int refuse(int error, const char *why, const char **ret_why) {
        *ret_why = why;
        return error;
}

/* Takes the protocol and its slash off *s. */
static unsigned take_protocols(const char **s) {
        static const struct {
                const char *name;
                unsigned protocols;
        } names[] = {
                { "tcp/", FORWARD_TCP },
                { "udp/", FORWARD_UDP },
                { "tcp+udp/", FORWARD_TCP | FORWARD_UDP },
        };

        FOREACH_ELEMENT (n, names) {
                const char *rest = startswith(*s, n->name);

                if (rest) {
                        *s = rest;
                        return n->protocols;
                }
        }
        return 0;
}

/* Takes a port off *s. Digits beyond the largest port are read too, to tell a large number from
 * none. */
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

/* Takes PORT or PORT-PORT off *s. */
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
        int r;

        if (streq(s, "all")) {
                *ret = all_ports;
                return 0;
        }
        f.protocols = take_protocols(&s);
        if (f.protocols == 0)
                return refuse(-EINVAL, strchr(s, '/') ? why_protocol : why_form, ret_why);
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
        if (*s)
                return refuse(-EINVAL, why_form, ret_why);
        *ret = f;
        return 0;
}

int ports_parse(const char *s, Forward *ret, const char **ret_why) {
        /* What leads somewhere, or says "all", is a forward. */
        if (streq(s, "all") || strchr(s, ':'))
                return refuse(-EINVAL, why_ports, ret_why);
        return forward_parse(s, ret, ret_why);
}

bool forward_is_all(const Forward *f) {
        return f->protocols == all_ports.protocols && f->host_first == all_ports.host_first &&
               f->host_last == all_ports.host_last && f->family == FORWARD_BOTH &&
               ip_address_is_any(&f->address);
}

char *forward_format(const Forward *f, char buf[static FORWARD_TEXT_MAX]) {
        static const char *const protocols[] = {
                [FORWARD_TCP] = "tcp",
                [FORWARD_UDP] = "udp",
                [FORWARD_TCP | FORWARD_UDP] = "tcp+udp",
        };
        bool range = f->host_last != f->host_first;
        int n;

        if (forward_is_all(f))
                return strcpy(buf, "all");
        n = snprintf(buf, FORWARD_TEXT_MAX, "%s/%u", protocols[f->protocols], f->host_first);
        if (range)
                n += snprintf(buf + n, FORWARD_TEXT_MAX - (size_t) n, "-%u", f->host_last);
        if (f->guest_first != f->host_first) {
                n += snprintf(buf + n, FORWARD_TEXT_MAX - (size_t) n, ":%u", f->guest_first);
                if (range)
                        snprintf(buf + n, FORWARD_TEXT_MAX - (size_t) n, "-%u",
                                 f->guest_first + (unsigned) (f->host_last - f->host_first));
        }
        return buf;
}

/* Are there calls that both are for, as far as family and address go? */
static bool same_calls(const Forward *a, const Forward *b) {
        if (a->family != FORWARD_BOTH && b->family != FORWARD_BOTH && a->family != b->family)
                return false;
        return ip_address_is_any(&a->address) || ip_address_is_any(&b->address) ||
               ip_address_equal(&a->address, &b->address);
}

bool forward_overlaps(const Forward *a, const Forward *b) {
        return (a->protocols & b->protocols) != 0 && a->host_first <= b->host_last &&
               b->host_first <= a->host_last && same_calls(a, b);
}

/* The last port of a run of ports from port on that one of these ranges covers, 0 = none does. */
static unsigned covered_until(const Forward *ranges, size_t n, unsigned protocol, unsigned port) {
        for (size_t i = 0; i < n; i++)
                if ((ranges[i].protocols & protocol) && ranges[i].host_first <= port &&
                    port <= ranges[i].host_last)
                        return ranges[i].host_last;
        return 0;
}

bool forward_common_port(const Forward *a, const Forward *b, const Forward *except, size_t n_except,
                         Forward *ret) {
        unsigned last = MIN(a->host_last, b->host_last);

        for (unsigned protocol = FORWARD_TCP; protocol <= FORWARD_UDP; protocol <<= 1) {
                unsigned port = MAX(a->host_first, b->host_first), until;

                if (!(a->protocols & b->protocols & protocol))
                        continue;
                while (port <= last &&
                       (until = covered_until(except, n_except, protocol, port)) > 0)
                        port = until + 1;
                if (port > last)
                        continue;
                *ret = (Forward){ protocol, (uint16_t) port, (uint16_t) port, (uint16_t) port };
                return true;
        }
        return false;
}
