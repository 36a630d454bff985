/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-adopt.c - held connections while umld is replaced by its successor.
 *
 * The kernel drops what waits in a queue when the socket is closed that is bound to it. So the
 * socket is handed over, with the list of what waits; packets that come meanwhile stay in the
 * socket. Of those that were recorded before the guest ended (hold-record.h) the clients send again
 * by themselves. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/log.h"
#include "daemon/base/timer.h"
#include "daemon/net/hold-parts.h"

#define QUEUE "hold-queue"
#define STATE "hold-state"

#define HELD "held" /* in the state, */
#define GATE "gate" /* and what is early */

static void save_held(const HeldList *l, bool early, const SavedText *t) {
        size_t n = 0;
        char key[24];

        for (size_t i = 0; i < l->n; i++) {
                const Held *e = &l->list[i];

                if (e->recorded || e->early != early)
                        continue;
                snprintf(key, sizeof(key), "%s.%zu", early ? GATE : HELD, n++);
                saved_putf(t, key,
                           "%" PRIu32 " %" PRIu32 " %" PRIu64 " %" PRIu64 " %d %u %u %" PRIu64,
                           e->id, e->size, e->flow, e->since, e->family, (unsigned) e->protocol,
                           (unsigned) e->port, e->client);
        }
}

static void save(const Hold *h, const SavedText *t) {
        saved_put_number(t, "total", h->total);
        saved_put_number(t, "dropped", h->dropped);
        saved_put_number(t, "outage", h->outage);
        saved_put_number(t, "outage-dropped", h->outage_dropped);
        saved_put_number(t, "longest", h->longest);
        if (!h->bound)
                return;
        saved_put_number(t, "queue", h->net->hold_queue);
        saved_put_number(t, "phase", (uint64_t) h->phase);
        saved_put_number(t, "entered", h->entered);
        saved_put_number(t, "overdue", h->overdue);
        save_held(&h->held, false, t);
        save_held(&h->held, true, t);
}

int hold_hand_over(Hold *h, const char *directory, Keeper *k) {
        _cleanup_(saved_done) SavedText t = {};
        _cleanup_close_ int fd = -EBADF;
        int r = saved_begin(&t);

        if (r < 0)
                return r;
        hold_end_rests(h, false);
        save(h, &t);
        fd = saved_finish(&t, directory);
        if (fd < 0)
                return fd;
        keeper_put(k, STATE, fd);
        if (h->bound)
                keeper_put(k, QUEUE, nfqueue_fd(h->queue));
        return 0;
}

/* ---- as the successor ---- */

/* An older umld knows nothing of clients, nor of what is early. */
static bool load_one(HeldList *l, const char *text, bool early) {
        unsigned protocol, port;
        Held e = { .early = early };

        if (!text || l->n == HELD_MAX ||
            sscanf(text, "%" SCNu32 " %" SCNu32 " %" SCNu64 " %" SCNu64 " %d %u %u %" SCNu64, &e.id,
                   &e.size, &e.flow, &e.since, &e.family, &protocol, &port, &e.client) < 7)
                return false;
        e.protocol = (uint8_t) protocol;
        e.port = (uint16_t) port;
        l->list[l->n++] = e;
        return true;
}

static void load_held(HeldList *l, bool early, const Saved *s) {
        size_t n = 0;
        char key[24];

        do
                snprintf(key, sizeof(key), "%s.%zu", early ? GATE : HELD, n++);
        while (load_one(l, saved_get(s, key), early));
}

static int take_queue(Hold *h, const Saved *s, int fd) {
        const uint64_t number = saved_number(s, "queue", 0), phase = saved_number(s, "phase", 0);
        int r = number > 0 && number <= UINT16_MAX && phase <= HOLD_READY ? held_list_new(&h->held)
                                                                          : -EBADMSG;

        if (r >= 0)
                r = nfqueue_adopt(fd, (uint16_t) number, hold_packet, h, &h->queue);
        if (r < 0) {
                held_list_done(&h->held);
                return r;
        }
        h->net->hold_queue = (uint16_t) number;
        h->phase = (HoldPhase) phase;
        h->entered = saved_number(s, "entered", now_usec(CLOCK_MONOTONIC));
        h->overdue = saved_flag(s, "overdue");
        h->wanted = h->bound = true;
        load_held(&h->held, false, s);
        load_held(&h->held, true, s);
        held_list_count(&h->held, &h->ports);
        hold_record_probe(h->net);
        r = hold_open_queue(h);
        if (r >= 0)
                r = sd_event_source_set_enabled(h->io, SD_EVENT_ON);
        return r < 0 ? r : timer_arm(h->tick, USEC_PER_MSEC);
}

void hold_take_over(Hold *h, Adoption *a) {
        _cleanup_close_ int state = adoption_take(a, STATE), queue = adoption_take(a, QUEUE);
        _cleanup_(saved_freep) Saved *s = NULL;
        int r = state < 0 ? -ENOENT : saved_read(state, &s);

        if (r < 0)
                return;
        h->total = saved_number(s, "total", 0);
        h->dropped = saved_number(s, "dropped", 0);
        h->outage = (unsigned) saved_number(s, "outage", 0);
        h->outage_dropped = (unsigned) saved_number(s, "outage-dropped", 0);
        h->longest = saved_number(s, "longest", 0);
        if (queue < 0)
                return;
        r = take_queue(h, s, queue);
        if (h->queue)
                (void) TAKE_FD(queue);
        if (r < 0)
                log_debug_errno(r, "cannot take over the held connections: %m");
}
