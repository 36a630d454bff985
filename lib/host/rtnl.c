/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl.c - the rtnetlink connection, and links.
 *
 * Reading is done by targeted requests, or by dumps that newer kernels filter
 * (NETLINK_GET_STRICT_CHK); older ones send everything, so each callback filters as well. */

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/route/link.h>
#include <netlink/socket.h>

#include "host/nl-errno.h"
#include "host/rtnl-socket.h"

#define DUMP_ATTEMPTS 5
#define ANSWER_MAX    65536 /* twice what the kernel puts into one message */

struct Rtnl {
        struct nl_sock *sock;
};

DEFINE_CLEANUP(struct nl_sock *, nl_socket_free)
DEFINE_CLEANUP(struct nl_cb *, nl_cb_put)
DEFINE_CLEANUP(struct rtnl_link *, rtnl_link_put)

static int open_socket(struct nl_sock **ret) {
        _cleanup_(nl_socket_freep) struct nl_sock *sock = nl_socket_alloc();
        int r;

        if (!sock)
                return -ENOMEM;
        r = nl_to_errno(nl_connect(sock, NETLINK_ROUTE));
        if (r < 0)
                return r;
        /* Otherwise libnl asks for the size of each message before it reads it. */
        r = nl_to_errno(nl_socket_set_msg_buf_size(sock, ANSWER_MAX));
        if (r < 0)
                return r;
        nl_socket_disable_msg_peek(sock);
        /* Kernels before 4.20 do not have it. */
        (void) setsockopt(nl_socket_get_fd(sock), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ 1 },
                          sizeof(int));
        *ret = TAKE_PTR(sock);
        return 0;
}

int rtnl_open(Rtnl **ret) {
        _cleanup_(rtnl_closep) Rtnl *rtnl = calloc(1, sizeof(*rtnl));
        int r;

        if (!rtnl)
                return -ENOMEM;
        r = open_socket(&rtnl->sock);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(rtnl);
        return 0;
}

Rtnl *rtnl_close(Rtnl *rtnl) {
        if (!rtnl)
                return NULL;
        nl_socket_free(rtnl->sock);
        free(rtnl);
        return NULL;
}

struct nl_sock *net_socket(Rtnl *rtnl) {
        return rtnl->sock;
}

int net_exchanged(Rtnl *rtnl, int nle) {
        struct nl_sock *sock = NULL;

        switch (-nle) {
        case NLE_SUCCESS:
        case NLE_NODEV:
        case NLE_OBJ_NOTFOUND:
        case NLE_EXIST:
        case NLE_NOADDR:
        case NLE_PERM:
        case NLE_BUSY:
        case NLE_DUMP_INTR:
                break;
        default:
                if (nle < 0 && open_socket(&sock) >= 0) {
                        nl_socket_free(rtnl->sock);
                        rtnl->sock = sock;
                }
        }
        return nl_to_errno(nle);
}

static int dump_once(Rtnl *rtnl, struct nl_msg *request, nl_recvmsg_msg_cb_t fn, void *userdata) {
        _cleanup_(nl_cb_putp) struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
        int r;

        if (!cb)
                return -ENOMEM;
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, fn, userdata);
        r = nl_send_auto(rtnl->sock, request);
        if (r >= 0)
                r = nl_recvmsgs(rtnl->sock, cb);
        return r < 0 ? net_exchanged(rtnl, r) : 0;
}

int net_dump(Rtnl *rtnl, struct nl_msg *request, nl_recvmsg_msg_cb_t fn, void *userdata) {
        int r = -EAGAIN;

        for (int i = 0; i < DUMP_ATTEMPTS && r == -EAGAIN; i++) {
                nlmsg_hdr(request)->nlmsg_seq = NL_AUTO_SEQ;
                r = dump_once(rtnl, request, fn, userdata);
        }
        return r;
}

int net_dump_request(int type, void *header, size_t size, struct nl_msg **ret) {
        struct nl_msg *m = nlmsg_alloc_simple(type, NLM_F_DUMP);

        if (!m)
                return -ENOMEM;
        if (nlmsg_append(m, header, size, NLMSG_ALIGNTO) < 0) {
                nlmsg_free(m);
                return -ENOMEM;
        }
        *ret = m;
        return 0;
}

/* Exactly one of index and ifname is given; the other is 0 or NULL. */
static int link_load(Rtnl *rtnl, int index, const char *ifname, struct rtnl_link **ret) {
        int r = rtnl_link_get_kernel(rtnl->sock, index, ifname, ret);

        r = net_exchanged(rtnl, r >= 0 && !*ret ? -NLE_SEQ_MISMATCH : r);
        return r == -ENOENT ? -ENODEV : r;
}

int net_link_get(Rtnl *rtnl, const char *ifname, RtnlLink *ret) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *link = NULL;
        const char *alias;
        int r = link_load(rtnl, 0, ifname, &link);

        if (r < 0)
                return r;
        alias = rtnl_link_get_ifalias(link);
        *ret = (RtnlLink){
                .index = rtnl_link_get_ifindex(link),
                .flags = rtnl_link_get_flags(link),
                .mtu = rtnl_link_get_mtu(link),
        };
        if (alias)
                strncpy(ret->alias, alias, sizeof(ret->alias) - 1);
        return 0;
}

/* What a setter of a link compares and changes. */
typedef struct LinkSetting {
        bool (*is_so)(struct rtnl_link *link, const void *value);
        void (*set)(struct rtnl_link *change, const void *value);
} LinkSetting;

static int link_set(Rtnl *rtnl, int index, const LinkSetting *setting, const void *value) {
        _cleanup_(rtnl_link_putp) struct rtnl_link *link = NULL, *change = NULL;
        int r = link_load(rtnl, index, NULL, &link);

        if (r < 0)
                return r;
        if (setting->is_so(link, value))
                return 0;
        change = rtnl_link_alloc();
        if (!change)
                return -ENOMEM;
        setting->set(change, value);
        if (!setting->is_so(change, value)) /* libnl does not tell that it had no memory for it */
                return -ENOMEM;
        r = net_exchanged(rtnl, rtnl_link_change(rtnl->sock, link, change, 0));
        return r < 0 ? r : 1;
}

static bool alias_is_so(struct rtnl_link *link, const void *value) {
        const char *alias = rtnl_link_get_ifalias(link);

        return streq(alias ?: "", value);
}

static void alias_set(struct rtnl_link *change, const void *value) {
        rtnl_link_set_ifalias(change, value);
}

int net_link_set_alias(Rtnl *rtnl, int index, const char *alias) {
        static const LinkSetting setting = { alias_is_so, alias_set };

        return link_set(rtnl, index, &setting, alias);
}

static bool mtu_is_so(struct rtnl_link *link, const void *value) {
        return rtnl_link_get_mtu(link) == *(const unsigned *) value;
}

static void mtu_set(struct rtnl_link *change, const void *value) {
        rtnl_link_set_mtu(change, *(const unsigned *) value);
}

int net_link_set_mtu(Rtnl *rtnl, int index, unsigned mtu) {
        static const LinkSetting setting = { mtu_is_so, mtu_set };

        return link_set(rtnl, index, &setting, &mtu);
}

static bool up_is_so(struct rtnl_link *link, const void *value) {
        return (rtnl_link_get_flags(link) & *(const unsigned *) value) != 0;
}

static void up_set(struct rtnl_link *change, const void *value) {
        rtnl_link_set_flags(change, *(const unsigned *) value);
}

int net_link_set_up(Rtnl *rtnl, int index) {
        static const LinkSetting setting = { up_is_so, up_set };

        return link_set(rtnl, index, &setting, &(unsigned){ IFF_UP });
}
