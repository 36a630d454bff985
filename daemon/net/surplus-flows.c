/* SPDX-License-Identifier: GPL-2.0-or-later */
/* surplus-flows.c - deletes the guest's surplus entries from a table of connections that fills up.
 */

#include <sys/socket.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/net/bars.h"
#include "daemon/net/flow-walk.h"
#include "daemon/net/surplus-flows.h"

#define LOOK_MAX (2500 * USEC_PER_MSEC)
#define LOOK_MIN (20 * USEC_PER_MSEC)
/* Entries per second that guests can make at most. */
#define RATE       32768U
#define TELL_AGAIN (60 * USEC_PER_SEC)

struct SurplusFlows {
        Net *net; /* borrowed */
        sd_event *event;
        sd_event_source *timer;
        FlowWalk *walk;
        bool walking;
        uint64_t settled; /* entries: the fewest since the last pass; 0 = none was made */
        IpAddress guest[NAT_FAMILY_MAX], host[NAT_FAMILY_MAX]; /* on the tap, during a pass */
        unsigned open[NAT_FAMILY_MAX];                         /* those that it has come across */
        unsigned forgotten;                                    /* since it was last said */
        usec_t told;                                           /* CLOCK_MONOTONIC */
};

/* ---- when ---- */

/* The table's part that has to be filled before another pass is made: one that cannot help, since
 * all the entries are others', is not repeated at once. */
static uint64_t due_at(uint64_t max, uint64_t settled) {
        uint64_t mark = max / 2, more = settled + MAX(max / 32, 1U);

        return settled > 0 && more > mark ? more : mark;
}

bool surplus_is_due(uint64_t count, uint64_t max, uint64_t settled) {
        return count > due_at(max, settled);
}

usec_t surplus_next_look(uint64_t count, uint64_t max, uint64_t settled) {
        uint64_t due = due_at(max, settled);
        uint64_t left = due > count ? MIN(due - count, (uint64_t) UINT32_MAX) : 0;

        usec_t delay = left * USEC_PER_SEC / RATE;

        return delay < LOOK_MIN ? LOOK_MIN : MIN(delay, LOOK_MAX);
}

/* ---- a pass ---- */

static bool is_among(const ConntrackEnd *end, const IpAddress of[static NAT_FAMILY_MAX]) {
        const IpAddress *a = &end->address;

        return !ip_address_is_any(a) &&
               (ip_address_equal(a, &of[NAT_IPV4]) || ip_address_equal(a, &of[NAT_IPV6]));
}

/* Those that the host itself makes to the guest, for relays and probes, are not limited. */
static bool is_surplus(const ConntrackFlow *flow, void *userdata) {
        SurplusFlows *s = userdata;

        if (!is_among(&flow->from, s->guest) && !is_among(&flow->reply_from, s->guest))
                return false;
        if (flow->over)
                return true;
        if (s->net->lacking[NET_LACKS_CONNLIMIT] || is_among(&flow->from, s->host))
                return false;
        return ++s->open[flow->family == AF_INET6 ? NAT_IPV6 : NAT_IPV4] > s->net->connections;
}

static void lack(Net *net, int error) {
        char **lacking = &net->lacking[NET_LACKS_LIST];

        if (*lacking)
                return;
        *lacking = strfmt("the host has no list of connections (%s): those that the guest has "
                          "closed may fill its table",
                          strerror(-error));
        if (*lacking)
                log_warning("%s", *lacking);
}

static void tell(SurplusFlows *s, unsigned forgotten) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        s->forgotten += forgotten;
        if (s->forgotten == 0 || (s->told > 0 && now < usec_add(s->told, TELL_AGAIN)))
                return;
        log_info("the host's table of connections is more than half full: %u entries of the guest "
                 "were deleted, most of them closed",
                 s->forgotten);
        s->forgotten = 0;
        s->told = now;
}

/* Never 0, which says that there was no pass. */
static uint64_t fewest(unsigned count) {
        return count > 0 ? count : 1;
}

static void look(SurplusFlows *s);

static void on_walked(int r, void *userdata) {
        SurplusFlows *s = userdata;
        unsigned count;

        s->walking = false;
        s->walk = flow_walk_free(s->walk);
        if (r < 0)
                log_debug_errno(r, "cannot look through the host's tracked connections: %m");
        else
                tell(s, (unsigned) r);
        if (conntrack_count(&count) >= 0)
                s->settled = fewest(count);
        look(s);
}

static int begin(SurplusFlows *s) {
        const Config *c = s->net->host->config;
        int r;

        s->guest[NAT_IPV4] = (IpAddress){ .v4 = c->guest_address };
        s->guest[NAT_IPV6] = (IpAddress){ .v6 = c->guest_address6 };
        s->host[NAT_IPV4] = (IpAddress){ .v4 = c->host_address };
        s->host[NAT_IPV6] = (IpAddress){ .v6 = c->host_address6 };
        memset(s->open, 0, sizeof(s->open));
        r = flow_walk_new(s->event, is_surplus, on_walked, s, &s->walk);
        s->walking = r >= 0;
        return r;
}

/* A look that is not urgent wakes up together with others. */
static int arm(SurplusFlows *s, usec_t delay) {
        int r = sd_event_source_set_time_accuracy(s->timer, delay / 10);

        return r < 0 ? r : timer_arm(s->timer, delay);
}

static void look(SurplusFlows *s) {
        uint64_t max = net_tracked_max();
        unsigned count;
        int r = conntrack_count(&count);

        if (r >= 0) {
                s->settled = MIN(s->settled, fewest(count));
                r = surplus_is_due(count, max, s->settled) ? begin(s) : 0;
        }
        if (r == -EOPNOTSUPP || r == -EPERM)
                lack(s->net, r);
        else if (r < 0)
                log_debug_errno(r, "cannot look at the host's table of connections: %m");
        if (s->net->lacking[NET_LACKS_LIST] || s->walking)
                return;
        (void) arm(s, r < 0 ? LOOK_MAX : surplus_next_look(count, max, s->settled));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        SurplusFlows *s = userdata;

        (void) source;
        (void) usec;
        look(s);
        return 0;
}

/* ---- life ---- */

int surplus_flows_update(SurplusFlows *s) {
        bool wanted = s->net->rules && s->net->connections > 0 && !s->net->lacking[NET_LACKS_LIST];
        int enabled, r = sd_event_source_get_enabled(s->timer, &enabled);

        if (wanted && r >= 0 && (enabled != SD_EVENT_OFF || s->walking))
                return 0;
        s->walk = flow_walk_free(s->walk);
        s->walking = false;
        return wanted ? arm(s, LOOK_MIN) : sd_event_source_set_enabled(s->timer, SD_EVENT_OFF);
}

int surplus_flows_new(sd_event *event, Net *net, SurplusFlows **ret) {
        _cleanup_(surplus_flows_freep) SurplusFlows *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->net = net;
        s->event = sd_event_ref(event);
        r = timer_new(event, "surplus-flows", USEC_INFINITY, LOOK_MIN, on_timer, s, &s->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}

SurplusFlows *surplus_flows_free(SurplusFlows *s) {
        if (!s)
                return NULL;
        sd_event_source_disable_unref(s->timer);
        flow_walk_free(s->walk);
        sd_event_unref(s->event);
        free(s);
        return NULL;
}
