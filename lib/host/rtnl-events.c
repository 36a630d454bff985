/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-events.c - a socket for notifications of rtnetlink, and a filter program for it. */

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/netconf.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "host/rtnl-events.h"

enum {
        INDEXES_MAX = 10,
        PROGRAM_MAX = INDEXES_MAX + 14, /* instructions */
};

#define GROUP(number) (1U << ((number) -1))

int rtnl_events_open(void) {
        const struct sockaddr_nl address = {
                .nl_family = AF_NETLINK,
                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
                             RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE | GROUP(RTNLGRP_IPV4_RULE) |
                             GROUP(RTNLGRP_IPV6_RULE) | GROUP(RTNLGRP_IPV4_NETCONF) |
                             GROUP(RTNLGRP_IPV6_NETCONF),
        };
        _cleanup_close_ int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

        if (fd < 0 || bind(fd, (const struct sockaddr *) &address, sizeof(address)) < 0)
                return -errno;
        return TAKE_FD(fd);
}

void rtnl_events_drain(int fd) {
        char buf[8192];

        while (recv(fd, buf, sizeof(buf), 0) >= 0 || errno == ENOBUFS || errno == EINTR)
                ;
}

/* The offsets at which the program looks. Links and addresses have their interface's index at the
 * same one; settings (netconf) have it as their first attribute. */
#define OFFSET_TYPE    offsetof(struct nlmsghdr, nlmsg_type)
#define OFFSET_INDEX   (NLMSG_HDRLEN + offsetof(struct ifinfomsg, ifi_index))
#define OFFSET_DST_LEN (NLMSG_HDRLEN + offsetof(struct rtmsg, rtm_dst_len))
#define OFFSET_NETCONF (NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct netconfmsg)) + NLA_HDRLEN)
static_assert(offsetof(struct ifinfomsg, ifi_index) == offsetof(struct ifaddrmsg, ifa_index),
              "the index of links and addresses");

/* The program loads numbers in network byte order, but netlink has them in the host's. */
static size_t write_program(const unsigned indexes[], size_t n,
                            struct sock_filter ret[static PROGRAM_MAX]) {
        const unsigned char drop = (unsigned char) (n + 1), accept = (unsigned char) (n + 2);
        const struct sock_filter head[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, OFFSET_TYPE),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0, 2),
                BPF_STMT(BPF_LD | BPF_B | BPF_ABS, OFFSET_DST_LEN),
                /* OpenVPN makes two routes of a half of the Internet each. */
                BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 1, (unsigned char) (drop + 5),
                         (unsigned char) (accept + 5)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWRULE),
                         (unsigned char) (accept + 4), 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELRULE),
                         (unsigned char) (accept + 3), 0),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWNETCONF), 0, 2),
                /* Those for all interfaces have an index that no interface has. */
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, OFFSET_NETCONF),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl((uint32_t) NETCONFA_IFINDEX_ALL), accept,
                         1),
                BPF_STMT(BPF_LD | BPF_W | BPF_ABS, OFFSET_INDEX),
        };
        size_t at = ARRAY_SIZE(head);

        memcpy(ret, head, sizeof(head));
        for (size_t i = 0; i < n; i++)
                ret[at++] = (struct sock_filter) BPF_JUMP(
                        BPF_JMP | BPF_JEQ | BPF_K, htonl(indexes[i]), (unsigned char) (n - i), 0);
        ret[at++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, 0);
        ret[at++] = (struct sock_filter) BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
        return at;
}

int rtnl_events_filter(int fd, const unsigned indexes[], size_t n) {
        struct sock_filter program[PROGRAM_MAX];
        struct sock_fprog filter = { .filter = program };
        int r;

        assert(n <= INDEXES_MAX);
        if (n == 0) {
                r = RET_NERRNO(
                        setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &(int){ 0 }, sizeof(int)));
                return r == -ENOENT ? 0 : r; /* there was none */
        }
        filter.len = (unsigned short) write_program(indexes, n, program);
        return RET_NERRNO(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
}
