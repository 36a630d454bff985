/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inside.c - what root in a guest sends: frames as they are given, and floods. Run in a guest.
 *
 *      inside frame HEX
 *      inside udp-flood HEX COUNT      the same, from COUNT source ports
 *      inside tcp-flood ADDRESS PORT COUNT     that many connections, which are closed at once
 *      inside tcp-hold ADDRESS PORT COUNT      that many connections, which stay open for a second
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
        FRAME_MAX = 2048,
        SOURCE_PORT = 34, /* of UDP over IPv4 */
        FIRST_PORT = 10000,
        AT_ONCE = 200,
        PATIENCE_MSEC = 2000,
};

static _Noreturn void fail(const char *what) {
        printf("%s: %s\n", what, strerror(errno));
        exit(1);
}

/* The guest's only Ethernet interface, whatever its driver calls it. */
static unsigned find_interface(void) {
        static const char *const names[] = { "eth0", "vec0" };

        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
                if (if_nametoindex(names[i]) > 0)
                        return if_nametoindex(names[i]);
        fail("no interface");
}

static size_t parse(const char *hex, uint8_t *frame) {
        size_t n = 0;
        unsigned byte;

        for (; n < FRAME_MAX && sscanf(hex + 2 * n, "%2x", &byte) == 1; n++)
                frame[n] = (uint8_t) byte;
        return n;
}

static void send_frames(const char *hex, int count) {
        const struct sockaddr_ll to = { .sll_family = AF_PACKET,
                                        .sll_ifindex = (int) find_interface() };
        int fd = socket(AF_PACKET, SOCK_RAW, 0);
        uint8_t frame[FRAME_MAX];
        size_t n = parse(hex, frame);

        if (fd < 0)
                fail("packet socket");
        for (int i = 0; i < count; i++) {
                uint16_t port = htons((uint16_t) (FIRST_PORT + i));

                if (count > 1)
                        memcpy(frame + SOURCE_PORT, &port, sizeof(port));
                while (sendto(fd, frame, n, 0, (const struct sockaddr *) &to, sizeof(to)) < 0)
                        if (errno != ENOBUFS && errno != EAGAIN)
                                fail("send");
        }
        printf("sent %d\n", count);
}

static int begin_connection(const struct sockaddr_in *to) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        if (fd < 0)
                fail("socket");
        (void) connect(fd, (const struct sockaddr *) to, sizeof(*to));
        return fd;
}

static int finish_connection(int fd, int *patience) {
        struct pollfd p = { .fd = fd, .events = POLLOUT };
        int error = ETIMEDOUT;
        socklen_t size = sizeof(error);

        if (poll(&p, 1, *patience) == 0) /* the others have had that time, too */
                *patience = 1;
        if (p.revents)
                (void) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        return error == 0;
}

static void connect_all(const char *address, int port, int count, int hold) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons((uint16_t) port),
                                        .sin_addr = { inet_addr(address) } };
        int fds[AT_ONCE], n, made = 0;

        for (int done = 0; done < count; done += n) {
                n = count - done < AT_ONCE ? count - done : AT_ONCE;
                for (int i = 0; i < n; i++)
                        fds[i] = begin_connection(&to);
                for (int i = 0, patience = PATIENCE_MSEC; i < n; i++)
                        made += finish_connection(fds[i], &patience);
                if (hold)
                        (void) sleep(1);
                for (int i = 0; i < n; i++)
                        (void) close(fds[i]);
        }
        printf("connected %d\n", made);
}

int main(int argc, char *argv[]) {
        if (argc == 3 && strcmp(argv[1], "frame") == 0)
                send_frames(argv[2], 1);
        else if (argc == 4 && strcmp(argv[1], "udp-flood") == 0)
                send_frames(argv[2], atoi(argv[3]));
        else if (argc == 5 && strcmp(argv[1], "tcp-flood") == 0)
                connect_all(argv[2], atoi(argv[3]), atoi(argv[4]), 0);
        else if (argc == 5 && strcmp(argv[1], "tcp-hold") == 0)
                connect_all(argv[2], atoi(argv[3]), atoi(argv[4]), 1);
        else
                return 2;
        return 0;
}
