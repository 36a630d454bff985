/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet-send.c - sends a packet once more, by a packet(7) socket. */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "host/nfqueue.h"
#include "host/packet-send.h"

/* Without a protocol nothing is received: no packet of the host costs more than before. */
int packet_sender_open(void) {
        int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return errno == EAFNOSUPPORT ? -EOPNOTSUPP : -errno;
        return fd;
}

/* ---- checksums ---- */

static uint32_t add_up(uint32_t sum, const uint8_t *data, size_t n) {
        for (size_t i = 0; i < n; i++)
                sum += i % 2 ? data[i] : (uint32_t) data[i] << 8;
        return sum;
}

/* In network byte order, and wherever it lies. */
static void put_sum(uint8_t *at, uint32_t sum) {
        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        at[0] = (uint8_t) (~sum >> 8);
        at[1] = (uint8_t) ~sum;
}

static bool is_v6(const uint8_t *packet) {
        return packet[0] >> 4 == 6;
}

static size_t head_of(const uint8_t *packet) {
        return is_v6(packet) ? sizeof(struct ip6_hdr) : (size_t) (packet[0] & 0xf) * 4;
}

static void seal(uint8_t *packet, size_t size) {
        const bool v6 = is_v6(packet);
        const size_t head = head_of(packet);
        const size_t addresses =
                v6 ? offsetof(struct ip6_hdr, ip6_src) : offsetof(struct iphdr, saddr);
        uint8_t *tcp = packet + head;
        uint8_t *check = tcp + offsetof(struct tcphdr, check);
        uint32_t sum;

        check[0] = check[1] = 0;
        sum = add_up((uint32_t) (IPPROTO_TCP + size - head), packet + addresses, v6 ? 32 : 8);
        put_sum(check, add_up(sum, tcp, size - head));
        if (v6)
                return;
        check = packet + offsetof(struct iphdr, check);
        check[0] = check[1] = 0;
        put_sum(check, add_up(0, packet, head));
}

void packet_set_source(void *packet, size_t size, const IpAddress *source) {
        uint8_t *bytes = packet;

        if (size >= sizeof(struct ip6_hdr) && is_v6(bytes))
                memcpy(bytes + offsetof(struct ip6_hdr, ip6_src), &source->v6, sizeof(source->v6));
        else if (size >= sizeof(struct iphdr))
                memcpy(bytes + offsetof(struct iphdr, saddr), &source->v4, sizeof(source->v4));
}

int packet_send(int fd, int interface, const uint8_t mac[static 6], void *packet, size_t size) {
        struct sockaddr_ll to = { .sll_family = AF_PACKET,
                                  .sll_ifindex = interface,
                                  .sll_halen = ETH_ALEN };
        NfPacket p = {};

        nfqueue_parse(packet, size, &p);
        if (p.protocol != IPPROTO_TCP || size < head_of(packet) + sizeof(struct tcphdr) ||
            (is_v6(packet) && ((const struct ip6_hdr *) packet)->ip6_nxt != IPPROTO_TCP))
                return -EBADMSG;
        to.sll_protocol = htons(p.family == AF_INET6 ? ETH_P_IPV6 : ETH_P_IP);
        memcpy(to.sll_addr, mac, ETH_ALEN);
        seal(packet, size);
        return sendto(fd, packet, size, MSG_DONTWAIT, (const struct sockaddr *) &to, sizeof(to)) < 0
                       ? -errno
                       : 0;
}
