/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp-echo.c - for test guests, whose busybox speaks no UDP.
 *
 *   udp-echo FIRST LAST          answers on these ports with what it gets, in the background
 *   udp-echo ADDRESS PORT TEXT   sends TEXT there and prints the answer */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        PORTS_MAX = 16,
        ANSWER_LIMIT = 3000, /* ms */
};

static int complain(const char *what) {
        perror(what);
        return 1;
}

static int serve(int first, int last) {
        struct pollfd ports[PORTS_MAX];
        unsigned n = 0;

        for (int port = first; port <= last && n < PORTS_MAX; port++, n++) {
                const struct sockaddr_in any = { .sin_family = AF_INET,
                                                 .sin_port = htons((uint16_t) port) };

                ports[n] =
                        (struct pollfd){ .fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN };
                if (bind(ports[n].fd, (const struct sockaddr *) &any, sizeof(any)) < 0)
                        return complain("bind");
        }
        if (daemon(0, 0) < 0)
                return complain("daemon");
        while (poll(ports, n, -1) >= 0)
                for (unsigned i = 0; i < n; i++) {
                        struct sockaddr_in from;
                        socklen_t size = sizeof(from);
                        char buf[2048];
                        ssize_t len;

                        if (!(ports[i].revents & POLLIN))
                                continue;
                        len = recvfrom(ports[i].fd, buf, sizeof(buf), 0, (struct sockaddr *) &from,
                                       &size);
                        if (len >= 0)
                                (void) !sendto(ports[i].fd, buf, (size_t) len, 0,
                                               (const struct sockaddr *) &from, size);
                }
        return complain("poll");
}

static int call(const char *address, int port, const char *text) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons((uint16_t) port),
                                        .sin_addr.s_addr = inet_addr(address) };
        struct pollfd p = { .fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN };
        char buf[2048];
        ssize_t len;

        if (connect(p.fd, (const struct sockaddr *) &to, sizeof(to)) < 0 ||
            send(p.fd, text, strlen(text), 0) < 0)
                return complain("send");
        if (poll(&p, 1, ANSWER_LIMIT) <= 0) {
                fprintf(stderr, "no answer\n");
                return 1;
        }
        len = recv(p.fd, buf, sizeof(buf), 0);
        if (len < 0)
                return complain("recv");
        printf("%.*s\n", (int) len, buf);
        return 0;
}

int main(int argc, char **argv) {
        if (argc == 3)
                return serve(atoi(argv[1]), atoi(argv[2]));
        if (argc == 4)
                return call(argv[1], atoi(argv[2]), argv[3]);
        return 2;
}
