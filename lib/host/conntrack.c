/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conntrack.c - reads the host's tracked flows, and makes it forget some.
 *
 * A dump comes in parts, each of which the kernel makes when the previous one is taken. So a table
 * of hundreds of thousands of flows is read in slices by whoever has other things to do as well.
 * The kernel is asked for all of them, without a filter: it walks in one go over what a filter
 * leaves out, and over a million flows of the other family that takes long. */

#include <libnetfilter_conntrack/libnetfilter_conntrack.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack_tcp.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "host/conntrack.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#define PART_SIZE    32768 /* the most that the kernel puts into one part */
#define REQUEST_SIZE 1024

struct ConntrackDump {
        int family;
        int fd, delete_fd;
        unsigned forgotten;
        union {
                struct nlmsghdr header;
                char bytes[PART_SIZE];
        } part;
};

/* One message, with room for what the library adds to it. */
typedef union Request {
        struct nlmsghdr header;
        char bytes[REQUEST_SIZE];
} Request;

DEFINE_CLEANUP(struct nf_conntrack *, nfct_destroy)

static int open_socket(void) {
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

        if (fd < 0)
                return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
        return fd;
}

static void begin(Request *q, int type, int flags, int family) {
        struct nfgenmsg *body = NLMSG_DATA(&q->header);

        memset(q, 0, sizeof(*q));
        q->header.nlmsg_len = NLMSG_LENGTH(sizeof(*body));
        q->header.nlmsg_type = (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | type);
        q->header.nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
        body->nfgen_family = (uint8_t) family;
        body->version = NFNETLINK_V0;
}

static int say(int fd, const Request *q) {
        return send(fd, q, q->header.nlmsg_len, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* The kernel answers before send() returns. */
static ssize_t hear(int fd, void *buffer, size_t size) {
        ssize_t n;

        do
                n = recv(fd, buffer, size, MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

/* What an error message, or the end of a dump, says. */
static int error_of(const struct nlmsghdr *h) {
        const struct nlmsgerr *e = NLMSG_DATA(h); /* NLMSG_DONE has its error at the same place */
        int error = h->nlmsg_len < NLMSG_LENGTH(sizeof(e->error)) ? 0 : e->error;

        return error == -EINVAL || error == -ENOENT ? -EOPNOTSUPP : error;
}

/* ---- flows ---- */

static ConntrackEnd end_of(const struct nf_conntrack *ct, int family, bool reply, bool source) {
        static const struct {
                enum nf_conntrack_attr v4, v6, port;
        } attrs[2][2] = {
                { { ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST, ATTR_ORIG_PORT_DST },
                  { ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC, ATTR_ORIG_PORT_SRC } },
                { { ATTR_REPL_IPV4_DST, ATTR_REPL_IPV6_DST, ATTR_REPL_PORT_DST },
                  { ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC, ATTR_REPL_PORT_SRC } },
        };
        const typeof(attrs[0][0]) *a = &attrs[reply][source];
        ConntrackEnd end = { .port = ntohs(nfct_get_attr_u16(ct, a->port)) };
        const void *v6 = family == AF_INET6 ? nfct_get_attr(ct, a->v6) : NULL;

        if (v6)
                memcpy(&end.address.v6, v6, sizeof(end.address.v6));
        else if (family == AF_INET)
                end.address.v4.s_addr = nfct_get_attr_u32(ct, a->v4);
        return end;
}

static ConntrackFlow flow_of(const struct nf_conntrack *ct, int family) {
        ConntrackFlow f = {
                .family = family,
                .protocol = nfct_get_attr_u8(ct, ATTR_L4PROTO),
                .from = end_of(ct, family, false, true),
                .to = end_of(ct, family, false, false),
                .reply_from = end_of(ct, family, true, true),
                .reply_to = end_of(ct, family, true, false),
        };
        uint32_t status = nfct_get_attr_u32(ct, ATTR_STATUS);

        f.replied = status & IPS_SEEN_REPLY;
        f.assured = status & IPS_ASSURED;
        if (f.protocol == IPPROTO_TCP) {
                uint8_t state = nfct_get_attr_u8(ct, ATTR_TCP_STATE);

                f.established = state == TCP_CONNTRACK_ESTABLISHED;
                f.open = f.established || state == TCP_CONNTRACK_SYN_RECV ||
                         state == TCP_CONNTRACK_FIN_WAIT || state == TCP_CONNTRACK_CLOSE_WAIT;
                f.over = state == TCP_CONNTRACK_TIME_WAIT || state == TCP_CONNTRACK_CLOSE;
        }
        return f;
}

static void set_end(struct nf_conntrack *ct, bool source, const ConntrackEnd *end) {
        if (ip_address_is_v6(&end->address))
                nfct_set_attr(ct, source ? ATTR_ORIG_IPV6_SRC : ATTR_ORIG_IPV6_DST,
                              &end->address.v6);
        else
                nfct_set_attr_u32(ct, source ? ATTR_ORIG_IPV4_SRC : ATTR_ORIG_IPV4_DST,
                                  end->address.v4.s_addr);
        nfct_set_attr_u16(ct, source ? ATTR_ORIG_PORT_SRC : ATTR_ORIG_PORT_DST, htons(end->port));
}

/* ---- forgetting ---- */

/* The number tells it from one that somebody may have made between the same ends since. */
static void put_id(Request *q, uint32_t id) {
        struct nlattr *a = (struct nlattr *) (q->bytes + NLMSG_ALIGN(q->header.nlmsg_len));

        *a = (struct nlattr){ .nla_type = CTA_ID, .nla_len = NLA_HDRLEN + sizeof(id) };
        id = htonl(id);
        memcpy((char *) a + NLA_HDRLEN, &id, sizeof(id));
        q->header.nlmsg_len = NLMSG_ALIGN(q->header.nlmsg_len) + a->nla_len;
}

/* One that has ended by itself is forgotten, too. */
static int forget(ConntrackDump *d, const struct nf_conntrack *ct, int family) {
        _cleanup_(nfct_destroyp) struct nf_conntrack *which = nfct_new();
        Request q;
        int r;

        if (!which)
                return -ENOMEM;
        nfct_copy(which, ct, NFCT_CP_ORIG);
        begin(&q, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, family);
        if (nfct_nlmsg_build(&q.header, which) < 0)
                return -EBADMSG;
        if (nfct_attr_is_set(ct, ATTR_ID))
                put_id(&q, nfct_get_attr_u32(ct, ATTR_ID));
        r = say(d->delete_fd, &q);
        if (r >= 0)
                r = (int) hear(d->delete_fd, &q, sizeof(q));
        if (r < 0)
                return r;
        r = q.header.nlmsg_type == NLMSG_ERROR ? error_of(&q.header) : -EPROTO;
        d->forgotten += r >= 0;
        return r == -EOPNOTSUPP ? 0 : r;
}

/* ---- how many there are ---- */

static int count_of(const Request *answer, size_t size, unsigned *ret) {
        const char *at = (const char *) NLMSG_DATA(&answer->header) +
                         NLMSG_ALIGN(sizeof(struct nfgenmsg)),
                   *end = answer->bytes + MIN(size, (size_t) answer->header.nlmsg_len);

        while (end - at >= NLA_HDRLEN) {
                struct nlattr a;
                uint32_t count;

                memcpy(&a, at, sizeof(a));
                if (a.nla_len < NLA_HDRLEN || a.nla_len > end - at)
                        break;
                if ((a.nla_type & NLA_TYPE_MASK) == CTA_STATS_GLOBAL_ENTRIES &&
                    a.nla_len >= NLA_HDRLEN + sizeof(count)) {
                        memcpy(&count, at + NLA_HDRLEN, sizeof(count));
                        *ret = ntohl(count);
                        return 0;
                }
                at += MIN((ptrdiff_t) NLA_ALIGN(a.nla_len), end - at);
        }
        return -EPROTO;
}

int conntrack_count(unsigned *ret) {
        _cleanup_close_ int fd = open_socket();
        Request q;
        ssize_t n;
        int r;

        if (fd < 0)
                return fd;
        begin(&q, IPCTNL_MSG_CT_GET_STATS, 0, AF_UNSPEC);
        r = say(fd, &q);
        n = r < 0 ? r : hear(fd, &q, sizeof(q));
        if (n < 0)
                return (int) n;
        if (!NLMSG_OK(&q.header, n))
                return -EPROTO;
        if (q.header.nlmsg_type == NLMSG_ERROR)
                return error_of(&q.header) ?: -EPROTO;
        return count_of(&q, (size_t) n, ret);
}

/* ---- a dump ---- */

ConntrackDump *conntrack_dump_free(ConntrackDump *d) {
        if (!d)
                return NULL;
        safe_close(d->fd);
        safe_close(d->delete_fd);
        free(d);
        return NULL;
}

int conntrack_dump_new(int family, ConntrackDump **ret) {
        _cleanup_(conntrack_dump_freep) ConntrackDump *d = calloc(1, sizeof(*d));
        Request q;
        int r;

        if (!d)
                return -ENOMEM;
        d->family = family;
        d->fd = d->delete_fd = -EBADF;
        if ((d->fd = open_socket()) < 0 || (d->delete_fd = open_socket()) < 0)
                return d->fd < 0 ? d->fd : d->delete_fd;
        begin(&q, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
        r = say(d->fd, &q);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

int conntrack_dump_fd(const ConntrackDump *d) {
        return d->fd;
}

unsigned conntrack_dump_forgotten(const ConntrackDump *d) {
        return d->forgotten;
}

static bool is_wanted(const ConntrackDump *d, int family) {
        return d->family == AF_UNSPEC ? family == AF_INET || family == AF_INET6
                                      : family == d->family;
}

/* Flows of other zones are somebody's who divides the host among several networks. */
static int take(ConntrackDump *d, const struct nlmsghdr *h, ConntrackFn fn, void *userdata) {
        _cleanup_(nfct_destroyp) struct nf_conntrack *ct = nfct_new();
        ConntrackFlow flow;
        int family;

        if (!ct)
                return -ENOMEM;
        if (nfct_nlmsg_parse(h, ct) < 0)
                return 0;
        family = nfct_get_attr_u8(ct, ATTR_L3PROTO);
        if (!is_wanted(d, family) || nfct_get_attr_u16(ct, ATTR_ZONE) != 0)
                return 0;
        flow = flow_of(ct, family);
        return fn(&flow, userdata) ? forget(d, ct, family) : 0;
}

int conntrack_dump_step(ConntrackDump *d, ConntrackFn fn, void *userdata) {
        ssize_t n = hear(d->fd, &d->part, sizeof(d->part));
        const struct nlmsghdr *h = &d->part.header;

        if (n < 0)
                return (int) n;
        for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                int r;

                if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
                        return error_of(h);
                r = take(d, h, fn, userdata);
                if (r < 0)
                        return r;
        }
        return 1;
}

/* ---- one flow ---- */

static int ask(const struct nf_conntrack *which, int family, ConntrackFlow *ret) {
        _cleanup_(nfct_destroyp) struct nf_conntrack *ct = nfct_new();
        _cleanup_close_ int fd = open_socket();
        Request q, answer;
        ssize_t n;
        int r;

        if (!ct)
                return -ENOMEM;
        if (fd < 0)
                return fd;
        begin(&q, IPCTNL_MSG_CT_GET, 0, family);
        if (nfct_nlmsg_build(&q.header, which) < 0)
                return -EBADMSG;
        r = say(fd, &q);
        n = r < 0 ? r : hear(fd, &answer, sizeof(answer));
        if (n < 0)
                return (int) n;
        if (answer.header.nlmsg_type == NLMSG_ERROR)
                return error_of(&answer.header) == -EOPNOTSUPP ? -ENOENT : error_of(&answer.header);
        if (!NLMSG_OK(&answer.header, n) || nfct_nlmsg_parse(&answer.header, ct) < 0)
                return -EPROTO;
        *ret = flow_of(ct, family);
        return 0;
}

int conntrack_find(uint8_t protocol, const ConntrackEnd *from, const ConntrackEnd *to,
                   ConntrackFlow *ret) {
        _cleanup_(nfct_destroyp) struct nf_conntrack *which = nfct_new();
        int family = ip_address_is_v6(&to->address) ? AF_INET6 : AF_INET;

        if (!which)
                return -ENOMEM;
        nfct_set_attr_u8(which, ATTR_L3PROTO, (uint8_t) family);
        nfct_set_attr_u8(which, ATTR_L4PROTO, protocol);
        set_end(which, true, from);
        set_end(which, false, to);
        return ask(which, family, ret);
}
