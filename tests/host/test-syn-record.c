/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-syn-record.c - the record of new connections, on a real tap whose other end is this test. */

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

#include "host/syn-record.h"

#define AGE        (30 * USEC_PER_SEC)
#define MANY       2500 /* more than the ring has room for */
#define KEPT_LEAST 600

typedef struct Taken {
        unsigned n, out_of_order;
        uint16_t first, last; /* ports */
        int family;
        size_t size; /* of the last one */
        uint8_t frame[256];
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

static void swap(uint8_t *a, uint8_t *b, size_t n) {
        for (size_t i = 0; i < n; i++) {
                uint8_t c = a[i];

                a[i] = b[i];
                b[i] = c;
        }
}

/* Only the flags and the ends of an answer count here: the host drops it for its checksum. */
static void answer(uint8_t *frame, size_t size, uint8_t flags) {
        bool v6 = frame[12] == 0x86;
        uint8_t *ip = frame + ETH_HLEN, *tcp = ip + (v6 ? sizeof(struct ip6_hdr) : 20);

        swap(frame, frame + ETH_ALEN, ETH_ALEN);
        if (v6)
                swap(ip + 8, ip + 24, 16);
        else
                swap(ip + 12, ip + 16, 4);
        swap(tcp, tcp + 2, 2);
        tcp[13] = flags;
        assert_int_equal(write(guest, frame, size), size);
}

static void take(const NfPacket *p, const void *frame, size_t size, void *userdata) {
        Taken *t = userdata;

        assert_true(p->syn && p->protocol == IPPROTO_TCP);
        assert_int_equal(p->destination_port, port_of(frame));
        if (t->n++ == 0)
                t->first = p->destination_port;
        else
                t->out_of_order += p->destination_port != t->last + 1;
        t->last = p->destination_port;
        t->family = p->family;
        t->size = size;
        assert_true(size <= sizeof(t->frame));
        memcpy(t->frame, frame, size);
}

static Taken take_all(SynRecord *r, usec_t age) {
        Taken t = {};

        assert_int_equal(syn_record_take(r, age, take, &t), 0);
        return t;
}

static SynRecord *begin(void) {
        SynRecord *r = NULL;

        assert_int_equal(syn_record_new((int) if_nametoindex("tap0"), &r), 0);
        return r;
}

/* Of four connections two were answered. The other ones are told as they were sent, with the
 * checksum that the guest sees, which the host's kernel had left to the device. */
static void test_unanswered(void **state) {
        static const int families[] = { AF_INET, AF_INET6 };

        (void) state;
        FOREACH_ELEMENT (family, families) {
                _cleanup_(syn_record_freep) SynRecord *r = begin();
                uint8_t frame[2048], sent[2048];
                size_t size;
                Taken t;

                call(*family, 80);
                size = hear(80, frame);
                answer(frame, size, 0x12);
                call(*family, 81);
                assert_true(hear(81, frame) > 0);
                call(*family, 82);
                size = hear(82, sent);
                assert_true(size > 0);
                call(*family, 83);
                answer(frame, hear(83, frame), 0x14);
                t = take_all(r, AGE);
                assert_int_equal(t.n, 2);
                assert_int_equal(t.first, 81);
                assert_int_equal(t.last, 82);
                assert_int_equal(t.family, *family);
                assert_int_equal(t.size, size);
                assert_memory_equal(t.frame, sent, size);
                assert_int_equal(take_all(r, AGE).n, 0);

                /* It is sent again, and is recorded again. */
                assert_int_equal(syn_record_send(r, sent, size), 0);
                assert_int_equal(hear(82, frame), size);
                assert_memory_equal(frame, sent, size);
                assert_int_equal(take_all(r, AGE).n, 1);
        }
}

static void test_age(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();

        (void) state;
        call(AF_INET, 80);
        usleep(10 * USEC_PER_MSEC);
        assert_int_equal(take_all(r, 5 * USEC_PER_MSEC).n, 0);
        assert_int_equal(take_all(r, AGE).n, 0);
}

/* Nothing but first packets of TCP is recorded. */
static void test_others(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();
        _cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7) };
        uint8_t frame[2048];

        (void) state;
        assert_int_equal(inet_pton(AF_INET, "10.0.0.2", &to.sin_addr), 1);
        memset(frame, 2, sizeof(frame));
        assert_int_equal(sendto(fd, frame, 100, 0, (struct sockaddr *) &to, sizeof(to)), 100);
        assert_true(hear(7, frame) > 0);
        assert_int_equal(take_all(r, AGE).n, 0);
}

/* Of more than there is room for, the last ones are kept, in their order. */
static void test_many(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();
        struct pollfd p = { .fd = syn_record_fd(r), .events = POLLIN };
        uint8_t frame[2048];
        Taken t;

        (void) state;
        call(AF_INET, 1);
        assert_int_equal(poll(&p, 1, 0), 0); /* nobody is woken for a packet */
        for (uint16_t i = 0; i < MANY; i++) {
                call(AF_INET, (uint16_t) (1000 + i));
                while (read(guest, frame, sizeof(frame)) > 0)
                        ;
                if (i % 100 == 0)
                        assert_int_equal(syn_record_make_room(r), 0);
        }
        assert_int_equal(poll(&p, 1, 0), 1);
        t = take_all(r, AGE);
        assert_in_range(t.n, KEPT_LEAST, MANY - 1);
        assert_int_equal(t.last, 1000 + MANY - 1);
        assert_int_equal(t.out_of_order, 0);
        assert_int_equal(take_all(r, AGE).n, 0);
}

/* Nobody makes room: what comes then is lost, and the record goes on afterwards. */
static void test_full(void **state) {
        _cleanup_(syn_record_freep) SynRecord *r = begin();
        uint8_t frame[2048];
        Taken t;

        (void) state;
        for (uint16_t i = 0; i < MANY; i++) {
                call(AF_INET, (uint16_t) (1000 + i));
                while (read(guest, frame, sizeof(frame)) > 0)
                        ;
        }
        t = take_all(r, AGE);
        assert_int_equal(t.first, 1000);
        assert_in_range(t.n, KEPT_LEAST, MANY - 1);
        call(AF_INET, 80);
        assert_int_equal(take_all(r, AGE).last, 80);
}

static void test_refused(void **state) {
        SynRecord *r = NULL;

        (void) state;
        assert_int_equal(syn_record_new(12345, &r), -ENODEV);
        assert_null(r);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_unanswered), cmocka_unit_test(test_age),
                cmocka_unit_test(test_others),     cmocka_unit_test(test_many),
                cmocka_unit_test(test_full),       cmocka_unit_test(test_refused),
        };

        private_net_enter();
        set_up();
        return RUN_TESTS(tests);
}
