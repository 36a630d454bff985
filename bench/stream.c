/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c - a TCP connection that sends as fast as it can; static, to run in guests as well.
 *
 *   stream serve PORT [CC]            sends to each client until it disconnects; in the background,
 *                                     with congestion control CC or the system's default
 *   stream fetch ADDRESS PORT TIME    receives for so many seconds, from connect() on; prints the
 *                                     bytes received and the exact time */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
        CHUNK = 1 << 16,
};

static char buf[CHUNK];

static int complain(const char *what) {
        perror(what);
        return 1;
}

static double now(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

static void send_all(int fd) {
        while (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0)
                ;
}

static int serve(int port, const char *cc) {
        const struct sockaddr_in any = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t) port) };
        const int yes = 1;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
            (cc && setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t) strlen(cc)) < 0))
                return complain(cc ? cc : "setsockopt");
        if (bind(fd, (const struct sockaddr *) &any, sizeof(any)) < 0 || listen(fd, 16) < 0)
                return complain("bind");
        if (daemon(0, 0) < 0)
                return complain("daemon");
        (void) signal(SIGCHLD, SIG_IGN);
        for (;;) {
                int connection = accept(fd, NULL, NULL);

                if (connection >= 0 && fork() == 0) {
                        send_all(connection);
                        _exit(0);
                }
                close(connection);
        }
}

static int fetch(const char *address, int port, double seconds) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons((uint16_t) port),
                                        .sin_addr.s_addr = inet_addr(address) };
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        struct pollfd p = { .fd = fd, .events = POLLIN };
        double begin = now(), left = seconds;
        long long bytes = 0;

        if (connect(fd, (const struct sockaddr *) &to, sizeof(to)) < 0)
                return complain("connect");
        for (; left > 0; left = begin + seconds - now()) {
                ssize_t n;

                if (poll(&p, 1, (int) (left * 1000) + 1) <= 0)
                        continue;
                n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
                if (n == 0)
                        break;
                if (n > 0)
                        bytes += n;
        }
        printf("%lld %.3f\n", bytes, now() - begin);
        return 0;
}

int main(int argc, char **argv) {
        if ((argc == 3 || argc == 4) && strcmp(argv[1], "serve") == 0)
                return serve(atoi(argv[2]), argv[3]);
        if (argc == 5 && strcmp(argv[1], "fetch") == 0)
                return fetch(argv[2], atoi(argv[3]), atof(argv[4]));
        return 2;
}
