/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-syn-record.c - the record of new connections, which a rule logs, and packets that are sent
 * again, on a real tap whose other end is this test. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "private-net.h"

#include "host/packet-send.h"
#include "host/syn-record.h"

#define GROUP 40000
#define MANY  500 /* more than are kept */

typedef struct Taken {
        unsigned n, out_of_order;
        uint16_t first, last; /* ports */
        int family;
        size_t size; /* of the last one */
        uint8_t data[SYN_SIZE_MAX];
} Taken;

static int guest; /* the guest's end of tap0 */

static void set_up(void) {
        struct ifreq ifr = { .ifr_name = "tap0", .ifr_flags = IFF_TAP | IFF_NO_PI };

        guest = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        assert_true(guest >= 0);
        assert_int_equal(ioctl(guest, TUNSETIFF, &ifr), 0);
        shell("ip address add 10.0.0.1/24 dev tap0");
        shell("ip address add fd00::1/64 dev tap0 nodad");
        shell("ip link set tap0 up txqueuelen 5000");
        shell("iptables-legacy -t mangle -A OUTPUT -o tap0 -j NFLOG --nflog-group 40000");
        shell("ip6tables-legacy -t mangle -A OUTPUT -o tap0 -j NFLOG --nflog-group 40000");
        shell("ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev tap0");
        shell("ip neighbour add fd00::2 lladdr 02:00:00:00:00:02 dev tap0");
}

static void call(int family, uint16_t port) {
        struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        _cleanup_close_ int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        assert_true(fd >= 0);
        assert_int_equal(inet_pton(AF_INET, "10.0.0.2", &four.sin_addr), 1);
        assert_int_equal(inet_pton(AF_INET6, "fd00::2", &six.sin6_addr), 1);
        if (family == AF_INET)
                (void) connect(fd, (struct sockaddr *) &four, sizeof(four));
        else
                (void) connect(fd, (struct sockaddr *) &six, sizeof(six));
        assert_int_equal(errno, EINPROGRESS);
}

static uint16_t port_of(const uint8_t *frame) {
        bool v6 = frame[12] == 0x86;
        const uint8_t *tcp =
                frame + ETH_HLEN + (v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr));

        return (uint16_t) (tcp[2] << 8 | tcp[3]);
}

/* The frame of the call to that port, as the guest sees it. */
static size_t hear(uint16_t port, uint8_t frame[static 2048]) {
        struct pollfd p = { .fd = guest, .events = POLLIN };
        ssize_t n;

        while (poll(&p, 1, 10000) > 0) {
                n = read(guest, frame, 2048);
                if (n > 60 && port_of(frame) == port)
                        return (size_t) n;
        }
        return 0;
}

static void take(const NfPacket *p, const void *data, size_t size, void *userdata) {
        Taken *t = userdata;

        assert_true(p->syn && p->protocol == IPPROTO_TCP);
        if (t->n++ == 0)
                t->first = p->destination_port;
        else
                t->out_of_order += p->destination_port != t->last + 1;
        t->last = p->destination_port;
        t->family = p->family;
        t->size = size;
        assert_in_range(size, sizeof(struct iphdr) + sizeof(struct tcphdr), sizeof(t->data));
        memcpy(t->data, data, size);
}

static Taken take_all(SynRecord *r) {
        Taken t = {};

        syn_record_take(r, take, &t);
        return t;
}

static SynRecord *begin(void) {
        SynRecord *r = NULL;

        assert_int_equal(syn_record_new(&r), 0);
        assert_int_equal(syn_record_start(r, GROUP), 0);
        return r;
}

static uint32_t add_up(const uint8_t *data, size_t n) {
        uint32_t sum = 0;

        for (size_t i = 0; i < n; i++)
                sum += i % 2 ? data[i] : (uint32_t) data[i] << 8;
        return sum;
}

/* Of a packet, with its own checksums: they are right if the sums are 0xffff. */
static void check_sums(const uint8_t *packet, size_t size) {
        bool v6 = packet[0] >> 4 == 6;
        size_t head = v6 ? sizeof(struct ip6_hdr) : sizeof(struct iphdr);
        uint32_t sum = (uint32_t) (IPPROTO_TCP + size - head) +
                       add_up(packet + (v6 ? 8 : 12), v6 ? 32 : 8) +
                       add_up(packet + head, size - head);

        assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
        sum = add_up(packet, head);
        if (!v6)
                assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

/* They are told as they were sent, but for what the host's kernel leaves to the device, and are
 * sent again as the guest saw them. */
static void test_again(void **state) {
        static const int families[] = { AF_INET, AF_INET6 };
        static const uint8_t mac[] = { 2, 0, 0, 0, 0, 2 };
        const IpAddress other = { .v4.s_addr = htonl(0x0a000009),
                                  .v6.s6_addr = { 0xfd, [15] = 9 } };
        const int tap = (int) if_nametoindex("tap0");

        FOREACH_ELEMENT (family, families) {
                _cleanup_(syn_record_freep) SynRecord *r = begin();
                _cleanup_close_ int fd = packet_sender_open();
                uint8_t frame[2048], sent[2048];
                size_t size;
                Taken t;

                assert_true(fd >= 0);
                call(*family, 81);
                assert_true(hear(81, frame) > 0);
                call(*family, 82);
                size = hear(82, sent);
                assert_int_equal(take_all(r).n, 0); /* the kernel keeps them */
                syn_record_stop(r);
                call(*family, 83); /* not recorded */
                assert_true(hear(83, frame) > 0);
                t = take_all(r);
                assert_int_equal(t.n, 2);
                assert_int_equal(t.first, 81);
                assert_int_equal(t.last, 82);
                assert_int_equal(t.family, *family);
                assert_int_equal(t.size, size - ETH_HLEN);
                assert_int_equal(take_all(r).n, 0);

                assert_int_equal(packet_send(fd, tap, mac, t.data, t.size), 0);
                assert_int_equal(hear(82, frame), size);
                assert_memory_equal(frame, sent, size);
                packet_set_source(t.data, t.size, &other);
                assert_int_equal(packet_send(fd, tap, mac, t.data, t.size), 0);
                assert_int_equal(hear(82, frame), size);
                assert_memory_not_equal(frame, sent, size);
                check_sums(frame + ETH_HLEN, size - ETH_HLEN);
        }
}

static void test_bad_packets(void **state) {
        static const uint8_t mac[6];
        uint8_t data[64] = { 0x45, [9] = IPPROTO_TCP };

        assert_int_equal(packet_send(-1, 1, mac, data, 0), -EBADMSG);
        assert_int_equal(packet_send(-1, 1, mac, data, 39), -EBADMSG);
        data[0] = 0x4f; /* its header is longer than the packet */
        assert_int_equal(packet_send(-1, 1, mac, data, sizeof(data)), -EBADMSG);
        data[0] = 0x60;
        data[6] = IPPROTO_HOPOPTS;
        assert_int_equal(packet_send(-1, 1, mac, data, sizeof(data)), -EBADMSG);
}

/* Nothing but first packets of TCP is recorded, whatever is logged. */
static void test_others(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        uint8_t frame[2048];

        assert_int_equal(inet_pton(AF_INET, "10.0.0.2", &to.sin_addr), 1);
        memset(frame, 2, sizeof(frame));
        assert_int_equal(sendto(fd, frame, 100, 0, (struct sockaddr *) &to, sizeof(to)), 100);
        assert_true(hear(7, frame) > 0);
        syn_record_stop(r);
        assert_int_equal(take_all(r).n, 0);
}

/* Nobody is woken for a packet. The last ones are kept, in their order, and the record goes on when
 * they have been taken. */
static void test_many(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();
        struct pollfd p = { .fd = syn_record_fd(r), .events = POLLIN };
        uint8_t frame[2048];
        unsigned woken = 0;
        Taken t;

        for (uint16_t i = 0; i < MANY; i++) {
                call(AF_INET, (uint16_t) (1000 + i));
                while (read(guest, frame, sizeof(frame)) > 0)
                        ;
                if (poll(&p, 1, 0) > 0) {
                        syn_record_read(r);
                        woken++;
                }
        }
        assert_in_range(woken, 1, MANY / 50);
        syn_record_stop(r);
        t = take_all(r);
        assert_int_equal(t.n, SYN_KEPT);
        assert_int_equal(t.last, 1000 + MANY - 1);
        assert_int_equal(t.out_of_order, 0);
        assert_int_equal(syn_record_start(r, GROUP), 0);
        call(AF_INET, 80);
        syn_record_stop(r);
        assert_int_equal(take_all(r).last, 80);
}

/* Nobody reads: memory is bounded, and the record goes on afterwards. */
static void test_full(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();
        uint8_t frame[2048];

        for (uint16_t i = 0; i < 4 * MANY; i++) {
                call(AF_INET, (uint16_t) (1000 + i));
                while (read(guest, frame, sizeof(frame)) > 0)
                        ;
        }
        syn_record_read(r);
        assert_in_range(take_all(r).n, 1, SYN_KEPT);
        syn_record_stop(r);
        (void) take_all(r);
        assert_int_equal(syn_record_start(r, GROUP), 0);
        call(AF_INET, 80);
        syn_record_stop(r);
        assert_int_equal(take_all(r).last, 80);
}

/* Another program has that group; then another group is free. */
static void test_taken(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin(), *other = NULL;

        assert_int_equal(syn_record_new(&other), 0);
        assert_int_equal(syn_record_start(other, GROUP), -EBUSY);
        assert_int_equal(syn_record_start(other, GROUP + 1), 0);
        syn_record_stop(r);
        assert_int_equal(syn_record_start(other, GROUP), 0);
        call(AF_INET, 80);
        syn_record_stop(other);
        assert_int_equal(take_all(other).last, 80);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_again),  cmocka_unit_test(test_bad_packets),
                cmocka_unit_test(test_others), cmocka_unit_test(test_many),
                cmocka_unit_test(test_full),   cmocka_unit_test(test_taken),
        };

        private_net_enter();
        set_up();
        return RUN_TESTS(tests);
}
