/* SPDX-License-Identifier: GPL-2.0-or-later */
/* page.c - a web server for guests that takes no time of its own: one process, one page.
 *
 * It stands for the service of a guest in bench/clients. "GET /reboot" runs "reboot -f", and
 * "GET /leave" runs "reboot". */

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "basic/macro.h"

#define CLIENTS 256

static const char page[] = "HTTP/1.0 200 OK\r\nContent-Length: 27\r\nConnection: keep-alive\r\n\r\n"
                           "<html><h1>web</h1></html>\r\n";

static int listen_on(uint16_t port) {
        const struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(port) };
        const int yes = 1;
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (fd < 0 || bind(fd, (const struct sockaddr *) &here, sizeof(here)) < 0 ||
            listen(fd, 511) < 0)
                return -1;
        return fd;
}

static void obey(const char *request) {
        const bool at_once = strncmp(request, "GET /reboot", 11) == 0;

        if ((at_once || strncmp(request, "GET /leave", 10) == 0) && fork() == 0) {
                execl("/sbin/reboot", "reboot", at_once ? "-f" : NULL, NULL);
                _exit(1);
        }
}

/* false: the connection is over. A client of HTTP/1.1 may ask again. */
static bool serve(int fd) {
        char request[4096];
        ssize_t n = recv(fd, request, sizeof(request) - 1, MSG_DONTWAIT);

        if (n <= 0)
                return false;
        request[n] = '\0';
        obey(request);
        return send(fd, page, sizeof(page) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) > 0 &&
               strstr(request, "HTTP/1.1") != NULL;
}

int main(void) {
        struct pollfd p[CLIENTS + 1] = { { .fd = listen_on(80), .events = POLLIN } };
        nfds_t n = 1;

        if (p[0].fd < 0)
                return 1;
        (void) signal(SIGCHLD, SIG_IGN);
        if (fork() > 0) /* whoever started it goes on */
                return 0;
        for (;;) {
                p[0].events = n <= CLIENTS ? POLLIN : 0;
                if (poll(p, n, -1) < 0)
                        continue;
                for (nfds_t i = n; i-- > 1;)
                        if (p[i].revents && !serve(p[i].fd)) {
                                (void) close(p[i].fd);
                                p[i] = p[--n];
                        }
                if (p[0].revents & POLLIN)
                        p[n++] = (struct pollfd){ .fd = accept(p[0].fd, NULL, NULL),
                                                  .events = POLLIN };
        }
}
