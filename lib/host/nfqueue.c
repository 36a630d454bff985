/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nfqueue.c - holds packets in a netfilter queue of the kernel. */

#include <arpa/inet.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/hash.h"
#include "host/nfnetlink.h"
#include "host/nfqueue.h"

/* After glibc's headers: only in this order are the two compatible. */
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>

#define HEADERS_MAX  128 /* bytes of a packet that are copied */
#define TABLE        "/proc/net/netfilter/nfnetlink_queue"
#define TCP_FLAGS_AT 13
#define TCP_SYN      0x02
#define TCP_ACK      0x10
#define EXTENSIONS   8     /* headers before that of the protocol */
#define WAITING_MAX  65536 /* packets: more than any queue here holds */

struct NfQueue {
        NfQueueFn fn;
        void *userdata;
        NfSocket socket;
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

static void take_packet(const struct nlmsghdr *h, void *userdata) {
        struct nlattr *attr[NFQA_MAX + 1] = {};
        const struct nfqnl_msg_packet_hdr *head;
        NfQueue *q = userdata;
        NfPacket p = {};

        if (h->nlmsg_type != (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET) ||
            nfq_nlmsg_parse(h, attr) < 0 || !attr[NFQA_PACKET_HDR])
                return;
        head = mnl_attr_get_payload(attr[NFQA_PACKET_HDR]);
        p.id = ntohl(head->packet_id);
        p.early = head->hook == NF_INET_PRE_ROUTING;
        if (attr[NFQA_PAYLOAD]) {
                p.size = mnl_attr_get_payload_len(attr[NFQA_PAYLOAD]);
                nfqueue_parse(mnl_attr_get_payload(attr[NFQA_PAYLOAD]), p.size, &p);
        }
        if (attr[NFQA_CAP_LEN]) /* its length before it was cut */
                p.size = ntohl(mnl_attr_get_u32(attr[NFQA_CAP_LEN]));
        q->fn(&p, q->userdata);
}

static struct nlmsghdr *begin(char buffer[static NF_REQUEST_SIZE], int type, uint16_t number) {
        return nf_begin(buffer, NFNL_SUBSYS_QUEUE, (uint8_t) type, number);
}

/* ---- a queue ---- */

/* Kernels before 3.8 want to know for each family which module queues; others ignore that. */
static void choose_module(NfQueue *q) {
        static const uint16_t families[] = { AF_INET, AF_INET6 };

        FOREACH_ELEMENT (f, families) {
                char buffer[NF_REQUEST_SIZE];
                struct nlmsghdr *h = begin(buffer, NFQNL_MSG_CONFIG, 0);

                nfq_nlmsg_cfg_put_cmd(h, *f, NFQNL_CFG_CMD_PF_BIND);
                (void) nf_request(&q->socket, h);
        }
}

int nfqueue_new(NfQueueFn fn, void *userdata, NfQueue **ret) {
        const int room = 4 << 20; /* most of it is not for the headers, but for the kernel's own
                                     description of each packet */
        _cleanup_(nfqueue_freep) NfQueue *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        q->fn = fn;
        q->userdata = userdata;
        q->socket.fd = -EBADF;
        r = nf_socket_open(&q->socket, room, take_packet, q);
        if (r < 0)
                return r;
        choose_module(q);
        *ret = TAKE_PTR(q);
        return 0;
}

int nfqueue_adopt(int fd, uint16_t number, NfQueueFn fn, void *userdata, NfQueue **ret) {
        _cleanup_free_ NfQueue *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        q->fn = fn;
        q->userdata = userdata;
        q->number = number;
        q->bound = true;
        r = nf_socket_adopt(&q->socket, fd, take_packet, q);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

NfQueue *nfqueue_free(NfQueue *q) {
        if (!q)
                return NULL;
        safe_close(q->socket.fd);
        free(q);
        return NULL;
}

int nfqueue_fd(const NfQueue *q) {
        return q->socket.fd;
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
        char buffer[NF_REQUEST_SIZE];
        struct nlmsghdr *h = begin(buffer, NFQNL_MSG_CONFIG, number);
        int r;

        /* All in one message: a queue without a mode drops what comes. */
        nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
        nfq_nlmsg_cfg_put_params(h, NFQNL_COPY_PACKET, HEADERS_MAX);
        nfq_nlmsg_cfg_put_qmaxlen(h, max);
        q->number = number;
        r = nf_request(&q->socket, h);
        if (r < 0)
                return explain(r);
        q->bound = true;
        return 0;
}

/* A line of the kernel's table. */
typedef struct Bound {
        unsigned number, port, waiting, mode, range, dropped, lost;
} Bound;

static bool read_bound(FILE *file, Bound *b) {
        return fscanf(file, "%u %u %u %u %u %u %u%*[^\n]", &b->number, &b->port, &b->waiting,
                      &b->mode, &b->range, &b->dropped, &b->lost) == 7;
}

static bool look_up(uint16_t number, uint32_t *ret_port, uint64_t *ret_lost) {
        _cleanup_fclose_ FILE *file = fopen(TABLE, "re");
        bool found = false;
        Bound b;

        while (!found && file && read_bound(file, &b))
                found = b.number == number;
        if (!found)
                return false;
        *ret_port = b.port;
        *ret_lost = (uint64_t) b.dropped + b.lost;
        return true;
}

void nfqueue_list(void (*fn)(uint16_t number, void *userdata), void *userdata) {
        _cleanup_fclose_ FILE *file = fopen(TABLE, "re");
        Bound b;

        while (file && read_bound(file, &b))
                fn((uint16_t) b.number, userdata);
}

bool nfqueue_taken(const NfQueue *q, uint16_t number) {
        uint32_t port;
        uint64_t lost;

        return look_up(number, &port, &lost) && port != q->socket.port;
}

/* From then on the kernel lets every packet pass (Linux 3.6): what does not fit in a full queue is
 * told to pass, and a queue of length 0 is always full. */
static void open_queue(NfQueue *q) {
        char first[NF_REQUEST_SIZE], second[NF_REQUEST_SIZE];
        struct nlmsghdr *pass = begin(first, NFQNL_MSG_CONFIG, q->number),
                        *full = begin(second, NFQNL_MSG_CONFIG, q->number);

        mnl_attr_put_u32(pass, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_FAIL_OPEN));
        mnl_attr_put_u32(pass, NFQA_CFG_MASK, htonl(NFQA_CFG_F_FAIL_OPEN));
        nfq_nlmsg_cfg_put_qmaxlen(full, 0);
        if (nf_request(&q->socket, pass) >= 0)
                (void) nf_request(&q->socket, full);
}

int nfqueue_unbind(NfQueue *q, uint64_t *ret_lost) {
        char buffer[NF_REQUEST_SIZE];
        struct nlmsghdr *h;
        uint32_t port;
        uint64_t lost = 0;
        int r;

        *ret_lost = 0;
        if (!q->bound)
                return 0;
        open_queue(q);
        (void) nfqueue_read(q, WAITING_MAX);
        if (look_up(q->number, &port, &lost))
                *ret_lost = lost;
        h = begin(buffer, NFQNL_MSG_CONFIG, q->number);
        nfq_nlmsg_cfg_put_cmd(h, AF_UNSPEC, NFQNL_CFG_CMD_UNBIND);
        r = nf_request(&q->socket, h);
        q->bound = false;
        return r < 0 ? explain(r) : 0;
}

int nfqueue_read(NfQueue *q, unsigned max) {
        return nf_read(&q->socket, max);
}

int nfqueue_verdict(NfQueue *q, uint32_t id, bool accept) {
        char buffer[NF_REQUEST_SIZE];
        struct nlmsghdr *h = begin(buffer, NFQNL_MSG_VERDICT, q->number);

        nfq_nlmsg_verdict_put(h, (int) id, accept ? NF_ACCEPT : NF_DROP);
        return nf_say(&q->socket, h);
}

uint64_t nf_packet_client(const NfPacket *p) {
        const uint16_t ends[] = { p->source_port, p->protocol };
        uint64_t hash = hash_bytes(HASH_BASIS, ends, sizeof(ends));

        hash = hash_bytes(hash, &p->source.v4, sizeof(p->source.v4));
        return hash_bytes(hash, &p->source.v6, sizeof(p->source.v6));
}

uint64_t nf_packet_flow(const NfPacket *p) {
        uint64_t hash = nf_packet_client(p);

        hash = hash_bytes(hash, &p->destination_port, sizeof(p->destination_port));
        hash = hash_bytes(hash, &p->destination.v4, sizeof(p->destination.v4));
        return hash_bytes(hash, &p->destination.v6, sizeof(p->destination.v6));
}
