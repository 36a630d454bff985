/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stream.c - a TCP connection that sends as fast as it can; static, to run in guests as well.
 *
 *   stream serve PORT [CC [FILE]]     sends to each client until it disconnects; in the background,
 *                                     with congestion control CC, or "" for the system's default;
 *                                     into FILE comes a line a second about the connection, and one
 *                                     when BBR leaves STARTUP
 *   stream fetch ADDRESS PORT TIME    receives for so many seconds, from connect() on; prints the
 *                                     bytes received and the exact time */

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
        CHUNK = 1 << 16,
        UNIT = 256,    /* of the gains */
        STARTUP = 739, /* BBR's gain as long as each round trip finds a higher rate: 2/ln(2) */
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

/* What the kernel knows of the connection, in the terms of ss(8); times in ms, rates in Mbit/s. */
static void tell(FILE *out, int fd, double time) {
        struct tcp_info i = {};
        socklen_t size = sizeof(i);

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &size) < 0)
                return;
        fprintf(out,
                "%.1f s cwnd %u unacked %u minrtt %.0f rtt %.0f pacing %.1f delivery %.1f%s "
                "retrans %u busy %.0f rwnd_limited %.0f sndbuf_limited %.0f\n",
                time, i.tcpi_snd_cwnd, i.tcpi_unacked, i.tcpi_min_rtt / 1e3, i.tcpi_rtt / 1e3,
                (double) i.tcpi_pacing_rate * 8e-6, (double) i.tcpi_delivery_rate * 8e-6,
                i.tcpi_delivery_rate_app_limited ? " app_limited" : "", i.tcpi_total_retrans,
                (double) i.tcpi_busy_time / 1e3, (double) i.tcpi_rwnd_limited / 1e3,
                (double) i.tcpi_sndbuf_limited / 1e3);
        fflush(out);
}

/* Is it BBR, and no longer in STARTUP? Then that is told once, with the rate that it takes for the
 * line's. */
static bool tell_startup(FILE *out, int fd, double time) {
        struct tcp_bbr_info b = {};
        struct tcp_info i = {};
        socklen_t size = sizeof(b), i_size = sizeof(i);
        uint64_t rate;

        if (getsockopt(fd, IPPROTO_TCP, TCP_CC_INFO, &b, &size) < 0 || size < sizeof(b) ||
            b.bbr_pacing_gain == 0 || b.bbr_pacing_gain >= STARTUP)
                return false;
        rate = (uint64_t) b.bbr_bw_hi << 32 | b.bbr_bw_lo;
        (void) getsockopt(fd, IPPROTO_TCP, TCP_INFO, &i, &i_size);
        fprintf(out, "STARTUP left at %.2f s with bw %.1f, gain %.2f, retrans %u\n", time,
                (double) rate * 8e-6, (double) b.bbr_pacing_gain / UNIT, i.tcpi_total_retrans);
        fflush(out);
        return true;
}

static void send_all(int fd, FILE *out) {
        double begin = now(), told = begin;
        bool started = false;

        while (send(fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0) {
                if (!out)
                        continue;
                if (!started)
                        started = tell_startup(out, fd, now() - begin);
                if (now() - told < 1)
                        continue;
                told = now();
                tell(out, fd, told - begin);
        }
}

static int serve(int port, const char *cc, const char *path) {
        const struct sockaddr_in any = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t) port) };
        const int yes = 1;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        FILE *out = path ? fopen(path, "we") : NULL;

        if (path && !out)
                return complain(path);
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0 ||
            (cc && *cc &&
             setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, cc, (socklen_t) strlen(cc)) < 0))
                return complain(cc ? cc : "setsockopt");
        if (bind(fd, (const struct sockaddr *) &any, sizeof(any)) < 0 || listen(fd, 16) < 0)
                return complain("bind");
        if (daemon(0, 0) < 0)
                return complain("daemon");
        (void) signal(SIGCHLD, SIG_IGN);
        for (;;) {
                int connection = accept(fd, NULL, NULL);

                if (connection >= 0 && fork() == 0) {
                        send_all(connection, out);
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
        if (argc >= 3 && argc <= 5 && strcmp(argv[1], "serve") == 0)
                return serve(atoi(argv[2]), argv[3], argc == 5 ? argv[4] : NULL);
        if (argc == 5 && strcmp(argv[1], "fetch") == 0)
                return fetch(argv[2], atoi(argv[3]), atof(argv[4]));
        return 2;
}
