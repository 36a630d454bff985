/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.c - keeps the rules right: by events if the kernel has some, else by periodic checks.
 *
 * Changes of links, addresses and routes are told over netlink, and looked at only then: what is
 * never called takes no memory. The kernel drops those that cannot concern this guest, because
 * every guest that starts or stops makes a dozen of them. Of a socket that begins to listen and of
 * an edit of the tables nobody is told, and so there is a slow timer as well, which runs only while
 * the guest has rules. A look costs some short reads, however many guests there are. */

#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/base/retry.h"
#include "daemon/net/conditions.h"
#include "daemon/net/flows.h"
#include "daemon/net/rules.h"
#include "daemon/net/surplus-flows.h"
#include "daemon/net/watch.h"
#include "host/rtnl-events.h"
#include "nat/nft-events.h"

#define LOOK_EVERY    (2500 * USEC_PER_MSEC)
#define LOOK_ACCURACY (250 * USEC_PER_MSEC) /* wakes up together with others */
#define SETTLE        (200 * USEC_PER_MSEC) /* changes of a network come in bursts */
#define SETTLE_NFT    USEC_PER_SEC          /* a firewall that reloads drops everything meanwhile */

#define LINKS (NAT_FAMILY_MAX * CONFIG_UPLINKS_MAX + 1)

struct NetWatch {
        Net *net;
        sd_event_source *timer, *events, *nft_events;
        int fd, nft_fd;
        SurplusFlows *surplus;
        Retry *retry;          /* retries a check that could not be completed */
        char *waits_for;       /* what that check is waiting for; NULL: it was completed */
        unsigned links[LINKS]; /* the interfaces whose events are not dropped: uplinks and tap; 0 =
                                  there are no more, or one is not there, and none is dropped */
        usec_t due;            /* time of the check after an event; 0 = none */
        usec_t looked;         /* time of the last check, CLOCK_MONOTONIC; 0 = one is due */
        bool failed;           /* the last check failed; logged once */
        void (*on_route)(void *userdata);
        void *userdata;
};

/* Wrong rules are repaired as soon as possible; a check alone can wait for the next one. */
static bool is_urgent(const Net *net) {
        return net->under_way || net->rules_stale || net->drifted || net->network_moved ||
               net->flows;
}

/* Only tracked connections are being looked through, in thousands of slices at worst, each of which
 * begins when the one before ends: what a check costs is not paid for each of them. */
static bool only_flows(const NetWatch *w) {
        const Net *net = w->net;

        return net->flows && !net->under_way && !net->rules_stale && !net->drifted &&
               !net->network_moved && w->looked > 0 &&
               now_usec(CLOCK_MONOTONIC) < usec_add(w->looked, LOOK_EVERY);
}

/* true: it goes on later. */
static bool wait_on(NetWatch *w, int r, Fault *fault) {
        (void) free_and_strdup(&w->waits_for, r == -EAGAIN ? fault->text : NULL);
        if (r == -EAGAIN && is_urgent(w->net))
                retry_later(w->retry, fault);
        else
                retry_end(w->retry);
        return r == -EAGAIN;
}

static void look_at_flows(NetWatch *w) {
        _cleanup_(fault_done) Fault fault = {};

        (void) wait_on(w, net_flows_step(w->net, &fault), &fault);
}

static void look_at_rules(NetWatch *w) {
        _cleanup_(fault_done) Fault fault = {};
        int r;

        if (!w->events)
                w->net->network_moved = true; /* so everything may have changed */
        r = net_rules_follow(w->net, &fault);
        w->looked = now_usec(CLOCK_MONOTONIC);
        if (wait_on(w, r, &fault))
                return;
        if (r < 0 && !w->failed)
                log_warning("cannot update the guest's firewall rules, retrying: %s",
                            fault.text ?: strerror(-r));
        w->failed = r < 0;
}

static void look(void *userdata) {
        NetWatch *w = userdata;

        if (w->net->busy >
            0) /* the set-up or reload in progress leaves everything as it should be */
                return;
        if (only_flows(w)) {
                look_at_flows(w);
                return;
        }
        look_at_rules(w);
        net_conditions_follow(w->net);
}

static int arm(NetWatch *w, usec_t delay) {
        int r = sd_event_source_set_time(w->timer, usec_add(now_usec(CLOCK_MONOTONIC), delay));

        return r < 0 ? r : sd_event_source_set_enabled(w->timer, SD_EVENT_ONESHOT);
}

static int arm_for_next(NetWatch *w) {
        (void) surplus_flows_update(w->surplus);
        if (!w->net->rules)
                return sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        return arm(w, w->net->flows ? SETTLE : LOOK_EVERY);
}

/* 0 = one of them is not there. */
static size_t find_links(const Net *net, unsigned links[static LINKS]) {
        size_t n = 0;

        for (NatFamily i = 0; i < NAT_FAMILY_MAX; i++)
                for (size_t k = 0; k < net->uplinks[i].n; k++)
                        links[n++] = if_nametoindex(net->uplinks[i].list[k]);
        links[n++] = if_nametoindex(net->host->config->tap);
        for (size_t i = 0; i < n; i++)
                if (links[i] == 0) {
                        memset(links, 0, n * sizeof(*links));
                        return 0;
                }
        return n;
}

/* Follows the uplinks. true: they were others, so that something may have been dropped that matters
 * now. */
static bool filter_events(NetWatch *w) {
        unsigned links[LINKS] = {};
        size_t n = find_links(w->net, links);
        int r;

        if (!w->events || memcmp(links, w->links, sizeof(links)) == 0)
                return false;
        r = rtnl_events_filter(w->fd, links, n);
        if (r < 0)
                log_debug_errno(r, "cannot filter network events, receiving all of them: %m");
        memcpy(w->links, links, sizeof(links));
        return true;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        NetWatch *w = userdata;
        bool moved;

        if (w->due > 0)
                w->looked = 0;
        w->due = 0;
        moved = w->net->network_moved;
        look(w);
        return moved ? net_watch_update(w) : arm_for_next(w);
}

static int look_soon(NetWatch *w, usec_t delay) {
        usec_t due = usec_add(now_usec(CLOCK_MONOTONIC), delay);

        /* A continuous flow of events must not postpone it. */
        if (!w->net->rules || (w->due > 0 && w->due <= due))
                return 0;
        w->due = due;
        return arm(w, delay);
}

void net_watch_on_route(NetWatch *w, void (*fn)(void *userdata), void *userdata) {
        w->on_route = fn;
        w->userdata = userdata;
}

void net_watch_wait(NetWatch *w) {
        if (!w->net->waits_for_route || !w->events)
                return;
        memset(w->links, 0, sizeof(w->links));
        if (rtnl_events_filter(w->fd, w->links, 0) < 0)
                log_debug("network events cannot be received from all interfaces");
}

static void look_for_route(NetWatch *w) {
        char uplink[1][IFNAMSIZ];

        if (!w->net->waits_for_route || !w->on_route ||
            (net_default_uplinks(w->net->rtnl, AF_INET, uplink, 1) <= 0 &&
             net_default_uplinks(w->net->rtnl, AF_INET6, uplink, 1) <= 0))
                return;
        w->net->waits_for_route = false;
        w->on_route(w->userdata);
}

/* The content does not matter, because the check that follows sees everything; neither do lost
 * events. */
static int on_event(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        NetWatch *w = userdata;

        rtnl_events_drain(fd);
        w->net->network_moved = true;
        net_conditions_stale(w->net, CONDITIONS_LINKS | CONDITIONS_SETTINGS);
        look_for_route(w);
        return look_soon(w, SETTLE);
}

static int on_nft_event(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        NetWatch *w = userdata;

        if (nft_events_drain(fd) == 0)
                return 0;
        net_conditions_stale(w->net, CONDITIONS_NFT);
        return look_soon(w, SETTLE_NFT);
}

const char *net_watch_waits_for(const NetWatch *w) {
        return w->waits_for;
}

void net_watch_soon(NetWatch *w) {
        if (!w->net->rules)
                return;
        w->looked = 0;
        (void) arm(w, 0);
}

int net_watch_update(NetWatch *w) {
        if (!w->net->rules || !filter_events(w))
                return arm_for_next(w);
        w->net->network_moved = true;
        return arm(w, SETTLE);
}

static int listen_to_links(NetWatch *w, sd_event *event) {
        int r;

        w->fd = rtnl_events_open();
        if (w->fd < 0)
                return w->fd;
        r = sd_event_add_io(event, &w->events, w->fd, EPOLLIN, on_event, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->events, "net-events");
        net_conditions_told(w->net, CONDITIONS_LINKS | CONDITIONS_SETTINGS);
        return 0;
}

static int listen_to_nft(NetWatch *w, sd_event *event) {
        int r;

        w->nft_fd = nft_events_open();
        if (w->nft_fd < 0)
                return w->nft_fd;
        r = sd_event_add_io(event, &w->nft_events, w->nft_fd, EPOLLIN, on_nft_event, w);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->nft_events, "nft-events");
        net_conditions_told(w->net, CONDITIONS_NFT);
        return 0;
}

static void listen_to_kernel(NetWatch *w, sd_event *event) {
        int r = listen_to_links(w, event);

        if (r < 0)
                log_debug_errno(r, "no network events, polling instead: %m");
        r = listen_to_nft(w, event);
        if (r < 0)
                log_debug_errno(r, "no events of nf_tables, polling instead: %m");
}

int net_watch_new(sd_event *event, Net *net, NetWatch **ret) {
        _cleanup_(net_watch_freep) NetWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        w->fd = w->nft_fd = -EBADF;
        w->net = net;
        r = sd_event_add_time(event, &w->timer, CLOCK_MONOTONIC, 0, LOOK_ACCURACY, on_timer, w);
        if (r >= 0)
                r = sd_event_source_set_enabled(w->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(w->timer, "net-watch");
        r = retry_new(event, "net-watch-retry", look, w, &w->retry);
        if (r >= 0)
                r = surplus_flows_new(event, net, &w->surplus);
        if (r < 0)
                return r;
        listen_to_kernel(w, event);
        *ret = TAKE_PTR(w);
        return 0;
}

NetWatch *net_watch_free(NetWatch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        sd_event_source_disable_unref(w->events);
        sd_event_source_disable_unref(w->nft_events);
        retry_free(w->retry);
        surplus_flows_free(w->surplus);
        free(w->waits_for);
        safe_close(w->fd);
        safe_close(w->nft_fd);
        free(w);
        return NULL;
}
