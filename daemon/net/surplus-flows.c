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
#include "host/link-counters.h"

#define LOOK_MAX (2500 * USEC_PER_MSEC)
#define LOOK_MIN (20 * USEC_PER_MSEC)
/* Entries per second that guests can make at most. */
#define RATE        32768U
#define FRAME_LEAST 54 /* bytes of the tap's for a TCP segment */
#define FRESH_FEW   16 /* a part of its number; a guest that uses less may be about to use more */
#define TELL_AGAIN  (60 * USEC_PER_SEC)
#define FAILURES    3 /* to count or renew the number, then it is given up */

struct SurplusFlows {
        Net *net; /* borrowed */
        sd_event *event;
        sd_event_source *timer;
        FlowWalk *walk;
        bool walking;
        uint64_t settled;  /* entries: the fewest since the last pass; 0 = none was made */
        bool pressing;     /* the host's quarter is about to be needed */
        usec_t looked;     /* CLOCK_MONOTONIC */
        uint64_t used;     /* new TCP connections since the guest was last allowed more */
        uint64_t made;     /* and those before it, since the last pass */
        unsigned failures; /* to count them, in succession */
        uint64_t bytes;    /* of the tap until that, if connections are not counted */
        IpAddress guest[NAT_FAMILY_MAX], host[NAT_FAMILY_MAX]; /* on the tap, during a pass */
        unsigned open[NAT_FAMILY_MAX];                         /* those that it has come across */
        unsigned forgotten;                                    /* since it was last said */
        usec_t told;                                           /* CLOCK_MONOTONIC */
};

/* ---- when ---- */

/* The table's part that has to be filled before another pass is made. Guests that have made few
 * entries leave it to those that have made many; and a pass that cannot help, since all the entries
 * are others', is not repeated at once. */
static uint64_t due_at(uint64_t max, uint64_t settled, uint64_t made) {
        uint64_t mark = max / 2 + (made < max / 64 ? max / 16 : 0),
                 more = settled + MAX(max / 32, 1U);

        return settled > 0 && more > mark ? more : mark;
}

bool surplus_is_due(uint64_t count, uint64_t max, uint64_t settled, uint64_t made) {
        return count > due_at(max, settled, made);
}

usec_t surplus_next_look(uint64_t count, uint64_t max, uint64_t settled, uint64_t made) {
        uint64_t due = due_at(max, settled, made);
        uint64_t left = due > count ? MIN(due - count, (uint64_t) UINT32_MAX) : 0;

        usec_t delay = left * USEC_PER_SEC / RATE;

        return delay < LOOK_MIN ? LOOK_MIN : MIN(delay, LOOK_MAX);
}

usec_t fresh_next_look(usec_t since, uint64_t used, uint64_t fresh) {
        usec_t delay = MIN(since, LOOK_MAX) * FRESH_FEW / 2;

        if (fresh == 0)
                return LOOK_MAX;
        if (used > fresh / FRESH_FEW)
                delay = MIN(since, LOOK_MAX) * fresh / used / 2;
        return delay < LOOK_MIN ? LOOK_MIN : MIN(delay, LOOK_MAX);
}

/* ---- how many the guest makes ---- */

/* A number that is used up and not renewed would cut the guest off: better none. */
static int ask_rules(SurplusFlows *s, bool again, uint64_t *ret) {
        Net *net = s->net;
        int r = net->maker.nat.backend->fresh(&net->maker.nat, net->host->config->name, again, ret);

        if (r >= 0 || r == -ENOENT) {
                s->failures = 0;
                return r;
        }
        log_debug_errno(r, "cannot look at the number of the guest's new connections: %m");
        if (++s->failures == FAILURES && net_bars_lacking(net, NAT_WHAT_QUOTA, "nftables", r))
                net->rules_stale = true;
        return r;
}

static void measure(SurplusFlows *s) {
        const Nat *nat = &s->net->maker.nat;
        const Config *c = s->net->host->config;
        LinkCounters link;

        s->used = 0;
        if (nat->backend && nat->backend->fresh)
                (void) ask_rules(s, false, &s->used);
        else if (link_counters_read(c->tap, &link) >= 0) {
                uint64_t bytes = link.received + link.sent;

                s->bytes = MIN(s->bytes, bytes);
                s->made = (bytes - s->bytes) / FRAME_LEAST;
        }
}

/* Allows it as many again, and not more often than necessary. */
static void allow(SurplusFlows *s) {
        uint64_t used;

        if (s->used > s->net->fresh / 4 && ask_rules(s, true, &used) >= 0)
                s->made += used;
}

static void begin_count(SurplusFlows *s) {
        s->bytes += s->made * FRAME_LEAST;
        s->made = 0;
}

/* ---- a pass ---- */

static bool is_among(const ConntrackEnd *end, const IpAddress of[static NAT_FAMILY_MAX]) {
        const IpAddress *a = &end->address;

        return !ip_address_is_any(a) &&
               (ip_address_equal(a, &of[NAT_IPV4]) || ip_address_equal(a, &of[NAT_IPV6]));
}

/* Those that the host itself makes to the guest, for relays and probes, are not limited. One that
 * is established may have been allowed when the guest might have more, with fewer guests beside it:
 * it stays as long as the host can do without its entry. */
static bool is_surplus(const ConntrackFlow *flow, void *userdata) {
        SurplusFlows *s = userdata;

        if (!is_among(&flow->from, s->guest) && !is_among(&flow->reply_from, s->guest))
                return false;
        if (flow->over)
                return true;
        if (s->net->lacking[NET_LACKS_CONNLIMIT] || is_among(&flow->from, s->host))
                return false;
        if (++s->open[flow->family == AF_INET6 ? NAT_IPV6 : NAT_IPV4] <= s->net->connections)
                return false;
        return !flow->assured || s->pressing;
}

/* It may come with a module that is loaded later. */
static void note_list(Net *net, int error) {
        char **lacking = &net->lacking[NET_LACKS_LIST];

        if (error >= 0 && *lacking) {
                log_notice("the host has a list of connections now");
                free(*lacking);
                *lacking = NULL;
        }
        if (*lacking || (error != -EOPNOTSUPP && error != -EPERM))
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
        begin_count(s);
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
        usec_t now = now_usec(CLOCK_MONOTONIC), since = usec_sub(now, s->looked), delay = LOOK_MAX;
        uint64_t max = net_tracked_max();
        unsigned count;
        int r = conntrack_count(&count);

        measure(s);
        s->looked = now;
        if (r >= 0) {
                const bool pressed = s->pressing;

                s->pressing = count > max / 2 + max / 8 + max / 16;
                /* The last pass has left what this one deletes. */
                s->settled = s->pressing && !pressed ? 0 : MIN(s->settled, fewest(count));
                r = surplus_is_due(count, max, s->settled, s->made + s->used) ? begin(s) : 0;
        }
        note_list(s->net, r);
        if (r < 0)
                log_debug_errno(r, "cannot look at the host's table of connections: %m");
        else
                delay = surplus_next_look(count, max, s->settled, s->made + s->used);
        allow(s);
        if (s->walking) /* the next look follows */
                return;
        delay = MIN(delay, fresh_next_look(since, s->used, s->net->fresh));
        (void) arm(s, s->failures > 0 && s->failures < FAILURES ? LOOK_MIN : delay);
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
        bool wanted = s->net->rules && s->net->connections > 0;
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
