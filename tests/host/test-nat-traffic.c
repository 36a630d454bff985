/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-traffic.c - the rules do what they are for: connections in and out of a guest. */

#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "nat-tables.h"

#include "host/sysctl.h"
#include "nat/trip.h"

/* Two namespaces beside ours, which is the host: the Internet behind venet0, the guest behind tap0.
 */
static pid_t inet, guest;

static int kind = SOCK_STREAM; /* what serve() and call() speak; or SOCK_DGRAM */

static void leave_namespace(const void *userdata) {
        assert(unshare(CLONE_NEWNET) >= 0);
}

static void join(pid_t pid) {
        char path[64];
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/ns/net", (int) pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        assert(fd >= 0 && setns(fd, CLONE_NEWNET) >= 0);
        alarm(20); /* no test waits for ever */
}

static struct sockaddr_in address(const char *text, uint16_t port) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };

        assert(inet_pton(AF_INET, text, &a.sin_addr) == 1);
        return a;
}

/* In a child: tells one caller under which address it was seen. */
static pid_t serve(pid_t where, uint16_t port) {
        struct sockaddr_in a = address("0.0.0.0", port);
        socklen_t size = sizeof(a);
        int ready[2], fd;
        char text[INET_ADDRSTRLEN], byte;
        pid_t pid;

        assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
        pid = tied_fork();
        if (pid == 0) {
                join(where);
                fd = socket(AF_INET, kind, 0);
                assert(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) >= 0);
                assert(bind(fd, (struct sockaddr *) &a, size) >= 0);
                assert(kind == SOCK_DGRAM || listen(fd, 1) >= 0);
                assert(write(ready[1], "", 1) == 1);
                if (kind == SOCK_STREAM)
                        fd = accept(fd, (struct sockaddr *) &a, &size);
                else
                        assert(recvfrom(fd, &byte, 1, 0, (struct sockaddr *) &a, &size) == 1 &&
                               connect(fd, (struct sockaddr *) &a, size) >= 0);
                assert(inet_ntop(AF_INET, &a.sin_addr, text, sizeof(text)));
                assert(write(fd, text, strlen(text)) == (ssize_t) strlen(text));
                _exit(0);
        }
        close(ready[1]);
        assert_int_equal(read(ready[0], &byte, 1), 1);
        close(ready[0]);
        return pid;
}

/* Calls from that namespace; *said is the server's answer, or "" where there was none. */
static void call(pid_t where, const char *host, uint16_t port, char said[static INET_ADDRSTRLEN]) {
        struct sockaddr_in a = address(host, port);
        int answer[2], fd;
        ssize_t n;
        pid_t pid;

        assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
        pid = tied_fork();
        if (pid == 0) {
                char text[INET_ADDRSTRLEN];

                join(where);
                fd = socket(AF_INET, kind, 0);
                if (connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0 ||
                    (kind == SOCK_DGRAM && write(fd, "", 1) < 0))
                        _exit(0);
                n = read(fd, text, sizeof(text));
                if (n < 0 && errno == ECONNREFUSED)
                        _exit(0);
                assert(n > 0 && write(answer[1], text, (size_t) n) == n);
                _exit(0);
        }
        close(answer[1]);
        memset(said, 0, INET_ADDRSTRLEN);
        n = read(answer[0], said, INET_ADDRSTRLEN - 1);
        assert_true(n >= 0);
        close(answer[0]);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static int setup(void **state) {
        private_net_renew();
        inet = child_that_stays(leave_namespace, NULL);
        guest = child_that_stays(leave_namespace, NULL);
        shell("ip link add venet0 type veth peer name eth0 netns %d", (int) inet);
        shell("ip link add tap0 type veth peer name eth0 netns %d", (int) guest);
        shell("ip address add 192.0.2.1/24 dev venet0 && ip link set venet0 up && "
              "ip address add 10.0.0.1/24 dev tap0 && ip link set tap0 up");
        shell("nsenter -t %d -n sh -c 'ip link set eth0 up && ip address add 192.0.2.9/24 dev "
              "eth0'",
              (int) inet);
        shell("nsenter -t %d -n sh -c 'ip link set eth0 up && ip address add 10.0.0.2/24 dev eth0 "
              "&& "
              "ip route add default via 10.0.0.1'",
              (int) guest);
        ASSERT_OK(sysctl_set("net/ipv4/ip_forward", "1"));
        /* A host that means to forward nothing. With nftables only a rule of its own changes that.
         */
        if (tested_backend() == &nat_iptables)
                shell("iptables-legacy -P FORWARD DROP && iptables-legacy -A FORWARD -j REJECT");
        return 0;
}

static int teardown(void **state) {
        child_kill(inet);
        child_kill(guest);
        return 0;
}

static void test_traffic(void **state) {
        static const Forward forwards[] = {
                { FORWARD_TCP, 8080, 8080, 80 },
                { FORWARD_TCP, 8000, 8010, 8000 },
                { FORWARD_TCP | FORWARD_UDP, 2200, 2210, 22 }, /* many of one port each */
        };
        static const struct {
                uint16_t from, to;
                int kind;
        } ports[] = { { 8080, 80, SOCK_STREAM },
                      { 8003, 8003, SOCK_STREAM },
                      { 2200, 22, SOCK_STREAM },
                      { 2210, 32, SOCK_DGRAM } };
        const NatPlan plan = {
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .reach = NAT_REACH_INTERNET,
                .side[NAT_IPV4].guest_address.v4 = address("10.0.0.2", 0).sin_addr,
                .side[NAT_IPV4].masquerade = true,
                .forwards = forwards,
                .n_forwards = ARRAY_SIZE(forwards),
        };
        NatRefusal refusal;
        char said[INET_ADDRSTRLEN];
        pid_t server;

        assert_int_equal(nat_apply(&plan, &refusal), 1);

        /* In: the guest sees the caller itself. */
        FOREACH_ELEMENT (p, ports) {
                const Forward port = { p->kind == SOCK_STREAM ? FORWARD_TCP : FORWARD_UDP, p->from,
                                       p->from, p->from };
                uint64_t calls;

                ASSERT_OK(nat_packets(&plan, &port, &calls));
                assert_int_equal(calls, 0);
                kind = p->kind;
                server = serve(guest, p->to);
                call(inet, "192.0.2.1", p->from, said);
                assert_string_equal(said, "192.0.2.9");
                assert_int_equal(waitpid(server, NULL, 0), server);
                ASSERT_OK(nat_packets(&plan, &port, &calls));
                assert_int_equal(calls, 1);
        }
        kind = SOCK_STREAM;
        /* Out: the world sees the host. */
        server = serve(inet, 9000);
        call(guest, "192.0.2.9", 9000, said);
        assert_string_equal(said, "192.0.2.1");
        assert_int_equal(waitpid(server, NULL, 0), server);

        /* Not through a port that is not forwarded, and not at all without the rules. */
        server = serve(guest, 80);
        call(inet, "192.0.2.1", 8081, said);
        assert_string_equal(said, "");
        assert_int_equal(nat_remove("web", &refusal), 1);
        call(inet, "192.0.2.1", 8080, said);
        assert_string_equal(said, "");
        child_kill(server);
}

static const Forward both = { FORWARD_TCP | FORWARD_UDP, 8000, 8010, 9000 };

/* Calls a forward from there in both protocols; the guest must have seen who called as this. */
static void assert_seen_as(pid_t from, const char *seen) {
        static const int kinds[] = { SOCK_STREAM, SOCK_DGRAM };
        char said[INET_ADDRSTRLEN];

        FOREACH_ELEMENT (k, kinds) {
                pid_t server;

                kind = *k;
                server = serve(guest, 9003);
                call(from, "192.0.2.1", 8003, said);
                assert_string_equal(said, seen);
                assert_int_equal(waitpid(server, NULL, 0), server);
        }
        kind = SOCK_STREAM;
}

/* The same forwards from outside, from the host itself and from the guest. */
static void test_from_everywhere(void **state) {
        const IpAddress public[] = { { .v4 = address("192.0.2.1", 0).sin_addr } };
        NatPlan plan = {
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .reach = NAT_REACH_INTERNET,
                .side[NAT_IPV4].guest_address.v4 = address("10.0.0.2", 0).sin_addr,
                .side[NAT_IPV4].host_address.v4 = address("10.0.0.1", 0).sin_addr,
                .side[NAT_IPV4].masquerade = true,
                .forwards = &both,
                .n_forwards = 1,
                .side[NAT_IPV4].public = public,
                .side[NAT_IPV4].n_public = 1,
        };
        NatRefusal refusal;
        char said[INET_ADDRSTRLEN];
        pid_t server;

        assert_int_equal(nat_apply(&plan, &refusal), 1);
        assert_int_equal(nat_check(&plan, &refusal), 1);
        assert_seen_as(inet, "192.0.2.9");
        assert_seen_as(getpid(), "192.0.2.1");
        assert_seen_as(guest, "10.0.0.1");
        /* Somebody else's port of that number is somebody else's. */
        server = serve(inet, 8003);
        call(getpid(), "192.0.2.9", 8003, said);
        assert_string_equal(said, "192.0.2.1");
        assert_int_equal(waitpid(server, NULL, 0), server);
        server = serve(inet, 8003);
        call(guest, "192.0.2.9", 8003, said);
        assert_string_equal(said, "192.0.2.1");
        assert_int_equal(waitpid(server, NULL, 0), server);
        /* Out by SNAT, to which address of the host one likes. */
        shell("ip address add 192.0.2.7/24 dev venet0");
        plan.side[NAT_IPV4].snat_address.v4 = address("192.0.2.7", 0).sin_addr;
        assert_int_equal(nat_apply(&plan, &refusal), 1);
        server = serve(inet, 8003);
        call(guest, "192.0.2.9", 8003, said);
        assert_string_equal(said, "192.0.2.7");
        assert_int_equal(waitpid(server, NULL, 0), server);
        /* Reached also where the guest's way out is not the host. */
        shell("nsenter -t %d -n ip route del default", (int) guest);
        plan.one_arm = true;
        assert_int_equal(nat_apply(&plan, &refusal), 1);
        assert_int_equal(nat_check(&plan, &refusal), 1);
        assert_seen_as(inet, "10.0.0.1");
        assert_seen_as(getpid(), "10.0.0.1");
        assert_int_equal(nat_remove("web", &refusal), 1);
}

/* With everything forwarded, a guarded port still leads to the host, and anything else to the
 * guest. */
static void test_guarded(void **state) {
        static const Forward all = { FORWARD_TCP | FORWARD_UDP, 1, 65535, 1 },
                             guarded = { FORWARD_TCP, 22, 22, 22 };
        const NatPlan plan = {
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .reach = NAT_REACH_INTERNET,
                .side[NAT_IPV4].guest_address.v4 = address("10.0.0.2", 0).sin_addr,
                .side[NAT_IPV4].masquerade = true,
                .forwards = &all,
                .n_forwards = 1,
                .guarded = &guarded,
                .n_guarded = 1,
        };
        NatRefusal refusal;
        char said[INET_ADDRSTRLEN];
        pid_t host = serve(getpid(), 22), other = serve(guest, 23), wrong = serve(guest, 22);

        assert_int_equal(nat_apply(&plan, &refusal), 1);
        call(inet, "192.0.2.1", 22, said);
        assert_string_equal(said, "192.0.2.9");
        assert_int_equal(waitpid(host, NULL, 0), host);
        call(inet, "192.0.2.1", 22, said); /* nobody serves there now, and so nobody answers */
        assert_string_equal(said, "");
        call(inet, "192.0.2.1", 23, said);
        assert_string_equal(said, "192.0.2.9");
        assert_int_equal(waitpid(other, NULL, 0), other);
        child_kill(wrong);
        assert_int_equal(nat_check(&plan, &refusal), 1);
}

/* What the host's own nftables drop no rule of ours lets pass; a rule of the host's does. */
static void test_barrier(void **state) {
        static const Forward forward = { FORWARD_TCP, 8080, 8080, 80 };
        const NatPlan plan = {
                .guest = "web",
                .tap = "tap0",
                .uplink = "venet0",
                .reach = NAT_REACH_INTERNET,
                .side[NAT_IPV4].guest_address.v4 = address("10.0.0.2", 0).sin_addr,
                .forwards = &forward,
                .n_forwards = 1,
        };
        const Trip trip = { .way = NAT_WAY_IN,
                            .tap = "tap0",
                            .uplink = "venet0",
                            .guest = "web",
                            .protocol = IPPROTO_TCP,
                            .host = { .v4 = address("192.0.2.1", 0).sin_addr },
                            .host_port = 8080,
                            .guest_address = plan.side[NAT_IPV4].guest_address,
                            .guest_port = 80 };
        Obstacles before = {}, after = {};
        NatRefusal refusal;
        char said[INET_ADDRSTRLEN];
        pid_t server = serve(guest, 80);

        shell("nft 'add table ip own; add chain ip own passing { type filter hook forward priority "
              "0; }; add rule ip own passing reject'");
        assert_int_equal(nat_apply(&plan, &refusal), 1);
        call(inet, "192.0.2.1", 8080, said);
        assert_string_equal(said, "");
        ASSERT_OK(nft_trips(&trip, 1, &before, NULL));
        assert_int_equal(before.n, 1);
        shell("nft insert rule ip own passing iifname tap0 accept; nft insert rule ip own passing "
              "oifname tap0 accept");
        call(inet, "192.0.2.1", 8080, said);
        assert_string_equal(said, "192.0.2.9");
        ASSERT_OK(nft_trips(&trip, 1, &after, NULL));
        assert_int_equal(after.n, 0);
        assert_int_equal(waitpid(server, NULL, 0), server);
}

static int setup_newest(void **state) {
        nat_kernel_reset();
        return setup(state);
}

static int setup_oldest(void **state) {
        nat_kernel_reset();
        nat_kernel.max_revision = 0;
        return setup(state);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                { "test_traffic", test_traffic, setup_newest, teardown, NULL },
                { "test_from_everywhere", test_from_everywhere, setup_newest, teardown, NULL },
                { "test_from_everywhere (oldest revisions)", test_from_everywhere, setup_oldest,
                  teardown, NULL },
                { "test_guarded", test_guarded, setup_newest, teardown, NULL },
                { "test_barrier", test_barrier, setup_newest, teardown, NULL },
                { "test_traffic (oldest revisions)", test_traffic, setup_oldest, teardown, NULL },
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
