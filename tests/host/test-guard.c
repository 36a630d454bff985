/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-guard.c - listening sockets, their owners, and which of them are guarded. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "private-net.h"

#include "host/guard.h"

typedef struct Service {
        const char *comm;
        int family;
        const char *address;
        uint16_t port;
        uid_t uid;
} Service;

static void listen_as(const void *userdata) {
        const Service *s = userdata;
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(s->port) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(s->port) };
        int fd;

        assert(setresuid(s->uid, s->uid, s->uid) >= 0 && prctl(PR_SET_NAME, s->comm) >= 0);
        fd = socket(s->family, SOCK_STREAM, 0);
        assert(inet_pton(s->family, s->address,
                         s->family == AF_INET ? (void *) &in.sin_addr : (void *) &in6.sin6_addr) ==
               1);
        if (s->family == AF_INET)
                assert(bind(fd, (struct sockaddr *) &in, sizeof(in)) >= 0);
        else
                assert(bind(fd, (struct sockaddr *) &in6, sizeof(in6)) >= 0);
        assert(listen(fd, 1) >= 0);
}

/* A child of that name which listens there until child_kill(). */
static pid_t service(const char *comm, int family, const char *address, uint16_t port, uid_t uid) {
        return child_that_stays(listen_as, &(const Service){ comm, family, address, port, uid });
}

static pid_t sshd(uint16_t port) {
        return service("sshd", AF_INET, "0.0.0.0", port, 0);
}

static void assert_guarded(const Guard *g, size_t i, const char *ports, const char *why) {
        char text[FORWARD_TEXT_MAX];

        assert_true(i < g->n);
        assert_string_equal(forward_format(&g->ports[i].ports, text), ports);
        assert_string_equal(g->ports[i].why, why);
}

static int setup(void **state) {
        private_net_renew();
        shell("ip link set lo up && ip address add 192.0.2.1/24 dev lo && "
              "ip address add 2001:db8::1/64 dev lo nodad");
        return 0;
}

static void test_sshd(void **state) {
        pid_t daemon, other, user, own;
        char why[GUARD_WHY_MAX];
        Guard g = {};

        assert_int_equal(guard_update(&g, NULL, 0), 0);
        daemon = sshd(22);
        other = service("nginx", AF_INET, "0.0.0.0", 80, 0);
        own = service("sshd", AF_INET, "127.0.0.1", 6010, 0); /* X11: nobody comes in by it */
        user = service("sshd", AF_INET, "0.0.0.0", 8080, 12345);
        assert_int_equal(guard_update(&g, NULL, 0), 1);
        assert_int_equal(g.n, 1);
        snprintf(why, sizeof(why), "sshd, pid %d", (int) daemon);
        assert_guarded(&g, 0, "tcp/22", why);
        assert_non_null(guard_find(&g, &(Forward){ FORWARD_TCP, 20, 30, 20 }));
        assert_null(guard_find(&g, &(Forward){ FORWARD_UDP, 20, 30, 20 }));
        assert_int_equal(guard_update(&g, NULL, 0), 0);
        guard_done(&g);
        child_kill(daemon);
        child_kill(other);
        child_kill(own);
        child_kill(user);
}

/* Every form of address by which callers come in. */
static void test_addresses(void **state) {
        static const struct {
                int family;
                const char *address;
                bool guarded;
        } cases[] = {
                { AF_INET, "0.0.0.0", true },
                { AF_INET, "192.0.2.1", true },
                { AF_INET, "127.0.0.1", false },
                { AF_INET, "127.1.2.3", false },
                { AF_INET6, "::", true },
                { AF_INET6, "::ffff:192.0.2.1", true },
                { AF_INET6, "2001:db8::1", true },
                { AF_INET6, "::1", false },
                { AF_INET6, "::ffff:127.0.0.1", false },
        };

        FOREACH_ELEMENT (c, cases) {
                pid_t daemon = service("dropbear", c->family, c->address, 2222, 0);
                Guard g = {};

                assert_int_equal(guard_update(&g, NULL, 0), c->guarded);
                assert_int_equal(g.n, c->guarded);
                guard_done(&g);
                child_kill(daemon);
        }
}

static void test_follows(void **state) {
        pid_t daemon = sshd(22);
        char why[GUARD_WHY_MAX];
        Guard g = {};

        assert_int_equal(guard_update(&g, NULL, 0), 1);
        child_kill(daemon);
        /* Gone: its port stays, for it may be on its way up again. */
        assert_int_equal(guard_update(&g, NULL, 0), 0);
        assert_int_equal(g.n, 1);
        /* Elsewhere: the guard follows. */
        daemon = sshd(2022);
        assert_int_equal(guard_update(&g, NULL, 0), 1);
        assert_int_equal(g.n, 1);
        snprintf(why, sizeof(why), "sshd, pid %d", (int) daemon);
        assert_guarded(&g, 0, "tcp/2022", why);
        guard_done(&g);
        child_kill(daemon);
}

static void test_reserved_and_sessions(void **state) {
        static const Forward reserved[] = { { FORWARD_TCP | FORWARD_UDP, 9000, 9010, 9000 },
                                            { FORWARD_TCP, 2222, 2222, 2222 } };
        static const char *const bad[] = { "",
                                           "198.51.100.7",
                                           "198.51.100.7 50000 192.0.2.1",
                                           "198.51.100.7 50000 192.0.2.1 0",
                                           "198.51.100.7 50000 192.0.2.1 65536",
                                           "198.51.100.7 50000 192.0.2.1 22 more",
                                           "some\033host 50000 192.0.2.1 22" };
        Guard g = {};

        FOREACH_ELEMENT (b, bad)
                ASSERT_ERROR(guard_add_session(&g, *b), EINVAL);
        assert_int_equal(guard_add_session(&g, "198.51.100.7 50000 192.0.2.1 2222"), 1);
        assert_int_equal(guard_add_session(&g, "2001:db8::1 50001 2001:db8::2 2222"), 0);
        assert_int_equal(guard_update(&g, reserved, 2), 1);
        assert_int_equal(g.n, 2); /* one port, one reason */
        assert_guarded(&g, 0, "tcp/2222", "ssh session from 198.51.100.7");
        assert_guarded(&g, 1, "tcp+udp/9000-9010", "Reserve=");
        assert_int_equal(guard_update(&g, reserved, 1), 0);
        assert_int_equal(guard_update(&g, reserved + 1, 1), 1);
        for (unsigned i = 0; i < 15; i++) {
                char text[64];

                snprintf(text, sizeof(text), "198.51.100.7 1 192.0.2.1 %u", 3000 + i);
                assert_int_equal(guard_add_session(&g, text), 1);
        }
        ASSERT_ERROR(guard_add_session(&g, "198.51.100.7 1 192.0.2.1 4000"), E2BIG);
        guard_done(&g);
}

/* A table as the kernel prints it, also where it is none. */
static void test_parse(void **state) {
        static const char table[] = "  sl  local_address rem_address   st tx_queue rx_queue tr "
                                    "tm->when retrnsmt   uid\n"
                                    "   0: 00000000:0016 00000000:0000 0A 00000000:00000000 "
                                    "00:00000000 00000000     0  "
                                    "      0 4711 1 0000000000000000 100 0 0 10 0\n"
                                    "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 "
                                    "00:00000000 00000000     0  "
                                    "      0 4712 1 0000000000000000 100 0 0 10 0\n"
                                    "what is this\n"
                                    "   2: 010200C0:0050 00000000:0000 0A 00000000:00000000 "
                                    "00:00000000 00000000    33  "
                                    "      0 4713 1 0000000000000000 100 0 0 10 0\n"
                                    "   3: 010200C0:0016 070200C0:C350 01 00000000:00000000 "
                                    "00:00000000 00000000     0  "
                                    "      0 4714 1 0000000000000000 100 0 0 10 0\n"
                                    "   4: 00000000:0051 00000000:0000 0A 00000000:00000000 "
                                    "00:00000000 00000000     0  "
                                    "      0 4715 1 0000000000000000 100 0 0 10 0\n";
        _cleanup_fclose_ FILE *f = fmemopen((void *) table, sizeof(table) - 1, "r");
        _cleanup_free_ Listener *list = NULL;
        size_t n = 0;

        assert_non_null(f);
        ASSERT_OK(listeners_parse(f, FORWARD_TCP, &list, &n));
        assert_int_equal(n, 2); /* connections end the list */
        assert_int_equal(list[0].port, 22);
        assert_int_equal(list[0].inode, 4711);
        assert_int_equal(list[1].port, 80);
        assert_int_equal(list[1].uid, 33);
}

static int open_socket(int family, int type, const char *address, uint16_t port) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
        bool four = family == AF_INET;
        int fd = socket(family, type | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(
                inet_pton(family, address, four ? (void *) &in.sin_addr : (void *) &in6.sin6_addr),
                1);
        assert_int_equal(
                bind(fd, four ? (void *) &in : (void *) &in6, four ? sizeof(in) : sizeof(in6)), 0);
        if (type == SOCK_STREAM)
                assert_int_equal(listen(fd, 1), 0);
        return fd;
}

static int by_inode(const void *a, const void *b) {
        const Listener *x = a, *y = b;

        return x->inode < y->inode ? -1 : x->inode > y->inode;
}

static size_t read_tables(Listener **ret) {
        static const struct {
                const char *path;
                unsigned protocol;
        } tables[] = { { "/proc/self/net/tcp", FORWARD_TCP },
                       { "/proc/self/net/tcp6", FORWARD_TCP },
                       { "/proc/self/net/udp", FORWARD_UDP },
                       { "/proc/self/net/udp6", FORWARD_UDP } };
        size_t n = 0;

        *ret = NULL;
        FOREACH_ELEMENT (t, tables) {
                _cleanup_fclose_ FILE *f = fopen(t->path, "re");

                assert_non_null(f);
                ASSERT_OK(listeners_parse(f, t->protocol, ret, &n));
        }
        qsort(*ret, n, sizeof(**ret), by_inode);
        return n;
}

/* Both ways of asking the kernel say the same. */
static void test_ways(void **state) {
        static const struct {
                int family, type;
                const char *address;
                uint16_t port;
        } sockets[] = {
                { AF_INET, SOCK_STREAM, "0.0.0.0", 80 },
                { AF_INET, SOCK_STREAM, "127.0.0.1", 81 },
                { AF_INET, SOCK_DGRAM, "192.0.2.1", 53 },
                { AF_INET, SOCK_DGRAM, "0.0.0.0", 40000 },
                { AF_INET6, SOCK_STREAM, "::", 82 },
                { AF_INET6, SOCK_STREAM, "::1", 83 },
                { AF_INET6, SOCK_STREAM, "2001:db8::1", 84 },
                { AF_INET6, SOCK_STREAM, "::ffff:192.0.2.1", 85 },
                { AF_INET6, SOCK_STREAM, "::ffff:127.0.0.1", 86 },
                { AF_INET6, SOCK_DGRAM, "2001:db8::1", 54 },
        };
        _cleanup_free_ Listener *asked = NULL, *printed = NULL;
        int fds[ARRAY_SIZE(sockets)];
        size_t n, n_printed;

        for (size_t i = 0; i < ARRAY_SIZE(sockets); i++)
                fds[i] = open_socket(sockets[i].family, sockets[i].type, sockets[i].address,
                                     sockets[i].port);
        ASSERT_OK(listeners_read(FORWARD_TCP | FORWARD_UDP, &asked, &n));
        assert_int_equal(n, 6);
        for (size_t i = 1; i < n; i++) /* first TCP */
                assert_true(asked[i].protocol == FORWARD_UDP ||
                            asked[i - 1].protocol == FORWARD_TCP);
        qsort(asked, n, sizeof(*asked), by_inode);
        n_printed = read_tables(&printed);
        assert_int_equal(n, n_printed);
        for (size_t i = 0; i < n; i++) {
                assert_int_equal(asked[i].inode, printed[i].inode);
                assert_int_equal(asked[i].port, printed[i].port);
                assert_int_equal(asked[i].protocol, printed[i].protocol);
                assert_int_equal(asked[i].family, printed[i].family);
                assert_int_equal(asked[i].uid, printed[i].uid);
        }
        FOREACH_ELEMENT (fd, fds)
                close(*fd);
}

static void test_moved(void **state) {
        Guard g = {};
        int fd;

        assert_int_equal(guard_moved(&g), 1);
        ASSERT_OK(guard_update(&g, NULL, 0));
        assert_int_equal(guard_moved(&g), 0);
        fd = open_socket(AF_INET, SOCK_DGRAM, "0.0.0.0", 53);
        assert_int_equal(guard_moved(&g), 0);
        close(fd);
        fd = open_socket(AF_INET6, SOCK_STREAM, "::", 22);
        assert_int_equal(guard_moved(&g), 1);
        ASSERT_OK(guard_update(&g, NULL, 0));
        assert_int_equal(guard_moved(&g), 0);
        close(fd);
        assert_int_equal(guard_moved(&g), 1);
        guard_done(&g);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_sshd, setup),
                cmocka_unit_test_setup(test_addresses, setup),
                cmocka_unit_test_setup(test_follows, setup),
                cmocka_unit_test_setup(test_reserved_and_sessions, setup),
                cmocka_unit_test_setup(test_ways, setup),
                cmocka_unit_test_setup(test_moved, setup),
                cmocka_unit_test(test_parse),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
