/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nfqueue.c - hardly any packet is lost while a queue is bound and left again and again. */

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "private-net.h"

#include "host/nfqueue.h"

#define QUEUE 40000
#define PORT  9999
#define SENT  100000
#define ROOM  8192 /* many more than come while this process is not running */

/* The kernel binds a queue some instructions before it knows what to copy, and drops what comes
 * meanwhile. If it were told by a message of its own, 16 would be lost. */
#define LOST_MAX 5

static NfQueue *queue;
static unsigned queued;

static void accept_it(const NfPacket *p, void *userdata) {
        assert_int_equal(p->destination_port, PORT);
        assert_false(p->early);
        ASSERT_OK(nfqueue_verdict(queue, p->id, true));
        queued++;
}

/* One datagram after the other, which end at a rule behind that of the queue, which counts them. */
static pid_t send_many(void) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons(PORT),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        pid_t pid = tied_fork();

        if (pid == 0) {
                int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

                for (int i = 0; i < SENT; i++)
                        (void) sendto(fd, "", 1, 0, (const struct sockaddr *) &to, sizeof(to));
                _exit(0);
        }
        return pid;
}

static uint64_t arrived(void) {
        _cleanup_free_ char *text =
                shell_output("iptables-legacy -nvxL OUTPUT | awk '/udp dpt/ {print $1}'");

        return strtoull(text, NULL, 10);
}

static void test_hardly_any_lost(void **state) {
        uint64_t dropped, all_dropped = 0;
        unsigned rounds = 0;
        pid_t sender;

        shell("ip link set lo up");
        shell("iptables-legacy -t mangle -A OUTPUT -p udp --dport %u -j NFQUEUE --queue-num %u "
              "--queue-bypass",
              PORT, QUEUE);
        shell("iptables-legacy -A OUTPUT -p udp --dport %u -j DROP", PORT);
        ASSERT_OK(nfqueue_new(accept_it, NULL, &queue));
        sender = send_many();
        for (; waitpid(sender, NULL, WNOHANG) == 0; rounds++) {
                struct pollfd p = { .fd = nfqueue_fd(queue), .events = POLLIN };

                ASSERT_OK(nfqueue_bind(queue, QUEUE, ROOM));
                (void) poll(&p, 1, 10);
                (void) nfqueue_read(queue, 64);
                ASSERT_OK(nfqueue_unbind(queue, &dropped));
                all_dropped += dropped;
        }
        print_message("# %u rounds, %u queued\n", rounds, queued);
        assert_true(rounds > 10 && queued > 100);
        assert_in_range(arrived() + all_dropped, SENT - LOST_MAX, SENT);
        nfqueue_free(queue);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_hardly_any_lost) };

        private_net_enter();
        return RUN_TESTS(tests);
}
