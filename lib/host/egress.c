/* SPDX-License-Identifier: GPL-2.0-or-later */
/* egress.c - sends a SYN by a raw socket, to see whether the host itself lets it go. */

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "host/conntrack.h"
#include "host/egress.h"

#define HOPS     64
#define ANY_PORT 9 /* discard: nothing is sent to it */

typedef union Name {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
} Name;

/* What the checksum of TCP covers besides the segment itself. */
typedef struct PseudoHeader {
        IpAddress from, to;
        uint32_t size, protocol; /* big endian */
} PseudoHeader;

typedef struct Segment {
        union {
                struct iphdr v4;
                struct ip6_hdr v6;
        } ip;
        size_t ip_size;
        struct tcphdr tcp;
} Segment;

static socklen_t name_of(const IpAddress *a, uint16_t port, Name *ret) {
        *ret = (Name){};
        if (ip_address_is_v6(a)) {
                ret->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
                                                 .sin6_port = htons(port),
                                                 .sin6_addr = a->v6 };
                return sizeof(ret->v6);
        }
        ret->v4 = (struct sockaddr_in){ .sin_family = AF_INET,
                                        .sin_port = htons(port),
                                        .sin_addr = a->v4 };
        return sizeof(ret->v4);
}

static int own_name(int fd, Name *ret) {
        socklen_t size = sizeof(*ret);

        *ret = (Name){};
        return RET_NERRNO(getsockname(fd, &ret->any, &size));
}

static ConntrackEnd end_of(const Name *name) {
        return name->any.sa_family == AF_INET6
                       ? (ConntrackEnd){ { .v6 = name->v6.sin6_addr }, ntohs(name->v6.sin6_port) }
                       : (ConntrackEnd){ { .v4 = name->v4.sin_addr }, ntohs(name->v4.sin_port) };
}

/* The address that the host would send from. Nothing is sent. */
static int find_source(const IpAddress *to, IpAddress *ret) {
        _cleanup_close_ int fd = -EBADF;
        socklen_t size;
        Name name;
        int r;

        size = name_of(to, ANY_PORT, &name);
        fd = RET_NERRNO(socket(name.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        if (fd < 0)
                return fd;
        r = RET_NERRNO(connect(fd, &name.any, size));
        if (r >= 0)
                r = own_name(fd, &name);
        if (r < 0)
                return r;
        *ret = end_of(&name).address;
        return 0;
}

static uint32_t sum_of(const void *data, size_t size, uint32_t sum) {
        const uint8_t *bytes = data;

        for (size_t i = 0; i < size; i += 2)
                sum += (uint32_t) bytes[i] << 8 | bytes[i + 1];
        return sum;
}

/* An address of the other family is zero, and adds nothing. */
static uint16_t checksum(const PseudoHeader *pseudo, const struct tcphdr *tcp) {
        uint32_t sum = sum_of(tcp, sizeof(*tcp), sum_of(pseudo, sizeof(*pseudo), 0));

        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t) ~sum);
}

static void put_ip(Segment *s, const IpAddress *from, const IpAddress *to) {
        if (ip_address_is_v6(to)) {
                s->ip_size = sizeof(s->ip.v6);
                s->ip.v6.ip6_flow = htonl(6U << 28);
                s->ip.v6.ip6_plen = htons(sizeof(s->tcp));
                s->ip.v6.ip6_nxt = IPPROTO_TCP;
                s->ip.v6.ip6_hlim = HOPS;
                s->ip.v6.ip6_src = from->v6;
                s->ip.v6.ip6_dst = to->v6;
                return;
        }
        s->ip_size = sizeof(s->ip.v4); /* the kernel adds length, identification and checksum */
        s->ip.v4 = (struct iphdr){ .version = 4,
                                   .ihl = sizeof(s->ip.v4) / 4,
                                   .ttl = HOPS,
                                   .protocol = IPPROTO_TCP,
                                   .saddr = from->v4.s_addr,
                                   .daddr = to->v4.s_addr };
}

static Segment make_syn(const IpAddress *from, const IpAddress *to, uint16_t from_port,
                        uint16_t to_port) {
        const PseudoHeader pseudo = { .from = *from,
                                      .to = *to,
                                      .size = htonl(sizeof(struct tcphdr)),
                                      .protocol = htonl(IPPROTO_TCP) };
        Segment s = { .tcp = { .source = htons(from_port),
                               .dest = htons(to_port),
                               .seq = htonl(1),
                               .doff = sizeof(s.tcp) / 4,
                               .syn = 1,
                               .window = htons(UINT16_MAX) } };

        put_ip(&s, from, to);
        s.tcp.check = checksum(&pseudo, &s.tcp);
        return s;
}

int egress_try(const IpAddress *to, uint16_t from_port, uint16_t to_port) {
        _cleanup_close_ int fd = -EBADF;
        struct iovec parts[2];
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = ARRAY_SIZE(parts) };
        IpAddress from = {};
        Segment syn;
        Name name;
        int r = find_source(to, &from);

        if (r < 0)
                return r;
        message.msg_namelen = name_of(to, 0, &name);
        message.msg_name = &name;
        fd = socket(name.any.sa_family, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_RAW);
        if (fd < 0)
                return errno == EPERM || errno == EACCES || errno == EPROTONOSUPPORT ? -EOPNOTSUPP
                                                                                     : -errno;
        syn = make_syn(&from, to, from_port ?: ANY_PORT, to_port);
        parts[0] = (struct iovec){ &syn.ip, syn.ip_size };
        parts[1] = (struct iovec){ &syn.tcp, sizeof(syn.tcp) };
        return sendmsg(fd, &message, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* Has the host seen an answer that its socket has not? */
static bool answer_dropped(const ConntrackEnd *from, const IpAddress *to, uint16_t to_port) {
        const ConntrackEnd guest = { *to, to_port };
        ConntrackFlow flow;

        return conntrack_find(IPPROTO_TCP, from, &guest, &flow) >= 0 && flow.replied;
}

int egress_judge(int fd, int error, const IpAddress *to, uint16_t to_port) {
        ConntrackEnd from = {};
        Name name;
        int r;

        if (fd >= 0 && own_name(fd, &name) >= 0)
                from = end_of(&name);
        if (error == -ETIMEDOUT && from.port > 0 && answer_dropped(&from, to, to_port))
                return -EACCES;
        r = egress_try(to, from.port, to_port);
        return r == -EOPNOTSUPP ? 0 : r;
}

const char *egress_explain(int error) {
        switch (-error) {
        case EPERM:
                return "the host's own firewall does not let it out";
        case EACCES:
                return "the host's own firewall does not let the guest's answer in";
        case ENETUNREACH:
        case EHOSTUNREACH:
        case ENETDOWN:
        case EADDRNOTAVAIL: /* of IPv6 without an address there */
                return "the host has no route to the guest";
        default:
                return strerror(-error);
        }
}
