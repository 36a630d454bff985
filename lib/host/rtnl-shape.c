/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rtnl-shape.c - limits the bandwidth of an interface. */

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_gact.h>

#include "basic/macro.h"
#include "host/rtnl-shape.h"
#include "host/rtnl-socket.h"

enum {
        CELLS = 256,
        CELL_LOG = 9, /* bytes of a cell; the table reaches to twice the largest packet */
        PACKET_MAX = CELLS << CELL_LOG,
        TICK_NSEC = 64,  /* PSCHED_SHIFT of the kernel, since 2.6.31 */
        LATENCY = 20,    /* parts of a second */
        BURST_TO = 50,   /* parts of a second; a timer of 100 Hz has 10 ms */
        BURST_FROM = 10, /* a policer that is too strict makes TCP slow */
        FILTER_PRIORITY = 1,
};

#define INGRESS_HANDLE TC_H_MAKE(TC_H_INGRESS, 0)

static uint32_t ticks(uint64_t bytes, uint32_t rate) {
        uint64_t t = bytes * 1000000000 / rate / TICK_NSEC;

        return (uint32_t) MIN(t, (uint64_t) UINT32_MAX);
}

static uint32_t burst_of(uint32_t rate, unsigned part) {
        return MAX(rate / part, (uint32_t) PACKET_MAX);
}

static struct tc_ratespec rate_spec(uint32_t rate) {
        return (struct tc_ratespec){ .cell_log = CELL_LOG,
                                     .linklayer = TC_LINKLAYER_ETHERNET,
                                     .cell_align = -1,
                                     .rate = rate };
}

/* ---- requests ---- */

/* One that is being written; libnl's error, after which nothing more is put into it. */
typedef struct Request {
        struct nl_msg *m;
        int error;
} Request;

static void put(Request *q, int type, size_t size, const void *data) {
        if (q->error >= 0)
                q->error = nla_put(q->m, type, (int) size, data);
}

static void put_text(Request *q, int type, const char *text) {
        put(q, type, strlen(text) + 1, text);
}

static struct nlattr *open_nest(Request *q, int type) {
        struct nlattr *nest = q->error < 0 ? NULL : nla_nest_start(q->m, type);

        if (!nest && q->error >= 0)
                q->error = -NLE_NOMEM;
        return nest;
}

static void close_nest(Request *q, struct nlattr *nest) {
        if (q->error >= 0)
                q->error = nla_nest_end(q->m, nest);
}

/* How long each size of packet takes. Kernels since 3.8 compute that, but still ask for it. */
static void put_table(Request *q, int type, uint32_t rate) {
        uint32_t table[CELLS];

        for (uint32_t i = 0; i < CELLS; i++)
                table[i] = ticks((uint64_t) (i + 1) << CELL_LOG, rate);
        put(q, type, sizeof(table), table);
}

static Request begin(int type, int flags, const struct tcmsg *tc, const char *kind) {
        Request q = { .m = nlmsg_alloc_simple(type, flags) };

        if (!q.m)
                q.error = -NLE_NOMEM;
        else
                q.error = nlmsg_append(q.m, (void *) tc, sizeof(*tc), NLMSG_ALIGNTO);
        put_text(&q, TCA_KIND, kind);
        return q;
}

static int send_request(Rtnl *rtnl, Request *q) {
        if (q->error >= 0)
                return net_exchanged(rtnl, nl_send_sync(net_socket(rtnl), q->m)); /* frees it */
        nlmsg_free(q->m);
        return -ENOMEM;
}

/* ---- to the interface ---- */

int net_shape_to(Rtnl *rtnl, int index, uint32_t rate) {
        const struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT };
        const uint32_t burst = burst_of(rate, BURST_TO);
        const struct tc_tbf_qopt options = { .rate = rate_spec(rate),
                                             .limit = rate / LATENCY + burst,
                                             .buffer = ticks(burst, rate) };
        struct nlattr *nest;
        Request q;

        q = begin(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, &tc, "tbf");
        nest = open_nest(&q, TCA_OPTIONS);
        put(&q, TCA_TBF_PARMS, sizeof(options), &options);
        put_table(&q, TCA_TBF_RTAB, rate);
        put(&q, TCA_TBF_BURST, sizeof(burst), &burst);
        close_nest(&q, nest);
        return send_request(rtnl, &q);
}

/* ---- from the interface ---- */

static void put_policer(Request *q, int type, uint32_t rate) {
        const struct tc_police police = { .action = TC_ACT_SHOT,
                                          .burst = ticks(burst_of(rate, BURST_FROM), rate),
                                          .mtu = PACKET_MAX,
                                          .rate = rate_spec(rate) };
        struct nlattr *actions = open_nest(q, type), *first = open_nest(q, 1), *options;

        put_text(q, TCA_ACT_KIND, "police");
        options = open_nest(q, TCA_ACT_OPTIONS);
        put(q, TCA_POLICE_TBF, sizeof(police), &police);
        put_table(q, TCA_POLICE_RATE, rate);
        close_nest(q, options);
        close_nest(q, first);
        close_nest(q, actions);
}

static int ingress(Rtnl *rtnl, int index, bool add) {
        const struct tcmsg tc = { .tcm_ifindex = index,
                                  .tcm_parent = TC_H_INGRESS,
                                  .tcm_handle = INGRESS_HANDLE };
        Request q;

        q = begin(add ? RTM_NEWQDISC : RTM_DELQDISC, add ? NLM_F_CREATE | NLM_F_EXCL : 0, &tc,
                  "ingress");
        return send_request(rtnl, &q);
}

void net_unshape(Rtnl *rtnl, int index) {
        const struct tcmsg tc = { .tcm_ifindex = index, .tcm_parent = TC_H_ROOT };
        Request q = begin(RTM_DELQDISC, 0, &tc, "tbf");

        (void) send_request(rtnl, &q);
        (void) ingress(rtnl, index, false);
}

/* A key that every packet has. */
static void put_any_key(Request *q) {
        const struct tc_u32_sel selector = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
        char any[sizeof(selector) + sizeof(struct tc_u32_key)] = {};

        memcpy(any, &selector, sizeof(selector));
        put(q, TCA_U32_SEL, sizeof(any), any);
}

static int police(Rtnl *rtnl, int index, uint32_t rate, bool matchall) {
        const struct tcmsg tc = { .tcm_ifindex = index,
                                  .tcm_parent = INGRESS_HANDLE,
                                  .tcm_info = TC_H_MAKE(FILTER_PRIORITY << 16, htons(ETH_P_ALL)) };
        struct nlattr *nest;
        Request q;

        q = begin(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tc, matchall ? "matchall" : "u32");
        nest = open_nest(&q, TCA_OPTIONS);
        if (!matchall)
                put_any_key(&q);
        put_policer(&q, matchall ? TCA_MATCHALL_ACT : TCA_U32_ACT, rate);
        close_nest(&q, nest);
        return send_request(rtnl, &q);
}

int net_shape_from(Rtnl *rtnl, int index, uint32_t rate) {
        int r;

        (void) ingress(rtnl, index, false); /* with a filter of before */
        r = ingress(rtnl, index, true);
        if (r < 0)
                return r;
        r = police(rtnl, index, rate, true);
        if (r < 0) /* matchall is in kernels since 4.8, and not in all of them */
                r = police(rtnl, index, rate, false);
        if (r < 0)
                (void) ingress(rtnl, index, false);
        return r;
}
