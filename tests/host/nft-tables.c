/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-tables.c - what the tests of the nftables backend share. */

#include <dlfcn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "nft-tables.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

NftKernel nft_kernel;

/* An attribute of that type and text becomes one that no kernel knows. */
static void spoil(struct nlmsghdr *h, uint16_t type, const char *text) {
        char attribute[32] = {};
        const struct nlattr a = { .nla_len = (uint16_t) (NLA_HDRLEN + strlen(text) + 1),
                                  .nla_type = type };
        char *found;

        memcpy(attribute, &a, sizeof(a));
        memcpy(attribute + sizeof(a), text, strlen(text));
        while ((found = memmem(h, h->nlmsg_len, attribute, a.nla_len)))
                found[sizeof(a)] = 'X';
}

static void lessen(struct nlmsghdr *h) {
        const struct nfgenmsg *g = NLMSG_DATA(h);

        if (h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) &&
            (nft_kernel.no_nat || (nft_kernel.no_inet_nat && g->nfgen_family == NFPROTO_INET)))
                spoil(h, NFTA_CHAIN_TYPE, "nat");
        if (nft_kernel.no_dnat)
                spoil(h, NFTA_EXPR_NAME, "nat");
        if (nft_kernel.no_masquerade)
                spoil(h, NFTA_EXPR_NAME, "masq");
        if (nft_kernel.no_quota)
                spoil(h, NFTA_EXPR_NAME, "objref");
}

/* Before libc's, also for the library that is loaded later: this is how it sends a transaction. */
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
        if (nft_kernel.disturb && system(nft_kernel.disturb) != 0) /* NOLINT(cert-env33-c) */
                abort();
        for (size_t i = 0; i < message->msg_iovlen; i++) {
                struct nlmsghdr *h = message->msg_iov[i].iov_base;
                size_t n = message->msg_iov[i].iov_len;

                for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n))
                        lessen(h);
        }
        return syscall(SYS_sendmsg, fd, message, flags);
}

void *dlopen(const char *name, int flags) {
        void *(*next)(const char *name, int flags) = dlsym(RTLD_NEXT, "dlopen");

        return nft_kernel.no_library && strstr(name, "libnftables") ? NULL : next(name, flags);
}

int nft_setup(void **state) {
        nft_kernel = (NftKernel){};
        return nat_setup(state);
}

void assert_nothing(void) {
        shell("test -z \"$(nft list ruleset)\"");
}

void assert_listing(const char *file) {
        shell("nft list chain inet umld UMLD-USER | grep -q 'hook forward priority .* 2'");
        shell("nft -s list ruleset | awk '/^table inet umld {/ { skip = 1 } !skip; /^}/ { skip = 0 "
              "}' | diff %s/%s -",
              getenv("HOST_TESTS"), file);
}

const IpAddress public4[1] = { { .v4 = { 0x010200c0 } } };
const IpAddress public6[1] = { { .v6 = { { { 0x20, 1, 0x0d, 0xb8, [15] = 9 } } } } };
static const Forward web_port = { FORWARD_TCP, 8080, 8080, 80 };

NatPlan full_plan(void) {
        NatPlan plan = web;

        plan.forwards = &web_port;
        plan.n_forwards = 1;
        plan.host_access = NAT_HOST_ICMP;
        plan.clamp_mss = true;
        plan.side[NAT_IPV4].host_address.v4.s_addr = htonl(0x0a000001);
        plan.side[NAT_IPV4].public = public4;
        plan.side[NAT_IPV4].n_public = 1;
        plan.side[NAT_IPV6] = (NatSide){ .guest_address.v6 = { { { 0xfd, [15] = 2 } } },
                                         .host_address.v6 = { { { 0xfd, [15] = 1 } } },
                                         .masquerade = true,
                                         .public = public6,
                                         .n_public = 1 };
        return plan;
}
