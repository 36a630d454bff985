/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold.c - holds connections to a guest that is not ready, and releases them.
 *
 * A TCP connection is released as soon as a service accepts connections at its port, which umld
 * tries every few milliseconds while something waits for that port. So no client is refused because
 * a guest is up before its services are. Everything else, such as UDP, waits until the guest is
 * ready. */

#include "daemon/net/hold.h"
#include <sys/socket.h>

#include "basic/log.h"
#include "daemon/base/timer.h"
#include "daemon/net/hold-port.h"
#include "host/nfqueue.h"

enum {
        HELD_MAX = 1024,      /* packets */
        SPARE = 256,          /* more that the kernel may queue: those not read yet */
        PORTS_MAX = 32,       /* tried at a time */
        AT_A_TIME = 8,        /* released before the guest gets time to accept them */
        READ_AT_A_TIME = 256, /* packets, then other events have their turn */
        BYTES_MAX = 4 << 20,  /* of all that are held */
};

#define PAUSE      (2 * USEC_PER_MSEC)   /* between those */
#define TRY_EVERY  (5 * USEC_PER_MSEC)   /* at first, */
#define TRY_LATER  (25 * USEC_PER_MSEC)  /* then, */
#define TRY_LATEST (125 * USEC_PER_MSEC) /* and in the end */
#define ACCURACY   (USEC_PER_MSEC / 2)

typedef struct Held {
        uint32_t id, size;
        uint64_t flow; /* hash of its ends */
        usec_t since;
        int family;
        uint8_t protocol;
        uint16_t port; /* of the guest */
} Held;

struct Hold {
        sd_event *event;
        Net *net;
        NfQueue *queue;
        sd_event_source *io, *tick;
        HoldPhase phase;
        bool bound;
        bool lost;      /* somebody else was bound to the queue when it was needed */
        usec_t entered; /* the phase */
        Held *list;     /* in the order in which they came; HELD_MAX while bound */
        size_t n, bytes;
        HoldPort ports[PORTS_MAX];
        uint64_t total, dropped;
        unsigned outage, outage_dropped; /* of this outage */
        usec_t longest;
};

static usec_t now_here(void) {
        return now_usec(CLOCK_MONOTONIC);
}

static const Config *config_of(const Hold *h) {
        return h->net->host->config;
}

/* ---- ports ---- */

static void on_opened(void *userdata);

static HoldPort *find_port(Hold *h, int family, uint16_t port) {
        FOREACH_ELEMENT (p, h->ports)
                if (p->family == family && p->port == port)
                        return p;
        return NULL;
}

static HoldPort *find_idle(Hold *h) {
        FOREACH_ELEMENT (p, h->ports)
                if (p->held == 0)
                        return p;
        return NULL;
}

static HoldPort *find_slot(Hold *h) {
        return find_port(h, AF_UNSPEC, 0) ?: find_idle(h);
}

/* NULL: as many ports as possible are being tried; this one is tried when one of them is open. */
static HoldPort *want_port(Hold *h, int family, uint16_t port) {
        HoldPort *p = find_port(h, family, port);

        if (p)
                return p;
        p = find_slot(h);
        if (!p)
                return NULL;
        hold_port_cancel(p);
        *p = (HoldPort){ .family = family, .port = port, .opened = on_opened, .userdata = h };
        return p;
}

static void forget_ports(Hold *h) {
        FOREACH_ELEMENT (p, h->ports) {
                hold_port_cancel(p);
                p->open = false;
        }
}

static IpAddress guest_address(const Hold *h, int family) {
        const Config *c = config_of(h);

        return family == AF_INET6 ? (IpAddress){ .v6 = c->guest_address6 }
                                  : (IpAddress){ .v4 = c->guest_address };
}

static void try_ports(Hold *h) {
        FOREACH_ELEMENT (p, h->ports)
                if (p->held > 0 && !p->open) {
                        IpAddress guest = guest_address(h, p->family);

                        hold_port_try(p, h->event, &guest);
                }
}

/* ---- may it pass? ---- */

/* A guest that says itself when it is ready is believed. */
static bool waits_for_nothing(const Hold *h) {
        return h->phase == HOLD_OFF ||
               (h->phase == HOLD_READY &&
                (config_of(h)->ready == READY_GUEST ||
                 now_here() >= usec_add(h->entered, config_of(h)->hold_timeout)));
}

static bool may_pass(Hold *h, int family, uint8_t protocol, uint16_t port) {
        const HoldPort *p = find_port(h, family, port);

        if (waits_for_nothing(h))
                return true;
        if (h->phase == HOLD_WAIT)
                return false;
        if (protocol != IPPROTO_TCP)
                return h->phase == HOLD_READY;
        if (p)
                return p->open || (p->unasked && h->phase == HOLD_READY);
        /* Calls to many closed ports take all slots; the others do not wait for that. */
        return h->phase == HOLD_READY && !find_slot(h);
}

/* ---- the list ---- */

static void give_verdict(Hold *h, uint32_t id, bool accept) {
        int r = nfqueue_verdict(h->queue, id, accept);

        if (r < 0)
                log_debug_errno(r, "cannot pass or drop a held connection: %m");
}

static void drop(Hold *h, uint32_t id) {
        give_verdict(h, id, false);
        h->dropped++;
        h->outage_dropped++;
}

static void arm_tick(Hold *h, usec_t delay) {
        if (timer_arm(h->tick, delay) < 0)
                log_debug("cannot set the timer of held connections");
}

/* Counts how many packets wait for which port. Ports that have a slot keep it; what is left then
 * goes to the others. */
static void count(Hold *h) {
        h->bytes = 0;
        FOREACH_ELEMENT (p, h->ports)
                p->held = 0;
        for (size_t i = 0; i < h->n; i++) {
                HoldPort *p = find_port(h, h->list[i].family, h->list[i].port);

                h->bytes += h->list[i].size;
                if (p && h->list[i].protocol == IPPROTO_TCP)
                        p->held++;
        }
        for (size_t i = 0; i < h->n; i++) {
                const Held *e = &h->list[i];
                bool known = e->protocol != IPPROTO_TCP || find_port(h, e->family, e->port);
                HoldPort *p = known ? NULL : want_port(h, e->family, e->port);

                if (p)
                        p->held = 1; /* or more: they are waited for alike */
        }
}

/* Drops those that have waited too long, and lets those pass that may, but at most max of these.
 * true: more may pass. */
static bool decide(Hold *h, size_t max) {
        usec_t now = now_here(), timeout = config_of(h)->hold_timeout;
        size_t kept = 0;
        bool more = false;

        for (size_t i = 0; i < h->n; i++) {
                const Held *e = &h->list[i];
                const bool pass = may_pass(h, e->family, e->protocol, e->port);

                if (pass && max > 0) {
                        give_verdict(h, e->id, true);
                        h->longest = MAX(h->longest, usec_sub(now, e->since));
                        max--;
                } else if (now >= usec_add(e->since, timeout))
                        drop(h, e->id);
                else {
                        more |= pass;
                        h->list[kept++] = *e;
                }
        }
        if (kept < h->n) {
                h->n = kept;
                count(h);
        }
        return more;
}

static void drop_all(Hold *h) {
        for (size_t i = 0; i < h->n; i++)
                drop(h, h->list[i].id);
        h->n = 0;
        count(h);
}

static bool is_held(const Hold *h, uint64_t flow) {
        for (size_t i = 0; i < h->n; i++)
                if (h->list[i].flow == flow)
                        return true;
        return false;
}

static usec_t pause_of(const Hold *h) {
        usec_t lasts = usec_sub(now_here(), h->entered);

        if (h->phase == HOLD_WAIT)
                return TRY_LATEST;
        if (lasts < USEC_PER_SEC)
                return TRY_EVERY;
        return lasts < 5 * USEC_PER_SEC ? TRY_LATER : TRY_LATEST;
}

static void hold(Hold *h, const NfPacket *p) {
        HoldPort *port =
                p->protocol == IPPROTO_TCP ? want_port(h, p->family, p->destination_port) : NULL;
        Held *e = &h->list[h->n];

        *e = (Held){ .id = p->id,
                     .size = p->size,
                     .flow = nf_packet_flow(p),
                     .since = now_here(),
                     .family = p->family,
                     .protocol = p->protocol,
                     .port = p->destination_port };
        h->n++;
        h->bytes += e->size;
        h->total++;
        h->outage++;
        if (port)
                port->held++;
        if (port && port->held == 1 && h->phase != HOLD_WAIT) {
                IpAddress guest = guest_address(h, p->family);

                hold_port_try(port, h->event, &guest);
        }
        if (h->n == 1)
                arm_tick(h, pause_of(h));
}

static void on_packet(const NfPacket *p, void *userdata) {
        Hold *h = userdata;

        if (!h->list || /* somebody else's, while a free queue is looked for */
            may_pass(h, p->family, p->protocol, p->destination_port))
                give_verdict(h, p->id, true);
        else if (p->protocol == IPPROTO_TCP && !p->syn)
                /* Part of a connection that died with the guest, which resets it once it is up. */
                give_verdict(h, p->id, h->phase == HOLD_READY);
        else if (is_held(h, nf_packet_flow(p))) /* sent once more */
                give_verdict(h, p->id, false);
        else if (h->n == HELD_MAX || h->bytes + p->size > BYTES_MAX)
                drop(h, p->id);
        else
                hold(h, p);
}

/* ---- the queue ---- */

static void say_outage(Hold *h) {
        char dropped[64] = "";

        if (h->outage_dropped > 0)
                snprintf(dropped, sizeof(dropped), ", and dropped %u", h->outage_dropped);
        if (h->outage > 0 || h->outage_dropped > 0)
                log_notice("held %u connection%s for up to %s%s", h->outage,
                           h->outage == 1 ? "" : "s",
                           FORMAT_TIMESPAN(h->longest / USEC_PER_MSEC * USEC_PER_MSEC), dropped);
        h->outage = h->outage_dropped = 0;
        h->longest = 0;
}

/* Drops what still waits: after this nobody would release it. */
static void unbind(Hold *h) {
        uint64_t lost;
        int r;

        if (!h->bound)
                return;
        (void) sd_event_source_set_enabled(h->tick, SD_EVENT_OFF);
        (void) sd_event_source_set_enabled(h->io, SD_EVENT_OFF);
        drop_all(h);
        h->phase = HOLD_OFF; /* what comes meanwhile passes */
        r = nfqueue_unbind(h->queue, &lost);
        if (r < 0)
                log_debug_errno(r, "cannot unbind from the queue of held connections: %m");
        h->dropped += lost;
        h->outage_dropped += (unsigned) lost;
        h->bound = false;
        forget_ports(h);
        free(h->list);
        h->list = NULL;
        say_outage(h);
}

static int bind_queue(Hold *h) {
        uint16_t number = h->net->hold_queue;
        int r;

        if (h->bound || number == 0)
                return 0;
        h->list = calloc(HELD_MAX, sizeof(*h->list));
        if (!h->list)
                return -ENOMEM;
        h->n = h->bytes = 0; /* packets may come with the answer */
        r = nfqueue_bind(h->queue, number, HELD_MAX + SPARE);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->io, SD_EVENT_ON);
        if (r < 0) {
                free(h->list);
                h->list = NULL;
                return r;
        }
        h->bound = true;
        return 0;
}

/* Do all forwarded ports accept connections? Then nothing has to wait any more. */
static bool all_open(Hold *h) {
        const Config *c = config_of(h);

        for (size_t i = 0; i < c->n_forwards; i++) {
                const Forward *f = &c->forwards[i];
                const HoldPort *p = find_port(h, AF_INET, f->guest_first);

                if (f->protocols != FORWARD_TCP || f->host_first != f->host_last || !p || !p->open)
                        return false;
        }
        return true;
}

static bool is_over(Hold *h) {
        return h->n == 0 && h->phase == HOLD_READY && (waits_for_nothing(h) || all_open(h));
}

/* Releases what may pass, a few at a time, and comes back when the guest has had time for them. */
static void go_on(Hold *h) {
        bool more = decide(h, AT_A_TIME);
        usec_t end = usec_add(h->entered, config_of(h)->hold_timeout);

        if (is_over(h))
                unbind(h);
        else if (more)
                arm_tick(h, PAUSE);
        else if (h->n > 0)
                arm_tick(h, pause_of(h));
        else if (h->phase == HOLD_READY)
                arm_tick(h, usec_sub(end, now_here()) + ACCURACY);
}

static void on_opened(void *userdata) {
        go_on(userdata);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        Hold *h = userdata;

        (void) s;
        (void) usec;
        if (h->phase == HOLD_TRY || h->phase == HOLD_READY)
                try_ports(h);
        go_on(h);
        return 0;
}

static int on_packets(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Hold *h = userdata;

        (void) s;
        (void) fd;
        (void) revents;
        (void) nfqueue_read(h->queue, READ_AT_A_TIME);
        return 0;
}

/* ---- for others ---- */

void hold_set_phase(Hold *h, HoldPhase phase) {
        int r;

        if (!config_of(h)->hold_connections || (phase == HOLD_READY && !h->bound))
                phase = HOLD_OFF;
        if (phase == HOLD_OFF) {
                unbind(h);
                h->phase = HOLD_OFF;
                return;
        }
        if (phase == h->phase && h->bound)
                return;
        h->phase = phase;
        h->entered = now_here();
        if (phase == HOLD_WAIT)
                forget_ports(h);
        r = bind_queue(h);
        h->lost = r == -EBUSY;
        if (r < 0)
                log_warning_errno(r, "new connections do not wait for the guest: %m");
        else if (h->bound)
                go_on(h);
}

void hold_status(const Hold *h, HoldStatus *ret) {
        *ret = (HoldStatus){ .now = (unsigned) h->n, .total = h->total, .dropped = h->dropped };
}

int hold_probe(Hold *h, uint16_t number) {
        uint64_t lost;
        int r = h->bound ? 0 : nfqueue_bind(h->queue, number, 1);

        if (r < 0 || h->bound)
                return r;
        return nfqueue_unbind(h->queue, &lost);
}

bool hold_lost_queue(const Hold *h) {
        return !h->bound && (h->lost || nfqueue_taken(h->queue, h->net->hold_queue));
}

void hold_follow_queue(Hold *h) {
        HoldPhase phase = h->phase;

        h->lost = false;
        if (phase == HOLD_OFF)
                return;
        unbind(h);
        hold_set_phase(h, phase == HOLD_READY ? HOLD_OFF : phase);
}

Hold *hold_free(Hold *h) {
        if (!h)
                return NULL;
        unbind(h);
        sd_event_source_disable_unref(h->io);
        sd_event_source_disable_unref(h->tick);
        nfqueue_free(h->queue);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}

static int listen_to_queue(Hold *h) {
        int r = sd_event_add_io(h->event, &h->io, nfqueue_fd(h->queue), EPOLLIN, on_packets, h);

        if (r < 0)
                return r;
        (void) sd_event_source_set_description(h->io, "held-packets");
        return sd_event_source_set_enabled(h->io, SD_EVENT_OFF);
}

int hold_new(sd_event *event, Net *net, Hold **ret) {
        _cleanup_(hold_freep) Hold *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->event = sd_event_ref(event);
        h->net = net;
        r = nfqueue_new(on_packet, h, &h->queue);
        if (r >= 0)
                r = listen_to_queue(h);
        if (r >= 0)
                r = timer_new(event, "held-connections", USEC_INFINITY, ACCURACY, on_tick, h,
                              &h->tick);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}
