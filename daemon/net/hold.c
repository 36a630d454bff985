/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold.c - holds connections to a guest that is not ready, and releases them.
 *
 * A TCP connection is released as soon as a service accepts connections at its port, which umld
 * tries every few milliseconds while something waits for that port. So no client is refused because
 * a guest is up before its services are. Everything else, such as UDP, waits until the guest is
 * ready. */

#include <sys/socket.h>

#include "basic/log.h"
#include "daemon/base/timer.h"
#include "daemon/net/hold-parts.h"

enum {
        SPARE = 256,          /* more that the kernel may queue: those not read yet */
        AT_A_TIME = 8,        /* of those that no port is tried for, before the guest gets time */
        READ_AT_A_TIME = 256, /* packets, then other events have their turn */
};

#define PAUSE      (2 * USEC_PER_MSEC)   /* between those */
#define TRY_EVERY  (3 * USEC_PER_MSEC)   /* at first, */
#define TRY_LATER  (25 * USEC_PER_MSEC)  /* then, */
#define TRY_LATEST (125 * USEC_PER_MSEC) /* and in the end */
#define ACCURACY   (USEC_PER_MSEC / 2)

static usec_t now_here(void) {
        return now_usec(CLOCK_MONOTONIC);
}

static const Config *config_of(const Hold *h) {
        return h->net->host->config;
}

/* ---- may it pass? ---- */

/* The guest can answer nobody, or should not be asked to. */
static bool is_away(HoldPhase phase) {
        return phase == HOLD_WAIT || phase == HOLD_LEAVING;
}

/* A guest that says itself when it is ready is believed. */
static bool waits_for_nothing(const Hold *h) {
        return h->phase == HOLD_OFF ||
               (h->phase == HOLD_READY &&
                (config_of(h)->ready == READY_GUEST ||
                 now_here() >= usec_add(h->entered, config_of(h)->hold_timeout)));
}

static bool may_pass(Hold *h, int family, uint8_t protocol, uint16_t port) {
        const HoldPort *p = hold_port_find(&h->ports, family, port);

        if (waits_for_nothing(h))
                return true;
        if (is_away(h->phase))
                return false;
        if (protocol != IPPROTO_TCP)
                return h->phase == HOLD_READY;
        if (p)
                return p->open || (p->unasked && h->phase == HOLD_READY);
        /* Calls to many closed ports take all slots; the others do not wait for that. */
        return h->phase == HOLD_READY && hold_ports_full(&h->ports);
}

/* Not before those that came earlier for the same port. */
static bool may_pass_at_once(Hold *h, const NfPacket *p) {
        const HoldPort *port = p->protocol == IPPROTO_TCP
                                       ? hold_port_find(&h->ports, p->family, p->destination_port)
                                       : NULL;

        if (p->early)
                return !is_away(h->phase);
        return may_pass(h, p->family, p->protocol, p->destination_port) &&
               (waits_for_nothing(h) || !port || port->held == 0);
}

/* A kernel that runs may not have its address yet, and one that refuses connections from the host
 * may have no route to anybody else. */
static bool guest_answers(const Hold *h) {
        const bool settled =
                h->phase == HOLD_READY && now_here() >= usec_add(h->entered, USEC_PER_SEC);

        if (is_away(h->phase) || waits_for_nothing(h))
                return !is_away(h->phase);
        FOREACH_ELEMENT (p, h->ports.list)
                if (p->open || (settled && p->refused))
                        return true;
        return false;
}

/* ---- the list ---- */

static void give_verdict(Hold *h, uint32_t id, bool accept) {
        int r = nfqueue_verdict(h->queue, id, accept);

        if (r < 0)
                log_debug_errno(r, "cannot pass or drop a held connection: %m");
}

static void count_drop(Hold *h) {
        h->dropped++;
        h->outage_dropped++;
}

/* That one waits no longer. */
static void decide_one(Hold *h, const Held *e, bool accept) {
        if (!accept)
                count_drop(h);
        else
                h->longest = MAX(h->longest, usec_sub(now_here(), e->since));
        if (!e->recorded)
                give_verdict(h, e->id, accept);
        else if (accept)
                hold_record_send(h->record, e->recorded, e->size);
        free(e->recorded);
}

static void arm_tick(Hold *h, usec_t delay) {
        if (timer_arm(h->tick, delay) < 0)
                log_debug("cannot set the timer of held connections");
}

/* Has it the right to pass now? Those that no port is tried for share *max. */
static bool take_turn(Hold *h, const Held *e, size_t *max) {
        HoldPort *p = e->protocol == IPPROTO_TCP && !waits_for_nothing(h)
                              ? hold_port_find(&h->ports, e->family, e->port)
                              : NULL;
        const bool paced = p && !p->unasked;

        if (paced ? p->credit == 0 : *max == 0)
                return false;
        if (paced)
                p->credit--;
        else
                --*max;
        return true;
}

/* Drops those that have waited too long, and lets those pass that may and whose turn it is. true:
 * more may pass. */
static bool decide(Hold *h, size_t max) {
        usec_t now = now_here(), timeout = config_of(h)->hold_timeout;
        size_t kept = 0;
        bool more = false;

        for (size_t i = 0; i < h->held.n; i++) {
                const Held *e = &h->held.list[i];
                const bool pass = !e->early && may_pass(h, e->family, e->protocol, e->port);

                if (pass && take_turn(h, e, &max))
                        decide_one(h, e, true);
                else if (now >= usec_add(e->since, timeout))
                        decide_one(h, e, false);
                else {
                        more |= pass;
                        h->held.list[kept++] = *e;
                }
        }
        if (kept < h->held.n) {
                h->held.n = kept;
                held_list_count(&h->held, &h->ports);
        }
        return more;
}

static void drop(Hold *h, bool early_too) {
        size_t kept = 0;

        for (size_t i = 0; i < h->held.n; i++) {
                const Held *e = &h->held.list[i];

                if (!e->early || early_too)
                        decide_one(h, e, false);
                else
                        h->held.list[kept++] = *e;
        }
        h->held.n = kept;
        held_list_count(&h->held, &h->ports);
}

static usec_t pause_of(const Hold *h) {
        usec_t lasts = usec_sub(now_here(), h->entered);

        if (is_away(h->phase))
                return TRY_LATEST;
        if (lasts < USEC_PER_SEC)
                return TRY_EVERY;
        return lasts < 5 * USEC_PER_SEC ? TRY_LATER : TRY_LATEST;
}

static void hold(Hold *h, const NfPacket *p, void *recorded) {
        HoldPort *port = p->protocol == IPPROTO_TCP && !p->early
                                 ? hold_port_want(&h->ports, p->family, p->destination_port)
                                 : NULL;

        held_list_add(&h->held, p, recorded);
        h->total++;
        h->outage++;
        if (port)
                port->held++;
        if (port && port->held == 1 && !is_away(h->phase) && port->credit == 0)
                hold_port_try(port);
        if (h->held.n == 1)
                arm_tick(h, pause_of(h));
}

/* ---- a packet has come ---- */

void hold_packet(const NfPacket *p, void *userdata) {
        Hold *h = userdata;
        uint32_t surplus;

        if (!h->held.list || /* somebody else's, while a free queue is looked for */
            may_pass_at_once(h, p))
                give_verdict(h, p->id, true);
        else if (p->protocol == IPPROTO_TCP && !p->syn)
                hold_rest(h, p);
        else if (!p->early && held_list_take_place(&h->held, p))
                return;
        else if (held_list_renew(&h->held, p, &surplus)) /* sent once more */
                give_verdict(h, surplus, false);
        else if (held_list_full(&h->held, p->size)) {
                give_verdict(h, p->id, false);
                count_drop(h);
        } else
                hold(h, p, NULL);
}

/* ---- those that were on their way to the guest ---- */

static void on_recorded(const NfPacket *p, const void *data, size_t size, void *userdata) {
        Hold *h = userdata;
        void *copy;

        if (held_list_has(&h->held, nf_packet_flow(p)) || held_list_full(&h->held, size))
                return;
        copy = malloc(size);
        if (copy)
                hold(h, p, memcpy(copy, data, size));
}

/* They came before the others. */
static void hold_recorded(Hold *h) {
        const size_t before = h->held.n;

        hold_record_take(h->record, on_recorded, h);
        held_list_put_first(&h->held, before);
}

/* What the host has not forwarded yet is forwarded now, by the rules of today, and so comes again
 * before its verdict has been given. What does not was dropped by the kernel when a chain of
 * nftables was replaced that it waited behind; only if nothing waits any more has it passed. */
static void open_gate(Hold *h) {
        size_t kept = 0;

        for (size_t i = 0; i < h->held.n; i++)
                if (h->held.list[i].early) {
                        h->held.list[i].passed = true;
                        give_verdict(h, h->held.list[i].id, true);
                }
        (void) nfqueue_read(h->queue, HELD_MAX + SPARE); /* no more can be in the queue by now */
        for (size_t i = 0; i < h->held.n; i++) {
                const Held *e = &h->held.list[i];

                if (!e->passed)
                        h->held.list[kept++] = *e;
                else if (waits_for_nothing(h))
                        h->longest = MAX(h->longest, usec_sub(now_here(), e->since));
                else
                        count_drop(h);
        }
        h->held.n = kept;
        held_list_count(&h->held, &h->ports);
}

/* Something in the guest can answer from now on. */
static void begin_release(Hold *h) {
        hold_recorded(h);
        open_gate(h);
}

/* What passes, because its port is open already, is as much at risk as while nothing is held. */
static void follow_record(Hold *h) {
        hold_record_follow(h->record, h->wanted && (!h->bound || !is_away(h->phase)));
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
        hold_end_rests(h, !is_away(h->phase));
        drop(h, true);
        h->phase = HOLD_OFF; /* what comes meanwhile passes */
        r = nfqueue_unbind(h->queue, &lost);
        if (r < 0)
                log_debug_errno(r, "cannot unbind from the queue of held connections: %m");
        h->dropped += lost;
        h->outage_dropped += (unsigned) lost;
        h->bound = false;
        hold_ports_forget(&h->ports);
        held_list_done(&h->held);
        follow_record(h);
        say_outage(h);
}

static int bind_queue(Hold *h) {
        uint16_t number = h->net->hold_queue;
        int r;

        if (h->bound || number == 0)
                return 0;
        r = held_list_new(&h->held); /* packets may come with the answer */
        if (r < 0)
                return r;
        r = nfqueue_bind(h->queue, number, HELD_MAX + SPARE);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->io, SD_EVENT_ON);
        if (r < 0) {
                held_list_done(&h->held);
                return r;
        }
        h->bound = true;
        log_debug("new connections wait in netfilter queue %u", number);
        return 0;
}

/* Do all forwarded ports accept connections? Then nothing has to wait any more. */
static bool all_open(Hold *h) {
        const Config *c = config_of(h);

        for (size_t i = 0; i < c->n_forwards; i++) {
                const Forward *f = &c->forwards[i];
                const HoldPort *p = hold_port_find(&h->ports, AF_INET, f->guest_first);

                if (f->protocols != FORWARD_TCP || f->host_first != f->host_last || !p || !p->open)
                        return false;
        }
        return true;
}

static bool is_over(Hold *h) {
        return h->held.n == 0 && h->phase == HOLD_READY && (waits_for_nothing(h) || all_open(h));
}

/* Releases what may pass, a few at a time, and comes back when the guest has had time for them. */
static void go_on(Hold *h) {
        bool more = decide(h, AT_A_TIME), tries;
        usec_t end = usec_add(h->entered, config_of(h)->hold_timeout);

        if (guest_answers(h))
                hold_end_rests(h, true);
        if (h->phase == HOLD_LEAVING && now_here() >= end)
                h->overdue = true;
        if (is_over(h) || h->overdue) {
                unbind(h);
                return;
        }
        tries = !is_away(h->phase);
        if (tries)
                hold_ports_try(&h->ports);
        if (tries && h->n_rests > 0)
                hold_try_for_rests(h);
        if (h->held.n > 0 || (tries && h->n_rests > 0))
                arm_tick(h, more ? PAUSE : pause_of(h));
        else if (h->phase == HOLD_READY || h->phase == HOLD_LEAVING)
                arm_tick(h, usec_sub(end, now_here()) + ACCURACY);
}

static void on_opened(void *userdata) {
        go_on(userdata);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        Hold *h = userdata;

        go_on(h);
        return 0;
}

static int on_packets(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Hold *h = userdata;

        (void) nfqueue_read(h->queue, READ_AT_A_TIME);
        return 0;
}

/* ---- for others ---- */

void hold_set_phase(Hold *h, HoldPhase phase) {
        bool was_away;
        int r;

        h->wanted = phase != HOLD_OFF && config_of(h)->hold_connections;
        h->overdue = h->overdue && phase == HOLD_LEAVING;
        if (!config_of(h)->hold_connections || h->overdue || (phase == HOLD_READY && !h->bound))
                phase = HOLD_OFF;
        if (phase == HOLD_OFF) {
                unbind(h);
                h->phase = HOLD_OFF;
                follow_record(h);
                return;
        }
        if (phase == h->phase && h->bound)
                return;
        was_away = is_away(h->phase);
        h->phase = phase;
        h->entered = now_here();
        if (is_away(phase))
                hold_ports_forget(&h->ports);
        r = bind_queue(h);
        h->lost = r == -EBUSY;
        if (r < 0 && r != h->error)
                log_warning_errno(r, "new connections do not wait for the guest: %m");
        h->error = MIN(r, 0);
        follow_record(h);
        if (!h->bound)
                return;
        if (was_away && !is_away(phase))
                begin_release(h);
        go_on(h);
}

void hold_leave_again(Hold *h) {
        h->overdue = false;
}

bool hold_begin_move(Hold *h) {
        if (!h->bound || !is_away(h->phase))
                return false;
        drop(h, false);
        return true;
}

void hold_status(const Hold *h, HoldStatus *ret) {
        *ret = (HoldStatus){ .now = (unsigned) h->held.n,
                             .total = h->total,
                             .dropped = h->dropped };
}

int hold_open_queue(Hold *h) {
        int r = h->queue ? 0 : nfqueue_new(hold_packet, h, &h->queue);

        if (r < 0 || h->io)
                return r;
        r = sd_event_add_io(h->event, &h->io, nfqueue_fd(h->queue), EPOLLIN, on_packets, h);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(h->io, "held-packets");
        return sd_event_source_set_enabled(h->io, SD_EVENT_OFF);
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
        hold_record_free(h->record);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}

int hold_new(sd_event *event, Net *net, Hold **ret) {
        _cleanup_(hold_freep) Hold *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->event = sd_event_ref(event);
        h->net = net;
        h->ports = (HoldPorts){ .event = event, .net = net, .opened = on_opened, .userdata = h };
        r = hold_record_new(event, net, &h->record);
        if (r >= 0)
                r = timer_new(event, "held-connections", USEC_INFINITY, ACCURACY, on_tick, h,
                              &h->tick);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}
