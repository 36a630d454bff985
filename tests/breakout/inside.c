/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inside.c - what root in a guest sends: frames as they are given, and floods. Run in a guest.
 *
 *      inside frame HEX
 *      inside udp-flood HEX COUNT      the same, from COUNT source ports
 *      inside tcp-flood ADDRESS PORT COUNT     that many connections, which are closed at once
 *      inside tcp-hold ADDRESS PORT COUNT      that many connections, which stay open for a second
 *      inside close-flood HEX COUNT    that many, from the SYN of one, as frames: closed by both
 * sides
 *
 * and outside, by an accomplice:
 *
 *      inside answer INTERFACE         agrees to each connection to port 9, and to its end
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
        PORTS = 50000, /* from the first one */
        IP = 14,
        TCP = 34,
        TCP_END = 54,
        DISCARD = 9,
        QUEUE = 64 << 20,
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

/* ---- connections as frames ---- */

enum {
        SYN = 2,
        RST = 4,
        ACK = 16,
};

static uint32_t sum(const uint8_t *at, size_t n) {
        uint32_t total = 0;

        for (size_t i = 0; i < n; i += 2)
                total += (uint32_t) at[i] << 8 | at[i + 1];
        return total;
}

static void put32(uint8_t *at, uint32_t value) {
        value = htonl(value);
        memcpy(at, &value, sizeof(value));
}

static void put_checksum(uint8_t *at, uint32_t total) {
        while (total >> 16)
                total = (total & 0xffff) + (total >> 16);
        at[0] = (uint8_t) (~total >> 8);
        at[1] = (uint8_t) ~total;
}

/* A segment without data and options in the frame of another one. */
static void make_segment(uint8_t *frame, int flags, uint32_t seq, uint32_t ack) {
        uint8_t *ip = frame + IP, *tcp = frame + TCP;

        ip[2] = 0;
        ip[3] = TCP_END - IP;
        memset(ip + 10, 0, 2);
        put_checksum(ip + 10, sum(ip, TCP - IP));
        put32(tcp + 4, seq);
        put32(tcp + 8, ack);
        tcp[12] = (TCP_END - TCP) / 4 << 4;
        tcp[13] = (uint8_t) flags;
        memset(tcp + 14, 0xff, 2);
        memset(tcp + 16, 0, 4);
        put_checksum(tcp + 16,
                     sum(tcp, TCP_END - TCP) + sum(ip + 12, 8) + IPPROTO_TCP + TCP_END - TCP);
}

static int open_packets(unsigned interface) {
        const struct sockaddr_ll at = { .sll_family = AF_PACKET,
                                        .sll_protocol = htons(ETH_P_IP),
                                        .sll_ifindex = (int) interface };
        int fd = socket(AF_PACKET, SOCK_RAW, 0);

        if (fd < 0 || bind(fd, (const struct sockaddr *) &at, sizeof(at)) < 0)
                fail("packet socket");
        return fd;
}

static void send_frame(int fd, const uint8_t *frame) {
        while (send(fd, frame, TCP_END, 0) < 0)
                if (errno != ENOBUFS && errno != EAGAIN)
                        fail("send");
}

static void syn_flood(const char *hex, int count) {
        int fd = open_packets(find_interface());
        uint8_t frame[FRAME_MAX];

        if (parse(hex, frame) < TCP_END)
                fail("frame");
        for (int i = 0; i < count; i++) {
                uint16_t port = htons((uint16_t) (FIRST_PORT + i % PORTS));

                memcpy(frame + TCP, &port, sizeof(port));
                make_segment(frame, SYN, 1, 0);
                send_frame(fd, frame);
        }
        printf("sent %d\n", count);
}

static void swap(uint8_t *a, uint8_t *b, size_t n) {
        uint8_t c[8];

        memcpy(c, a, n);
        memcpy(a, b, n);
        memcpy(b, c, n);
}

/* None is to be lost on a slow machine: what has no answer counts as one that is being opened. */
static _Noreturn void answer(const char *interface) {
        int fd = open_packets(if_nametoindex(interface)), size = QUEUE;
        uint8_t frame[FRAME_MAX];

        if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                fail("queue");
        printf("ready\n");
        (void) fflush(stdout);
        for (;;) {
                ssize_t n = recv(fd, frame, sizeof(frame), 0);

                if (n < TCP_END || frame[IP] != 0x45 || frame[IP + 9] != IPPROTO_TCP ||
                    frame[TCP + 2] != 0 || frame[TCP + 3] != DISCARD || frame[TCP + 13] != SYN)
                        continue;
                swap(frame, frame + 6, 6);
                swap(frame + IP + 12, frame + IP + 16, 4);
                swap(frame + TCP, frame + TCP + 2, 2);
                make_segment(frame, SYN | ACK, 1000, 2);
                send_frame(fd, frame);
                make_segment(frame, RST, 1001, 0);
                send_frame(fd, frame);
        }
}

/* ---- connections of its kernel's ---- */

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
        else if (argc == 4 && strcmp(argv[1], "syn-flood") == 0)
                syn_flood(argv[2], atoi(argv[3]));
        else if (argc == 3 && strcmp(argv[1], "answer") == 0)
                answer(argv[2]);
        else
                return 2;
        return 0;
}
