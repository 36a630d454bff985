/* SPDX-License-Identifier: GPL-2.0-or-later */
/* syn-record.c - keeps the last first packets of TCP connections that were sent to an interface.
 *
 * TPACKET_V3 divides the ring into blocks. A full one is handed over ("retired"), for which alone
 * the socket becomes readable, and the kernel fills the next one. The one being filled can be read
 * as well: its header counts the packets as they come. Of those only the last may be incomplete, so
 * nothing in a block is relied on beyond its bounds. */

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "host/syn-record.h"

enum {
        BLOCK = 64 << 10, /* bytes: more than 200 connections and their answers */
        BLOCKS = 4,
        KEPT = 2,          /* full ones that are kept; the other two are filled meanwhile */
        SLOT = 256,        /* of no meaning for TPACKET_V3, but it has to be plausible */
        FRAME_MAX = 128,   /* bytes that are kept: a first packet without data is shorter */
        RETIRE_MS = 60000, /* one that is not full is handed over after that time */
        ENTRIES_MAX = BLOCK / 128 * BLOCKS,
};

#define TCP_CHECKSUM_AT 16

struct SynRecord {
        int fd, send_fd, index;
        uint64_t given;    /* blocks up to this number have been handed back, or taken */
        uint64_t taken_of; /* of that block the first ones have been taken: */
        unsigned taken;
};

/* ---- what is recorded ---- */

/* Of what goes out SYN without ACK, of what comes in its answers: SYN with ACK, and RST. */
static const struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 12), /* 0: which protocol? */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IP, 0, 6),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 9),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 18),
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, ETH_HLEN + 6), /* 4: not the rest of a fragment? */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x1fff, 16, 0),
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, ETH_HLEN),
        BPF_STMT(BPF_JMP | BPF_JA, 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ETH_P_IPV6, 0, 13), /* 8 */
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, ETH_HLEN + 6),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_TCP, 0, 11),
        BPF_STMT(BPF_LDX | BPF_IMM, 40),
        BPF_STMT(BPF_LD | BPF_B | BPF_IND, ETH_HLEN + 13), /* 12: TCP's flags */
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x16),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, SKF_AD_OFF + SKF_AD_PKTTYPE),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 2), /* 16 */
        BPF_STMT(BPF_MISC | BPF_TXA, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x02, 4, 3),
        BPF_STMT(BPF_MISC | BPF_TXA, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x12, 2, 0), /* 20 */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x04, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, FRAME_MAX),
};

static int set(int fd, int option, const void *value, socklen_t size) {
        return RET_NERRNO(setsockopt(fd, SOL_PACKET, option, value, size));
}

static int make_ring(int fd) {
        const struct tpacket_req3 ring = { .tp_block_size = BLOCK,
                                           .tp_block_nr = BLOCKS,
                                           .tp_frame_size = SLOT,
                                           .tp_frame_nr = BLOCK / SLOT * BLOCKS,
                                           .tp_retire_blk_tov = RETIRE_MS };
        const struct sock_fprog program = { .len = ARRAY_SIZE(filter),
                                            .filter = (struct sock_filter *) filter };
        const int version = TPACKET_V3;
        int r = RET_NERRNO(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)));

        if (r >= 0)
                r = set(fd, PACKET_VERSION, &version, sizeof(version));
        return r < 0 ? r : set(fd, PACKET_RX_RING, &ring, sizeof(ring));
}

int syn_record_new(int index, SynRecord **ret) {
        const struct sockaddr_ll self = { .sll_family = AF_PACKET,
                                          .sll_protocol = htons(ETH_P_ALL),
                                          .sll_ifindex = index };
        _cleanup_(syn_record_freep) SynRecord *r = calloc(1, sizeof(*r));
        int error;

        if (!r)
                return -ENOMEM;
        r->index = index;
        r->fd = r->send_fd = -EBADF;
        r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        /* What goes out by the same socket would not be recorded again. */
        r->send_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (r->fd < 0 || r->send_fd < 0)
                return errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
        error = make_ring(r->fd);
        if (error == -ENOPROTOOPT || error == -EINVAL) /* before Linux 3.2 */
                return -EOPNOTSUPP;
        if (error >= 0)
                error = RET_NERRNO(bind(r->fd, (const struct sockaddr *) &self, sizeof(self)));
        if (error < 0)
                return error;
        *ret = TAKE_PTR(r);
        return 0;
}

SynRecord *syn_record_free(SynRecord *r) {
        if (!r)
                return NULL;
        safe_close(r->fd);
        safe_close(r->send_fd);
        free(r);
        return NULL;
}

int syn_record_fd(const SynRecord *r) {
        return r->fd;
}

/* ---- the ring ---- */

/* It is mapped only while it is looked at: it does not count as umld's memory all the time. */
static int map_ring(const SynRecord *r, uint8_t **ret) {
        void *p = mmap(NULL, (size_t) BLOCK * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);

        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}

static void unmap_ring(uint8_t *ring) {
        (void) munmap(ring, (size_t) BLOCK * BLOCKS);
}

static struct tpacket_hdr_v1 *head_of(uint8_t *ring, size_t i) {
        return &((struct tpacket_block_desc *) (void *) (ring + i * BLOCK))->hdr.bh1;
}

static bool is_full(const struct tpacket_hdr_v1 *head) {
        return __atomic_load_n(&head->block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER;
}

static void hand_back(SynRecord *r, struct tpacket_hdr_v1 *head) {
        r->given = MAX(r->given, head->seq_num);
        __atomic_store_n(&head->block_status, (uint32_t) TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

/* Hands the oldest full blocks back until no more than that are left. */
static void keep_full(SynRecord *r, uint8_t *ring, size_t max) {
        for (;;) {
                struct tpacket_hdr_v1 *oldest = NULL;
                size_t full = 0;

                for (size_t i = 0; i < BLOCKS; i++) {
                        struct tpacket_hdr_v1 *head = head_of(ring, i);

                        if (!is_full(head))
                                continue;
                        full++;
                        if (!oldest || head->seq_num < oldest->seq_num)
                                oldest = head;
                }
                if (full <= max)
                        return;
                hand_back(r, oldest);
        }
}

int syn_record_make_room(SynRecord *r) {
        socklen_t size = sizeof(int);
        uint8_t *ring = NULL;
        int error;

        /* The interface was shut down: said once. */
        (void) getsockopt(r->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        error = map_ring(r, &ring);
        if (error < 0)
                return error;
        keep_full(r, ring, KEPT);
        unmap_ring(ring);
        return 0;
}

/* ---- what was not answered ---- */

typedef struct Entry {
        uint64_t flow;
        uint64_t when; /* CLOCK_REALTIME */
        NfPacket packet;
        const uint8_t *frame; /* in the ring */
        bool answered, bare;  /* bare: its checksum is left to the device */
} Entry;

typedef struct Entries {
        Entry *list;
        size_t n;
} Entries;

static Entry *find(const Entries *e, uint64_t flow) {
        for (size_t i = e->n; i-- > 0;)
                if (e->list[i].flow == flow)
                        return &e->list[i];
        return NULL;
}

static NfPacket turn_round(const NfPacket *p) {
        NfPacket other = *p;

        other.source = p->destination;
        other.source_port = p->destination_port;
        other.destination = p->source;
        other.destination_port = p->source_port;
        return other;
}

/* One packet of a block; bytes: from its header to the end of the block. */
static void note(Entries *e, const uint8_t *at, size_t bytes) {
        const struct tpacket3_hdr *h = (const void *) at;
        const struct sockaddr_ll *from = (const void *) (at + TPACKET_ALIGN(sizeof(*h)));
        bool outgoing = from->sll_pkttype == PACKET_OUTGOING;
        NfPacket p = {};
        Entry *entry;

        if (h->tp_snaplen <= ETH_HLEN || h->tp_snaplen > FRAME_MAX || h->tp_mac > bytes ||
            h->tp_snaplen > bytes - h->tp_mac)
                return;
        nfqueue_parse(at + h->tp_mac + ETH_HLEN, h->tp_snaplen - ETH_HLEN, &p);
        if (p.protocol != IPPROTO_TCP || p.syn != outgoing)
                return;
        if (!outgoing)
                p = turn_round(&p);
        p.size = h->tp_snaplen - ETH_HLEN;
        entry = find(e, nf_packet_flow(&p));
        if (!outgoing) {
                if (entry)
                        entry->answered = true;
                return;
        }
        if (h->tp_len != h->tp_snaplen) /* with data: it will be sent again without */
                return;
        if (!entry && e->n < ENTRIES_MAX)
                entry = &e->list[e->n++];
        if (entry)
                *entry = (Entry){ .flow = nf_packet_flow(&p),
                                  .when = h->tp_sec * USEC_PER_SEC + h->tp_nsec / 1000,
                                  .packet = p,
                                  .frame = at + h->tp_mac,
                                  .bare = h->tp_status & TP_STATUS_CSUMNOTREADY };
}

/* Skips what was taken before, and takes the rest. */
static void read_block(SynRecord *r, Entries *e, const uint8_t *block,
                       const struct tpacket_hdr_v1 *head) {
        unsigned n = __atomic_load_n(&head->num_pkts, __ATOMIC_ACQUIRE);
        unsigned skip = head->seq_num == r->taken_of ? r->taken : 0;
        size_t at = head->offset_to_first_pkt;
        const size_t least =
                TPACKET_ALIGN(sizeof(struct tpacket3_hdr)) + sizeof(struct sockaddr_ll);

        for (unsigned i = 0; i < n && at <= BLOCK - least; i++) {
                uint32_t next =
                        ((const struct tpacket3_hdr *) (const void *) (block + at))->tp_next_offset;

                if (i >= skip)
                        note(e, block + at, BLOCK - at);
                if (next == 0)
                        break;
                at += next;
        }
        r->taken_of = head->seq_num;
        r->taken = n;
}

static void read_ring(SynRecord *r, Entries *e, uint8_t *ring) {
        uint64_t last = r->given;

        for (;;) {
                struct tpacket_hdr_v1 *next = NULL;

                for (size_t i = 0; i < BLOCKS; i++) {
                        struct tpacket_hdr_v1 *head = head_of(ring, i);

                        if (head->seq_num > last && (!next || head->seq_num < next->seq_num))
                                next = head;
                }
                if (!next)
                        return;
                last = next->seq_num;
                read_block(r, e, (const uint8_t *) next - offsetof(struct tpacket_block_desc, hdr),
                           next);
        }
}

static uint32_t add_up(uint32_t sum, const uint8_t *data, size_t n) {
        for (size_t i = 0; i < n; i++)
                sum += i % 2 ? data[i] : (uint32_t) data[i] << 8;
        return sum;
}

/* Fills TCP's checksum in, which a device would have done. */
static void seal(uint8_t *frame, const NfPacket *p) {
        const bool v6 = p->family == AF_INET6;
        uint8_t *ip = frame + ETH_HLEN;
        const size_t head = v6 ? sizeof(struct ip6_hdr) : (size_t) (ip[0] & 0xf) * 4;
        const size_t addresses =
                v6 ? offsetof(struct ip6_hdr, ip6_src) : offsetof(struct iphdr, saddr);
        uint8_t *tcp = ip + head;
        uint32_t sum;

        if (p->size < head + TCP_CHECKSUM_AT + 2)
                return;
        tcp[TCP_CHECKSUM_AT] = tcp[TCP_CHECKSUM_AT + 1] = 0;
        sum = add_up((uint32_t) (IPPROTO_TCP + p->size - head), ip + addresses, v6 ? 32 : 8);
        sum = add_up(sum, tcp, p->size - head);
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        tcp[TCP_CHECKSUM_AT] = (uint8_t) (~sum >> 8);
        tcp[TCP_CHECKSUM_AT + 1] = (uint8_t) ~sum;
}

static void tell(const Entry *e, SynRecordFn fn, void *userdata) {
        uint8_t frame[FRAME_MAX];
        const size_t size = ETH_HLEN + e->packet.size;

        memcpy(frame, e->frame, size);
        if (e->bare)
                seal(frame, &e->packet);
        fn(&e->packet, frame, size, userdata);
}

int syn_record_take(SynRecord *r, usec_t age, SynRecordFn fn, void *userdata) {
        _cleanup_free_ Entry *list = calloc(ENTRIES_MAX, sizeof(*list));
        const usec_t oldest = usec_sub(now_usec(CLOCK_REALTIME), age);
        Entries e = { .list = list };
        uint8_t *ring = NULL;
        int error;

        if (!list)
                return -ENOMEM;
        error = map_ring(r, &ring);
        if (error < 0)
                return error;
        read_ring(r, &e, ring);
        for (size_t i = 0; i < e.n; i++)
                if (!list[i].answered && list[i].when >= oldest)
                        tell(&list[i], fn, userdata);
        keep_full(r, ring, 0);
        unmap_ring(ring);
        return 0;
}

int syn_record_send(const SynRecord *r, const void *frame, size_t size) {
        struct sockaddr_ll to = { .sll_family = AF_PACKET,
                                  .sll_ifindex = r->index,
                                  .sll_halen = ETH_ALEN };

        memcpy(to.sll_addr, frame, ETH_ALEN);
        memcpy(&to.sll_protocol, (const uint8_t *) frame + 2 * ETH_ALEN, sizeof(to.sll_protocol));
        return sendto(r->send_fd, frame, size, MSG_DONTWAIT, (const struct sockaddr *) &to,
                      sizeof(to)) < 0
                       ? -errno
                       : 0;
}
