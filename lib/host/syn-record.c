/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syn-record.c - keeps the last first packets of TCP connections that were logged. */

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include "host/nfnetlink.h"
#include "host/syn-record.h"

/* After glibc's headers: only in this order are the two compatible. */
#include <linux/netfilter/nfnetlink_log.h>

enum {
        AT_A_TIME = 100,     /* that many are handed over together, */
        LATEST = 600 * 100,  /* or those that are there after that time: hundredths of seconds */
        READ_AT_A_TIME = 16, /* times so many, then other events have their turn */
};

typedef struct Kept {
        NfPacket packet;
        uint8_t data[SYN_SIZE_MAX];
} Kept;

struct SynRecord {
        NfSocket socket;
        uint16_t group; /* 0 = it is stopped */
        Kept *kept;     /* a ring of SYN_KEPT; NULL: nothing was recorded */
        size_t n;       /* that were put there */
};

/* ---- what is recorded ---- */

static size_t size_of(const NfPacket *p, const void *data) {
        if (p->family == AF_INET6)
                return sizeof(struct ip6_hdr) + ntohs(((const struct ip6_hdr *) data)->ip6_plen);
        return ntohs(((const struct iphdr *) data)->tot_len);
}

static void keep(SynRecord *r, const void *data, size_t size) {
        NfPacket p = {};
        Kept *kept;

        nfqueue_parse(data, size, &p);
        /* What was cut because it has data the client will send again anyway. */
        if (!p.syn || size > SYN_SIZE_MAX || size_of(&p, data) != size)
                return;
        if (!r->kept)
                r->kept = calloc(SYN_KEPT, sizeof(*r->kept));
        if (!r->kept)
                return;
        p.size = (uint32_t) size;
        kept = &r->kept[r->n++ % SYN_KEPT];
        kept->packet = p;
        memcpy(kept->data, data, size);
}

static void take_message(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attr;

        if (h->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET))
                return;
        mnl_attr_for_each(attr, h, sizeof(struct nfgenmsg)) {
                if (mnl_attr_get_type(attr) == NFULA_PAYLOAD)
                        keep(userdata, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
        }
}

void syn_record_take(SynRecord *r, SynRecordFn fn, void *userdata) {
        _cleanup_free_ Kept *kept = TAKE_PTR(r->kept);
        const size_t n = r->n;

        r->n = 0;
        for (size_t i = n > SYN_KEPT ? n - SYN_KEPT : 0; i < n; i++) {
                const Kept *k = &kept[i % SYN_KEPT];

                fn(&k->packet, k->data, k->packet.size, userdata);
        }
}

/* ---- the group ---- */

static struct nlmsghdr *begin(char buffer[static NF_REQUEST_SIZE], uint16_t group) {
        return nf_begin(buffer, NFNL_SUBSYS_ULOG, NFULNL_MSG_CONFIG, group);
}

static int command(SynRecord *r, uint16_t group, uint8_t cmd) {
        const struct nfulnl_msg_config_cmd c = { cmd };
        char buffer[NF_REQUEST_SIZE];
        struct nlmsghdr *h = begin(buffer, group);

        mnl_attr_put(h, NFULA_CFG_CMD, sizeof(c), &c);
        return nf_request(&r->socket, h);
}

static int configure(SynRecord *r, uint16_t group) {
        const struct nfulnl_msg_config_mode mode = { .copy_mode = NFULNL_COPY_PACKET,
                                                     .copy_range = htonl(SYN_SIZE_MAX) };
        char buffer[NF_REQUEST_SIZE];
        struct nlmsghdr *h = begin(buffer, group);

        mnl_attr_put(h, NFULA_CFG_MODE, sizeof(mode), &mode);
        mnl_attr_put_u32(h, NFULA_CFG_NLBUFSIZ, htonl(NF_MESSAGES_SIZE));
        mnl_attr_put_u32(h, NFULA_CFG_QTHRESH, htonl(AT_A_TIME));
        mnl_attr_put_u32(h, NFULA_CFG_TIMEOUT, htonl(LATEST));
        return nf_request(&r->socket, h);
}

static int explain(int error) {
        if (error == -EPERM) /* another program has the group */
                return -EBUSY;
        return error == -EINVAL || error == -ENOENT ? -EOPNOTSUPP : error;
}

int syn_record_start(SynRecord *r, uint16_t group) {
        int error;

        if (r->group == group)
                return 0;
        syn_record_stop(r);
        error = command(r, group, NFULNL_CFG_CMD_BIND);
        if (error < 0)
                return explain(error);
        r->group = group;
        error = configure(r, group);
        if (error < 0)
                syn_record_stop(r);
        return explain(error);
}

/* What the kernel has not handed over yet it hands over now. */
void syn_record_stop(SynRecord *r) {
        if (r->group == 0)
                return;
        (void) command(r, r->group, NFULNL_CFG_CMD_UNBIND);
        (void) nf_read(&r->socket, READ_AT_A_TIME);
        r->group = 0;
}

int syn_record_fd(const SynRecord *r) {
        return r->socket.fd;
}

void syn_record_read(SynRecord *r) {
        (void) nf_read(&r->socket, READ_AT_A_TIME);
}

int syn_record_new(SynRecord **ret) {
        const int room = 4 * NF_MESSAGES_SIZE;
        _cleanup_(syn_record_freep) SynRecord *r = calloc(1, sizeof(*r));
        int error;

        if (!r)
                return -ENOMEM;
        r->socket.fd = -EBADF;
        error = nf_socket_open(&r->socket, room, take_message, r);
        if (error < 0)
                return error;
        *ret = TAKE_PTR(r);
        return 0;
}

SynRecord *syn_record_free(SynRecord *r) {
        if (!r)
                return NULL;
        safe_close(r->socket.fd);
        free(r->kept);
        free(r);
        return NULL;
}
