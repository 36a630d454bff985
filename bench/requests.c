/* SPDX-License-Identifier: GPL-2.0-or-later */
/* requests.c - the clients of bench/clients, which take next to no time of their own.
 *
 *   requests HOST PORT RATE    so many new connections a second, each for one page, and another
 *                              connection that is used every 20 ms for as long as it lasts
 *
 * Prints a line for each request: "new" or "kept"; when it began, was connected (0 = never) and
 * ended, in seconds of CLOCK_MONOTONIC; and "ok" or the reason why there was no page. */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/macro.h"
#include "basic/time-util.h"

#define TIMEOUT    (20 * USEC_PER_SEC)
#define KEPT_EVERY (20 * USEC_PER_MSEC)

enum {
        REQUESTS_MAX = 8192, /* at a time */
        KEPT = 0,            /* the slot of the connection that lasts */
};

typedef struct Request {
        usec_t began;
        usec_t connected; /* 0 = not yet */
} Request;

static struct sockaddr_in server = { .sin_family = AF_INET };
static struct pollfd polled[REQUESTS_MAX];
static Request requests[REQUESTS_MAX];
static nfds_t n_requests = 1;
static usec_t next_kept;

static usec_t now(void) {
        return now_usec(CLOCK_MONOTONIC);
}

static void begin(nfds_t i) {
        requests[i] = (Request){ .began = now() };
        polled[i] = (struct pollfd){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
                                     .events = POLLOUT };
        (void) connect(polled[i].fd, (const struct sockaddr *) &server, sizeof(server));
}

static void print(nfds_t i, const char *how) {
        const Request *r = &requests[i];

        printf("%s %.6f %.6f %.6f %s\n", i == KEPT ? "kept" : "new",
               (double) r->began / USEC_PER_SEC, (double) r->connected / USEC_PER_SEC,
               (double) now() / USEC_PER_SEC, how);
}

static void disconnect(nfds_t i) {
        (void) close(polled[i].fd);
        if (i == KEPT) {
                polled[i].fd = -1;
                next_kept = now() + KEPT_EVERY;
                return;
        }
        polled[i] = polled[--n_requests];
        requests[i] = requests[n_requests];
}

static void fail(nfds_t i, int error) {
        print(i, error == ECONNREFUSED ? "refused"
                 : error == ECONNRESET ? "reset"
                 : error == ETIMEDOUT  ? "timeout"
                                       : "no-page");
        disconnect(i);
}

static void ask(nfds_t i) {
        static const char last[] = "GET / HTTP/1.0\r\nHost: web\r\n\r\n",
                          kept[] = "GET / HTTP/1.1\r\nHost: web\r\n\r\n";
        const char *request = i == KEPT ? kept : last;

        if (send(polled[i].fd, request, strlen(request), MSG_NOSIGNAL) < 0)
                fail(i, errno);
        else
                polled[i].events = POLLIN;
}

/* The page is shorter than a segment. */
static void hear(nfds_t i) {
        char page[4096];
        ssize_t n = recv(polled[i].fd, page, sizeof(page) - 1, 0);

        page[MAX(n, 0)] = '\0';
        if (n <= 0 || !strstr(page, " 200 OK")) {
                fail(i, n < 0 ? errno : EPROTO);
                return;
        }
        print(i, "ok");
        if (i != KEPT) {
                disconnect(i);
                return;
        }
        polled[i].events = 0;
        next_kept = now() + KEPT_EVERY;
}

static void go_on(nfds_t i) {
        socklen_t size = sizeof(int);
        int error = 0;

        if (polled[i].revents == 0) {
                if (polled[i].events && now() > requests[i].began + TIMEOUT)
                        fail(i, ETIMEDOUT);
                return;
        }
        if (polled[i].events == 0) { /* ended while nothing was asked for */
                requests[i].began = now();
                fail(i, ECONNRESET);
                return;
        }
        if (polled[i].events == POLLIN) {
                hear(i);
                return;
        }
        (void) getsockopt(polled[i].fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error) {
                fail(i, error);
                return;
        }
        requests[i].connected = now();
        ask(i);
}

static void use_kept(void) {
        if (polled[KEPT].fd < 0) {
                begin(KEPT);
        } else if (polled[KEPT].events == 0) {
                requests[KEPT].began = now();
                ask(KEPT);
        }
        next_kept = now() + KEPT_EVERY;
}

int main(int argc, char **argv) {
        usec_t every, next_new = now();

        if (argc != 4 || inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || atof(argv[3]) <= 0)
                return 2;
        server.sin_port = htons((uint16_t) atoi(argv[2]));
        every = (usec_t) (USEC_PER_SEC / atof(argv[3]));
        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        polled[KEPT].fd = -1;
        for (;;) {
                if (now() >= next_kept)
                        use_kept();
                for (; now() >= next_new; next_new += every)
                        if (n_requests < REQUESTS_MAX)
                                begin(n_requests++);
                (void) poll(polled, n_requests, 1);
                for (nfds_t i = n_requests; i-- > 0;)
                        go_on(i);
        }
}
