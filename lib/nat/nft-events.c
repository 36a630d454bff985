/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-events.c - a socket for notifications of nf_tables.
 *
 * The kernel tells of each table, chain, rule and set element that a transaction has touched, and
 * at its end of the new generation, in a message of its own, which since Linux 4.17 has the name of
 * the program. Only that one is let through. What umld does itself to a guest's table is no news
 * for another one. */

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "basic/cleanup.h"

#include "nat/nft-events.h"
#include "nat/nft-message.h"

#define NEWGEN (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN)

/* Numbers are loaded in network byte order. */
static int let_generations_through(int fd) {
        struct sock_filter program[] = {
                BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_type)),
                BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(NEWGEN), 0, 1),
                BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
                BPF_STMT(BPF_RET | BPF_K, 0),
        };
        const struct sock_fprog filter = { .len = ARRAY_SIZE(program), .filter = program };

        return RET_NERRNO(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)));
}

int nft_events_open(void) {
        const struct sockaddr_nl address = { .nl_family = AF_NETLINK,
                                             .nl_groups = 1U << (NFNLGRP_NFTABLES - 1) };
        _cleanup_close_ int fd =
                socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
        int r;

        if (fd < 0)
                return -errno;
        r = let_generations_through(fd);
        if (r >= 0)
                r = RET_NERRNO(bind(fd, (const struct sockaddr *) &address, sizeof(address)));
        return r < 0 ? r : TAKE_FD(fd);
}

static bool is_foreign(const void *message, size_t size) {
        const struct nlmsghdr *h = message;
        size_t head = NLMSG_SPACE(sizeof(struct nfgenmsg));
        const char *program;
        char own[16] = "";

        if (!NLMSG_OK(h, size) || h->nlmsg_type != NEWGEN || h->nlmsg_len < head)
                return true; /* who knows */
        program = nft_text((const char *) message + head, h->nlmsg_len - head, NFTA_GEN_PROC_NAME);
        return !program || prctl(PR_GET_NAME, own) < 0 || !streq(program, own);
}

int nft_events_drain(int fd) {
        char message[1024];
        bool foreign = false;
        ssize_t n;

        while ((n = recv(fd, message, sizeof(message), 0)) >= 0 || errno == ENOBUFS ||
               errno == EINTR)
                foreign |= n < 0 ? errno == ENOBUFS : is_foreign(message, (size_t) n);
        return foreign;
}
