/* SPDX-License-Identifier: GPL-2.0-or-later */
/* call.c - clients for bench/hold-cost.
 *
 * call new|kept HOST PORT SECONDS: pages that were got in that time, each by a connection of its
 * own, or by connections that last; a few at a time. call first HOST PORT NUMBER: nanoseconds that
 * the host takes for a first packet of TCP, of which so many are sent without waiting for answers.
 */

#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/time-util.h"

enum {
        AT_A_TIME = 8,
        PORTS = 4096, /* from which first packets come */
};

static struct sockaddr_in server = { .sin_family = AF_INET };

/* ---- pages ---- */

static int begin(void) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        (void) connect(fd, (const struct sockaddr *) &server, sizeof(server));
        return fd;
}

/* The page is shorter than a segment. 1 = it is there, 0 = not yet, -1 = it will not come. */
static int go_on(struct pollfd *p, bool kept) {
        const char *request =
                kept ? "GET / HTTP/1.1\r\nHost: web\r\n\r\n" : "GET / HTTP/1.0\r\n\r\n";
        char page[4096];

        if (p->events == POLLOUT) {
                p->events = POLLIN;
                return send(p->fd, request, strlen(request), MSG_NOSIGNAL) > 0 ? 0 : -1;
        }
        p->events = POLLOUT;
        return recv(p->fd, page, sizeof(page), 0) > 0 ? 1 : -1;
}

static void get_pages(bool kept, usec_t span) {
        struct pollfd p[AT_A_TIME];
        const usec_t since = now_usec(CLOCK_MONOTONIC), end = since + span;
        unsigned pages = 0;

        FOREACH_ELEMENT (each, p)
                *each = (struct pollfd){ .fd = begin(), .events = POLLOUT };
        while (now_usec(CLOCK_MONOTONIC) < end && poll(p, AT_A_TIME, 1000) >= 0)
                FOREACH_ELEMENT (each, p) {
                        int r = each->revents ? go_on(each, kept) : 0;

                        pages += r > 0;
                        if (r < 0 || (r > 0 && !kept)) {
                                (void) close(each->fd);
                                *each = (struct pollfd){ .fd = begin(), .events = POLLOUT };
                        }
                }
        printf("%.1f\n",
               (double) pages * USEC_PER_SEC / (double) (now_usec(CLOCK_MONOTONIC) - since));
}

/* ---- first packets ---- */

static uint32_t add_up(const void *data, size_t n) {
        const uint16_t *words = data;
        uint32_t sum = 0;

        for (size_t i = 0; i < n / 2; i++)
                sum += ntohs(words[i]);
        return sum;
}

static uint16_t check(const struct tcphdr *tcp, struct in_addr from) {
        uint32_t sum = IPPROTO_TCP + sizeof(*tcp) + add_up(&from, sizeof(from)) +
                       add_up(&server.sin_addr, sizeof(from)) + add_up(tcp, sizeof(*tcp));

        while (sum >> 16)
                sum = (sum & 0xffff) + (sum >> 16);
        return htons((uint16_t) ~sum);
}

static int send_first(unsigned number) {
        static struct tcphdr packets[PORTS];
        _cleanup_close_ int fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
        struct sockaddr_in self;
        socklen_t size = sizeof(self);
        usec_t since;

        if (fd < 0 || connect(fd, (const struct sockaddr *) &server, sizeof(server)) < 0 ||
            getsockname(fd, (struct sockaddr *) &self, &size) < 0)
                return -errno;
        for (unsigned i = 0; i < PORTS; i++) {
                packets[i] = (struct tcphdr){ .th_sport = htons((uint16_t) (10000 + i)),
                                              .th_dport = server.sin_port,
                                              .th_off = 5,
                                              .th_flags = TH_SYN,
                                              .th_win = UINT16_MAX };
                packets[i].th_sum = check(&packets[i], self.sin_addr);
        }
        since = now_usec(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < number; i++)
                (void) send(fd, &packets[i % PORTS], sizeof(packets[0]), 0);
        printf("%.1f\n", (double) (now_usec(CLOCK_MONOTONIC) - since) * 1000 / number);
        return 0;
}

int main(int argc, char **argv) {
        if (argc != 5 || inet_pton(AF_INET, argv[2], &server.sin_addr) != 1)
                return 2;
        server.sin_port = htons((uint16_t) atoi(argv[3]));
        if (strcmp(argv[1], "first") == 0)
                return send_first((unsigned) atoi(argv[4])) < 0;
        get_pages(strcmp(argv[1], "kept") == 0, (usec_t) (atof(argv[4]) * USEC_PER_SEC));
        return 0;
}
