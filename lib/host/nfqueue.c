/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfqueue.c - holds packets in a netfilter queue of the kernel.
 *
 * The kernel carries out each request before send() returns, so its answer is there at once; what
 * is read before it are packets. */

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/hash.h"
#include "host/nfqueue.h"

/* After glibc's headers: only in this order are the two compatible. */
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#define HEADERS_MAX  128 /* bytes of a packet that are copied */
#define MESSAGE_SIZE 8192
#define REQUEST_SIZE 512
#define TABLE        "/proc/net/netfilter/nfnetlink_queue"
#define TCP_FLAGS_AT 13
#define TCP_SYN      0x02
#define TCP_ACK      0x10
#define EXTENSIONS   8 /* headers before that of the protocol */

struct NfQueue {
        NfQueueFn fn;
        void *userdata;
        int fd;
        uint32_t port; /* the socket's netlink address */
        uint32_t sequence;
        uint16_t number; /* of the queue that it is bound to */
        bool bound;
};

/* ---- headers ---- */

static void parse_ports(const uint8_t *data, size_t n, NfPacket *p) {
        if (n < 4 || (p->protocol != IPPROTO_TCP && p->protocol != IPPROTO_UDP))
                return;
        p->source_port = (uint16_t) (data[0] << 8 | data[1]);
        p->destination_port = (uint16_t) (data[2] << 8 | data[3]);
        p->syn = p->protocol == IPPROTO_TCP && n > TCP_FLAGS_AT &&
                 (data[TCP_FLAGS_AT] & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

static void parse_ipv4(const uint8_t *data, size_t n, NfPacket *p) {
        size_t head = (size_t) (data[0] & 0xf) * 4;

        if (n < sizeof(struct iphdr) || head < sizeof(struct iphdr) || n < head)
                return;
        p->family = AF_INET;
        p->protocol = data[offsetof(struct iphdr, protocol)];
        memcpy(&p->source.v4, data + offsetof(struct iphdr, saddr), sizeof(p->source.v4));
        memcpy(&p->destination.v4, data + offsetof(struct iphdr, daddr), sizeof(p->source.v4));
        parse_ports(data + head, n - head, p);
}

static bool is_extension(uint8_t header) {
        return header == IPPROTO_HOPOPTS || header == IPPROTO_ROUTING || header == IPPROTO_DSTOPTS;
}

static void parse_ipv6(const uint8_t *data, size_t n, NfPacket *p) {
        size_t at = sizeof(struct ip6_hdr);

        if (n < at)
                return;
        p->family = AF_INET6;
        p->protocol = data[offsetof(struct ip6_hdr, ip6_nxt)];
        memcpy(&p->source.v6, data + offsetof(struct ip6_hdr, ip6_src), sizeof(p->source.v6));
        memcpy(&p->destination.v6, data + offsetof(struct ip6_hdr, ip6_dst), sizeof(p->source.v6));
        for (int i = 0; i < EXTENSIONS && is_extension(p->protocol) && at + 2 <= n; i++) {
                p->protocol = data[at];
                at += 8 * (size_t) (data[at + 1] + 1);
        }
        if (at < n)
                parse_ports(data + at, n - at, p);
}

void nfqueue_parse(const void *data, size_t n, NfPacket *ret) {
        const uint8_t *bytes = data;

        if (n > 0 && bytes[0] >> 4 == 4)
                parse_ipv4(bytes, n, ret);
        else if (n > 0 && bytes[0] >> 4 == 6)
                parse_ipv6(bytes, n, ret);
}

/* ---- messages ---- */

static void take_packet(NfQueue *q, const struct nlmsghdr *h) {
        struct nlattr *attr[NFQA_MAX + 1] = {};
        const struct nfqnl_msg_packet_hdr *head;
        NfPacket p = {};

        if (nfq_nlmsg_parse(h, attr) < 0 || !attr[NFQA_PACKET_HDR])
                return;
        head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
        p.id = ntohl(head->packet_id);
        if (attr[NFQA_PAYLOAD]) {
                p.size = mnl_attr_get_payload_len(attr[NFQA_PAYLOAD]);
                nfqueue_parse(mnl_attr_get_payload(attr[NFQA_PAYLOAD]), p.size, &p);
        }
        if (attr[NFQA_CAP_LEN]) /* its length before it was cut */
                p.size = ntohl(mnl_attr_get_u32(attr[NFQA_CAP_LEN]));
        q->fn(&p, q->userdata);
}

/* One datagram: 1 = packets, and *ret_error is the answer to a request if there was one. */
static int hear(NfQueue *q, int *ret_error) {
        union {
                struct nlmsghdr header;
                char bytes[MESSAGE_SIZE];
        } buffer;
        const struct nlmsghdr *h = &buffer.header;
        ssize_t received;
        int n;

        do
                received = recv(q->fd, &buffer, sizeof(buffer), MSG_DONTWAIT);
        while (received < 0 && errno == EINTR);
        if (received < 0)
                return -errno;
        for (n = (int) received; mnl_nlmsg_ok(h, n); h = mnl_nlmsg_next(h, &n)) {
                const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

                if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == q->sequence)
                        *ret_error = e->error;
                else if (h->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET))
                        take_packet(q, h);
        }
        return 1;
}

static int say(const NfQueue *q, const struct nlmsghdr *h) {
        return send(q->fd, h, h->nlmsg_len, MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* A request and its answer. */
static int request(NfQueue *q, struct nlmsghdr *h) {
        int error = 1, r;

        h->nlmsg_flags |= NLM_F_ACK;
        h->nlmsg_seq = ++q->sequence;
        r = say(q, h);
        while (r >= 0 && error > 0)
                r = hear(q, &error);
        return r < 0 ? r : error;
}

static struct nlmsghdr *begin(char buffer[static REQUEST_SIZE], int type, uint16_t number) {
        return nfq_nlmsg_put(buffer, type, number);
}

/* ---- a queue ---- */

/* Kernels before 3.8 want to know for each family which module queues; others ignore that. */
static void choose_module(NfQueue *q) {
        static const uint16_t families[] = { AF_INET, AF_INET6 };

        FOREACH_ELEMENT (f, families) {
                char buffer[REQUEST_SIZE];
                struct nlmsghdr *h = begin(buffer, NFQNL_MSG_CONFIG, 0);

                nfq_nlmsg_cfg_put_cmd(h, *f, NFQNL_CFG_CMD_PF_BIND);
                (void) request(q, h);
        }
}

int nfqueue_new(NfQueueFn fn, void *userdata, NfQueue **ret) {
        const int room = 4 << 20, yes = 1; /* most of it is not for the headers, but for the
                                              kernel's own description of each packet */
        _cleanup_(nfqueue_freep) NfQueue *q = calloc(1, sizeof(*q));
        struct sockaddr_nl self = { .nl_family = AF_NETLINK };
        socklen_t size = sizeof(self);

        if (!q)
                return -ENOMEM;
        q->fn = fn;
        q->userdata = userdata;
        q->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
        if (q->fd < 0)
                return errno == EPROTONOSUPPORT || errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
        if (bind(q->fd, (struct sockaddr *) &self, sizeof(self)) < 0 ||
            getsockname(q->fd, (struct sockaddr *) &self, &size) < 0)
                return -errno;
        q->port = self.nl_pid;
        if (setsockopt(q->fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
                (void) setsockopt(q->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
        /* What does not fit the kernel drops, and counts. */
        (void) setsockopt(q->fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof(yes));
        choose_module(q);
        *ret = TAKE_PTR(q);
        return 0;
}

NfQueue *nfqueue_free(NfQueue *q) {
        if (!q)
                return NULL;
        safe_close(q->fd);
        free(q);
        return NULL;
}

int nfqueue_fd(const NfQueue *q) {
        return q->fd;
}

static int explain(int error) {
        switch (-error) {
        case EPERM: /* also if another program has the queue */
                return -EBUSY;
        case EINVAL:
        case ENOENT:
                return -EOPNOTSUPP;
        default:
                return error;
        }
}

int nfqueue_bind(NfQueue *q, uint16_t number, unsigned max) {
        char buffer[REQUEST_SIZE];
        struct nlmsghdr *h = begin(buffer, NFQNL_MSG_CONFIG, number);
        int r;

        nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
        nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, HEADERS_MAX);
        nfq_nlmsg_cfg_put_qmaxlen(h, max);
        q->number = number;
        r = request(q, h);
        if (r < 0)
                return explain(r);
        q->bound = true;
        return 0;
}

/* The line of that queue in the kernel's table. */
static bool look_up(uint16_t number, uint32_t *ret_port, uint64_t *ret_lost) {
        _cleanup_fclose_ FILE *file = fopen(TABLE, "re");
        unsigned queue, port, waiting, mode, range, dropped, lost;
        bool found = false;

        while (!found && file &&
               fscanf(file, "%u %u %u %u %u %u %u%*[^\n]", &queue, &port, &waiting, &mode, &range,
                      &dropped, &lost) == 7)
                found = queue == number;
        if (!found)
                return false;
        *ret_port = port;
        *ret_lost = (uint64_t) dropped + lost;
        return true;
}

bool nfqueue_taken(const NfQueue *q, uint16_t number) {
        uint32_t port;
        uint64_t lost;

        return look_up(number, &port, &lost) && port != q->port;
}

/* From then on the kernel lets every packet pass (Linux 3.6): what does not fit in a full queue is
 * told to pass, and a queue of length 0 is always full. */
static void open_queue(NfQueue *q) {
        char first[REQUEST_SIZE], second[REQUEST_SIZE];
        struct nlmsghdr *pass = begin(first, NFQNL_MSG_CONFIG, q->number),
                        *full = begin(second, NFQNL_MSG_CONFIG, q->number);

        mnl_attr_put_u32(pass, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
        mnl_attr_put_u32(pass, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
        nfq_nlmsg_cfg_put_qmaxlen(full, 0);
        if (request(q, pass) >= 0)
                (void) request(q, full);
}

int nfqueue_unbind(NfQueue *q, uint64_t *ret_lost) {
        char buffer[REQUEST_SIZE];
        struct nlmsghdr *h;
        uint32_t port;
        uint64_t lost = 0;
        int r;

        *ret_lost = 0;
        if (!q->bound)
                return 0;
        open_queue(q);
        while (nfqueue_read(q, UINT32_MAX) > 0)
                ;
        if (look_up(q->number, &port, &lost))
                *ret_lost = lost;
        h = begin(buffer, NFQNL_MSG_CONFIG, q->number);
        nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
        r = request(q, h);
        q->bound = false;
        return r < 0 ? explain(r) : 0;
}

int nfqueue_read(NfQueue *q, unsigned max) {
        int answer, r = 1;

        while (r > 0 && max-- > 0)
                r = hear(q, &answer);
        return r == -EAGAIN ? 0 : r;
}

int nfqueue_verdict(NfQueue *q, uint32_t id, bool accept) {
        char buffer[REQUEST_SIZE];
        struct nlmsghdr *h = begin(buffer, NFQNL_MSG_VERDICT, q->number);

        nfq_nlmsg_verdict_put(h, (int) id, accept ? NF_ACCEPT : NF_DROP);
        return say(q, h);
}

uint64_t nf_packet_flow(const NfPacket *p) {
        const uint16_t ends[] = { p->source_port, p->destination_port, p->protocol };
        uint64_t hash = hash_bytes(HASH_BASIS, ends, sizeof(ends));

        hash = hash_bytes(hash, &p->source.v4, sizeof(p->source.v4));
        hash = hash_bytes(hash, &p->source.v6, sizeof(p->source.v6));
        hash = hash_bytes(hash, &p->destination.v4, sizeof(p->destination.v4));
        return hash_bytes(hash, &p->destination.v6, sizeof(p->destination.v6));
}
