/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl.c - the rtnetlink connection, and links.
 *
 * Reading is done by targeted requests, or by dumps that newer kernels filter
 * (NETLINK_GET_STRICT_CHK); older ones send everything, so each callback filters as well. */

#include <linux/netlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "host/rtnl-socket.h"

#define DUMP_ATTEMPTS 5

struct Rtnl {
        int fd;
        uint32_t sequence; /* of the last request */
};

/* One part of an answer. */
typedef union Part {
        struct nlmsghdr header;
        char bytes[32768]; /* the kernel puts no more into one */
} Part;

static int open_socket(void) {
        int fd = RET_NERRNO(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));

        /* Kernels before 4.20 do not have it. */
        if (fd >= 0)
                (void) setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &(int){ 1 },
                                  sizeof(int));
        return fd;
}

int rtnl_open(Rtnl **ret) {
        int fd = open_socket();
        Rtnl *rtnl;

        if (fd < 0)
                return fd;
        rtnl = calloc(1, sizeof(*rtnl));
        if (!rtnl) {
                safe_close(fd);
                return -ENOMEM;
        }
        rtnl->fd = fd;
        *ret = rtnl;
        return 0;
}

Rtnl *rtnl_close(Rtnl *rtnl) {
        if (rtnl)
                safe_close(rtnl->fd);
        free(rtnl);
        return NULL;
}

/* ---- requests and answers ---- */

void net_request(NetRequest *q, uint16_t type, uint16_t flags, const void *header, size_t size) {
        *q = (NetRequest){};
        (void) mnl_nlmsg_put_header(q);
        q->header.nlmsg_type = type;
        q->header.nlmsg_flags = NLM_F_REQUEST | flags;
        memcpy(mnl_nlmsg_put_extra_header(&q->header, size), header, size);
}

/* The list that attributes are sorted into. */
typedef struct AttributeList {
        const struct nlattr **items;
        unsigned max;
} AttributeList;

static int put_attribute(const struct nlattr *attribute, void *userdata) {
        const AttributeList *list = userdata;
        unsigned type = mnl_attr_get_type(attribute);

        if (type <= list->max)
                list->items[type] = attribute;
        return MNL_CB_OK;
}

void net_parse_attributes(const void *data, size_t n, const struct nlattr **ret, unsigned max) {
        AttributeList list = { .items = ret, .max = max };

        memset(ret, 0, (max + 1) * sizeof(*ret));
        (void) mnl_attr_parse_payload(data, n, put_attribute, &list);
}

bool net_parse(const struct nlmsghdr *h, uint16_t type, size_t size, const struct nlattr **ret,
               unsigned max) {
        AttributeList list = { .items = ret, .max = max };

        if (h->nlmsg_type != type || h->nlmsg_len < NLMSG_SPACE(size))
                return false;
        memset(ret, 0, (max + 1) * sizeof(*ret));
        return mnl_attr_parse(h, (unsigned) size, put_attribute, &list) >= 0;
}

/* The answer that is being read. */
typedef struct Answer {
        uint32_t sequence; /* of its request */
        bool interrupted;  /* the tables changed while they were sent */
        NetMessageFn fn;
        void *userdata;
} Answer;

static int result_of(const struct nlmsghdr *h) {
        const struct nlmsgerr *e = NLMSG_DATA(h); /* NLMSG_DONE has its error at the same place */

        return h->nlmsg_len < NLMSG_LENGTH(sizeof(e->error)) ? 0 : e->error;
}

/* Handles one part: 1 = there is more, 0 = that was the end, or the kernel's error. */
static int handle_part(Answer *a, const struct nlmsghdr *h, size_t n) {
        for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
                if (h->nlmsg_seq != a->sequence) /* the rest of an answer that was given up */
                        continue;
                a->interrupted |= h->nlmsg_flags & NLM_F_DUMP_INTR;
                if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
                        return result_of(h);
                if (a->fn)
                        a->fn(h, a->userdata);
        }
        return 1;
}

static int receive(int fd, Answer *a) {
        Part part;
        int r;

        do {
                ssize_t n = recv(fd, &part, sizeof(part), MSG_TRUNC);

                if (n < 0 && errno == EINTR)
                        r = 1;
                else if (n < 0)
                        r = -errno;
                else if ((size_t) n > sizeof(part))
                        r = -EMSGSIZE;
                else
                        r = handle_part(a, &part.header, (size_t) n);
        } while (r > 0);
        return r < 0 ? r : a->interrupted ? -EAGAIN : 0;
}

static int exchange(Rtnl *rtnl, NetRequest *q, NetMessageFn fn, void *userdata) {
        Answer a = { .sequence = ++rtnl->sequence, .fn = fn, .userdata = userdata };

        q->header.nlmsg_seq = a.sequence;
        if (send(rtnl->fd, q, q->header.nlmsg_len, 0) < 0)
                return -errno;
        return receive(rtnl->fd, &a);
}

int net_ask(Rtnl *rtnl, NetRequest *q, NetMessageFn fn, void *userdata) {
        q->header.nlmsg_flags |= NLM_F_ACK;
        return exchange(rtnl, q, fn, userdata);
}

int net_dump(Rtnl *rtnl, NetRequest *q, NetMessageFn fn, void *userdata) {
        int r = -EAGAIN;

        q->header.nlmsg_flags |= NLM_F_DUMP;
        for (int i = 0; i < DUMP_ATTEMPTS && r == -EAGAIN; i++)
                r = exchange(rtnl, q, fn, userdata);
        return r;
}

/* ---- links ---- */

static void on_link(const struct nlmsghdr *h, void *userdata) {
        const struct nlattr *attrs[IFLA_MAX + 1];
        const struct ifinfomsg *info = NLMSG_DATA(h);
        RtnlLink *link = userdata;

        if (!net_parse(h, RTM_NEWLINK, sizeof(*info), attrs, IFLA_MAX))
                return;
        *link = (RtnlLink){ .index = info->ifi_index, .flags = info->ifi_flags };
        if (attrs[IFLA_MTU])
                link->mtu = mnl_attr_get_u32(attrs[IFLA_MTU]);
        if (attrs[IFLA_IFALIAS])
                strncpy(link->alias, mnl_attr_get_str(attrs[IFLA_IFALIAS]),
                        sizeof(link->alias) - 1);
}

/* Exactly one of index and ifname is given; the other is 0 or NULL. */
static int link_load(Rtnl *rtnl, int index, const char *ifname, RtnlLink *ret) {
        RtnlLink link = {};
        NetRequest q;
        int r;

        if (ifname && strlen(ifname) >= IFNAMSIZ)
                return -ENODEV;
        net_request(&q, RTM_GETLINK, 0, &(struct ifinfomsg){ .ifi_index = index },
                    sizeof(struct ifinfomsg));
        if (ifname)
                mnl_attr_put_strz(&q.header, IFLA_IFNAME, ifname);
        r = net_ask(rtnl, &q, on_link, &link);
        if (r < 0)
                return r;
        if (link.index == 0)
                return -EPROTO;
        *ret = link;
        return 0;
}

int net_link_get(Rtnl *rtnl, const char *ifname, RtnlLink *ret) {
        return link_load(rtnl, 0, ifname, ret);
}

static void change_link(NetRequest *q, int index, unsigned flags) {
        const struct ifinfomsg info = { .ifi_index = index,
                                        .ifi_flags = flags,
                                        .ifi_change = flags };

        net_request(q, RTM_SETLINK, 0, &info, sizeof(info));
}

static int changed(int r) {
        return r < 0 ? r : 1;
}

int net_link_set_alias(Rtnl *rtnl, int index, const char *alias) {
        RtnlLink link;
        NetRequest q;
        int r = link_load(rtnl, index, NULL, &link);

        if (r < 0 || streq(link.alias, alias))
                return r;
        change_link(&q, index, 0);
        mnl_attr_put_strz(&q.header, IFLA_IFALIAS, alias);
        return changed(net_ask(rtnl, &q, NULL, NULL));
}

int net_link_set_mtu(Rtnl *rtnl, int index, unsigned mtu) {
        RtnlLink link;
        NetRequest q;
        int r = link_load(rtnl, index, NULL, &link);

        if (r < 0 || link.mtu == mtu)
                return r;
        change_link(&q, index, 0);
        mnl_attr_put_u32(&q.header, IFLA_MTU, mtu);
        return changed(net_ask(rtnl, &q, NULL, NULL));
}

int net_link_set_up(Rtnl *rtnl, int index) {
        RtnlLink link;
        NetRequest q;
        int r = link_load(rtnl, index, NULL, &link);

        if (r < 0 || link.flags & IFF_UP)
                return r;
        change_link(&q, index, IFF_UP);
        return changed(net_ask(rtnl, &q, NULL, NULL));
}
