/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sockets.c - sockets of each family, and who is at their other end. */

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "breakout.h"

/* One that is refused at once: nobody waits for an answer from the Internet. */
static int try_connect(const Attempt *a) {
        struct sockaddr_in to = { .sin_family = AF_INET };
        int fd = socket(AF_INET, (int) a->number | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        to.sin_port = htons((uint16_t) target_number("host-port"));
        (void) inet_pton(AF_INET, a->target, &to.sin_addr);
        if (connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0 && errno != EINPROGRESS)
                return -errno;
        return REACHED;
}

static int try_connect6(const Attempt *a) {
        struct sockaddr_in6 to = { .sin6_family = AF_INET6 };
        int fd = socket(AF_INET6, (int) a->number | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        to.sin6_port = htons((uint16_t) target_number("host-port"));
        (void) inet_pton(AF_INET6, a->target, &to.sin6_addr);
        if (connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0 && errno != EINPROGRESS)
                return -errno;
        return REACHED;
}

static int try_listen(const Attempt *a) {
        struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(20022) };
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), client;

        if (fd < 0)
                return -errno;
        (void) inet_pton(AF_INET, a->target, &at.sin_addr);
        if (bind(fd, (struct sockaddr *) &at, sizeof(at)) < 0 || listen(fd, 1) < 0)
                return -errno;
        /* In an empty namespace anybody may bind to anything, and nobody gets there. */
        client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        return connect(client, (struct sockaddr *) &at, sizeof(at)) < 0 ? -errno : REACHED;
}

static int try_socket(const Attempt *a) {
        return socket((int) a->number, (int) a->arguments[0] | SOCK_CLOEXEC,
                      (int) a->arguments[1]) < 0
                       ? -errno
                       : REACHED;
}

/* The host's interfaces: any beside the loopback, which every namespace has. */
static int try_links(const Attempt *a) {
        struct {
                struct nlmsghdr head;
                struct ifinfomsg body;
        } request = { .head = { .nlmsg_len = sizeof(request),
                                .nlmsg_type = RTM_GETLINK,
                                .nlmsg_flags = NLM_F_REQUEST } };
        char answer[8192];
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        const struct nlmsghdr *reply = (void *) answer;

        request.body.ifi_index = 2;
        if (fd < 0 || send(fd, &request, sizeof(request), 0) < 0 ||
            recv(fd, answer, sizeof(answer), 0) < (ssize_t) sizeof(*reply))
                return -errno;
        if (reply->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *) NLMSG_DATA(reply))->error;
        return REACHED;
}

static int try_vsock(const Attempt *a) {
        struct sockaddr_vm to = { .svm_family = AF_VSOCK, .svm_cid = 2, .svm_port = 1 };
        int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return -errno;
        (void) connect(fd, (struct sockaddr *) &to, sizeof(to));
        return REACHED;
}

/* A datagram needs no connection. */
static int reach_unix(const struct sockaddr_un *to, size_t length, int type) {
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0), r;

        if (fd < 0)
                return -errno;
        r = type == SOCK_DGRAM ? (int) sendto(fd, "x", 1, MSG_DONTWAIT,
                                              (const struct sockaddr *) to, (socklen_t) length)
                               : connect(fd, (const struct sockaddr *) to, (socklen_t) length);
        return r < 0 ? -errno : REACHED;
}

static int try_path(const Attempt *a) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };

        snprintf(to.sun_path, sizeof(to.sun_path), "%s", target(a->target));
        return reach_unix(&to, sizeof(to), (int) a->number);
}

static int try_abstract(const Attempt *a) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        const char *name = target(a->target);

        snprintf(to.sun_path + 1, sizeof(to.sun_path) - 1, "%s", name);
        return reach_unix(&to, offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name),
                          (int) a->number);
}

static int try_hidden(const Attempt *a) {
        int pair[2];

        return socketpair((int) a->number, SOCK_STREAM, 0, pair) < 0 ? -errno : REACHED;
}

#define SOCKET(family, ...)                                                                        \
        try_socket, NULL, (family), {                                                              \
                __VA_ARGS__                                                                        \
        }

static const Attempt attempts[] = {
        { "connect to a port of the host's loopback", try_connect, "127.0.0.1", SOCK_STREAM },
        { "connect to a port of the host's address", try_connect, "203.0.113.10", SOCK_STREAM },
        { "connect to the Internet from the host", try_connect, "198.51.100.1", SOCK_STREAM },
        { "send UDP to the host's loopback", try_connect, "127.0.0.1", SOCK_DGRAM },
        { "send UDP to a cloud's metadata service", try_connect, "169.254.169.254", SOCK_DGRAM },
        { "connect to a port of the host's loopback by IPv6", try_connect6, "::1", SOCK_STREAM },
        { "send UDP to the host's loopback by IPv6", try_connect6, "::1", SOCK_DGRAM },
        { "listen on the host's address", try_listen, "203.0.113.10" },
        { "see the host's interfaces by netlink", try_links },
        { "open a netlink socket of netfilter", SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER) },
        { "open a netlink socket of udev", SOCKET(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT) },
        { "open a netlink socket of audit", SOCKET(AF_NETLINK, SOCK_RAW, 9) },
        { "open a netlink socket of the crypto API", SOCKET(AF_NETLINK, SOCK_RAW, 21) },
        { "open a packet socket", SOCKET(AF_PACKET, SOCK_RAW, 0x300) },
        { "open a raw socket of ICMP", SOCKET(AF_INET, SOCK_RAW, IPPROTO_ICMP) },
        { "open a raw socket of IPv6", SOCKET(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6) },
        { "connect to the hypervisor by vsock", try_vsock },
        { "open a socket of the crypto API", SOCKET(AF_ALG, SOCK_SEQPACKET) },
        { "open an XDP socket", SOCKET(44, SOCK_RAW) },
        { "open a Bluetooth socket", SOCKET(AF_BLUETOOTH, SOCK_RAW, 1) },
        { "open a CAN socket", SOCKET(AF_CAN, SOCK_RAW, 1) },
        { "open a TIPC socket", SOCKET(AF_TIPC, SOCK_RDM) },
        { "open an RDS socket", SOCKET(AF_RDS, SOCK_SEQPACKET) },
        { "open an IPsec key socket", SOCKET(AF_KEY, SOCK_RAW, 2) },
        { "open an SMC socket", SOCKET(43, SOCK_STREAM) },
        { "open an NFC socket", SOCKET(AF_NFC, SOCK_RAW) },
        { "open a PPP socket", SOCKET(AF_PPPOX, SOCK_STREAM) },
        { "make a pair of TIPC sockets", try_hidden, NULL, AF_TIPC },
        { "connect to umld's control socket", try_path, "umld-socket", SOCK_STREAM },
        { "connect to the control socket of another guest", try_path, "other-umld-socket",
          SOCK_STREAM },
        { "connect to a socket of the host, mode 0777", try_path, "host-socket", SOCK_STREAM },
        { "command the kernel of another guest by its management console", try_path,
          "other-mconsole", SOCK_DGRAM },
        { "send notifications in the name of another guest", try_path, "other-notify", SOCK_DGRAM },
        { "send to a socket of the host, mode 0777", try_path, "host-datagrams", SOCK_DGRAM },
        { "connect to an abstract socket of the host", try_abstract, "abstract", SOCK_STREAM },
        { "send to an abstract socket of the host", try_abstract, "abstract-datagrams",
          SOCK_DGRAM },
};

const AttemptGroup group_sockets = { "Sockets", attempts, ARRAY_SIZE(attempts) };
