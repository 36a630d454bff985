/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keep.c - leaves with umld-init what the next umld needs to go on as if it were this one.
 *
 * After each change that matters the whole state is written into a new file in memory, and
 * replaces the one before in umld-init's store: the next umld never sees half of it. What is not
 * there it finds by looking: the steps of the set-up do nothing else. */

#include <fcntl.h>
#include <stdio.h>

#include "basic/log.h"
#include "daemon/base/timer.h"
#include "daemon/guest/parts.h"
#include "daemon/host/adopt.h"
#include "daemon/net/adopt.h"

/* After what else there is to do: a starting guest waits for nothing of this. */
#define KEEP_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 10)

/* How long umld-init waits for a successor that we execute, whatever AdoptTimeout= says. */
#define EXECUTING_MIN (10 * USEC_PER_SEC)

/* An umld-init that somebody has stopped reads nothing for long. */
#define AGAIN_AFTER (100 * USEC_PER_MSEC)

static void save_verdicts(const Past *p, const SavedText *t) {
        char key[48];

        for (int i = 0; i < VERDICT_MAX; i++)
                if (p->restarts_by[i] > 0) {
                        snprintf(key, sizeof(key), "past.restarts.%s",
                                 verdict_to_string((Verdict) i));
                        saved_put_number(t, key, p->restarts_by[i]);
                }
}

static void save_latencies(const Latencies *l, const SavedText *t) {
        char key[32];

        for (size_t i = 0; i < ARRAY_SIZE(l->counts); i++)
                if (l->counts[i] > 0) {
                        snprintf(key, sizeof(key), "latency.%zu", i);
                        saved_put_number(t, key, l->counts[i]);
                }
        saved_put_number(t, "latency.sum", l->sum);
}

static void save_history(const History *h, const SavedText *t) {
        char key[32];

        for (size_t i = 0; i < h->n; i++) {
                const HistorySample *s = history_get(h, i);

                snprintf(key, sizeof(key), "history.%zu", i);
                saved_putf(t, key, "%u %u %u %u", s->when, s->memory, s->received, s->sent);
        }
}

static void save_past(const Past *p, const SavedText *t) {
        const LastExit *e = &p->last_exit;

        save_latencies(&p->latencies, t);
        save_history(&p->history, t);

        saved_put_number(t, "past.announced", p->announced);
        saved_put_number(t, "past.restarts", p->restarts);
        save_verdicts(p, t);
        saved_put_number(t, "past.down", p->down);
        saved_put_number(t, "past.adopted", p->adopted);
        saved_put_number(t, "past.reexecs", p->reexecs);
        saved_put_number(t, "past.quick-deaths", p->deaths.quick);
        saved_put_number(t, "past.delay", p->delay);
        saved_put_number(t, "past.failed-boots", p->boots.failed);
        saved_put_number(t, "past.fallback", p->boots.active);
        saved_put(t, "past.fallback-why", p->fallback_why);
        if (e->verdict == VERDICT_NONE)
                return;
        saved_put(t, "last.verdict", verdict_to_string(e->verdict));
        saved_put(t, "last.detail", e->detail);
        saved_put_number(t, "last.when", e->when);
}

static void save_boot(const Guest *g, const SavedText *t) {
        saved_put_number(t, "boot.ready", g->boot.phase >= BOOT_READY);
        saved_put_number(t, "boot.said-ready", g->boot.said_ready);
        saved_put_number(t, "boot.leaving", (uint64_t) g->boot.leaving);
        saved_put_number(t, "boot.dying", g->boot.dying);
        saved_put(t, "config.start", g->boot.text ?: g->config->text);
        saved_put(t, "config", g->config->text);
        saved_put_number(t, "config.fallback", g->config->in_fallback);
        saved_put_number(t, "config.unconfirmed", g->reload.trial || g->reload.taken_back);
        if (!g->reload.trial)
                return;
        saved_put(t, "trial", g->reload.trial->next->text);
        saved_put_moment(t, "trial.until", &g->reload.trial->until);
}

static void save_stop(const Guest *g, const SavedText *t) {
        saved_put_number(t, "stop.asked", (uint64_t) g->stop.asked);
        if (g->boot.phase != BOOT_STOPPING)
                return;
        saved_put(t, "stop.step", g->stop.name);
        saved_put_number(t, "stop.began", g->stop.began);
        saved_put_number(t, "stop.due", g->stop.due);
        saved_put(t, "stop.why", g->stop.why);
}

static void save_state(const Guest *g, const SavedText *t) {
        saved_put(t, "name", g->config->name);
        saved_put(t, "state", guest_state_to_string(g->state));
        saved_put(t, "state.why", g->why);
        saved_put_moment(t, "state.since", &g->since);
        saved_put(t, "wanted", guest_wanted_to_string(g->wanted));
        if (g->state == GUEST_BACKOFF)
                saved_put_moment(t, "next-start", &g->next_start);
        save_stop(g, t);
        saved_put_number(t, "executing", g->keep.executing);
}

int guest_write_state(Guest *g, Keeper *k) {
        _cleanup_(saved_done) SavedText t = {};
        int r = saved_begin(&t);

        if (r < 0)
                return r;
        save_state(g, &t);
        save_past(&g->past, &t);
        save_boot(g, &t);
        if (g->boot.process)
                r = guest_process_save(g->boot.process, &t, k);
        else if (g->standby.launched.init > 0)
                r = launched_save(&g->standby.launched, &t);
        if (r < 0)
                return r;
        console_save(g->console, &t, k);
        host_save(g->setup->host, &t, k);
        net_save(g->setup->net, &t);
        proxies_save(g->proxies, &t, k);
        if (g->listener.save)
                g->listener.save(&t, g->listener.userdata);
        if (g->keep.mounts_fd < 0)
                g->keep.mounts_fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
        keeper_put(k, "lock", g->keep.lock_fd);
        keeper_put(k, "mounts", g->keep.mounts_fd);
        keeper_put(k, "program", g->keep.program_fd);
        return saved_finish(&t, g->setup->host->directory);
}

static int leave(Guest *g) {
        const Config *c = g->config;
        usec_t patience =
                g->keep.executing ? MAX(c->adopt_timeout, EXECUTING_MIN) : c->adopt_timeout;
        Keeper *k = &g->keep.keeper;
        _cleanup_close_ int fd = -EBADF;
        int r;

        keeper_list(k);
        if (patience > 0) { /* else it ends with us, and nothing of it may outlive that */
                fd = guest_write_state(g, k);
                if (fd < 0)
                        return fd;
                keeper_replace(k, "state", fd);
        }
        r = keeper_finish(k, patience, c->stop_timeout);
        if (r >= 0 && g->keep.taking)
                r = store_send(k->socket, STORE_TAKEN, NULL, 0, 0, -EBADF);
        if (r >= 0)
                g->keep.taking = false;
        return r;
}

int guest_keep_now(Guest *g) {
        int r;

        if (!g->keep.on)
                return -ENOENT;
        r = leave(g);
        if (r >= 0) /* nothing has changed since */
                (void) sd_event_source_set_enabled(g->keep.soon, SD_EVENT_OFF);
        if (r == -EAGAIN || r == -ENOBUFS) /* umld-init has not read the last one yet */
                (void) timer_arm(g->keep.later, AGAIN_AFTER);
        else if (r < 0 && r != -ESRCH && r != -EPIPE && r != -ECONNRESET)
                log_warning_errno(r, "cannot keep what another umld would need to take over the "
                                     "guest: %m");
        return r;
}

static int on_soon(sd_event_source *s, void *userdata) {
        (void) guest_keep_now(userdata);
        return 0;
}

static int on_later(sd_event_source *s, uint64_t usec, void *userdata) {
        (void) guest_keep_now(userdata);
        return 0;
}

void guest_keep(Guest *g) {
        if (g->keep.on)
                (void) sd_event_source_set_enabled(g->keep.soon, SD_EVENT_ONESHOT);
}

static int make_sources(Guest *g) {
        int r = 0;

        if (!g->keep.later)
                r = timer_new(g->event, "keep-later", USEC_INFINITY, USEC_PER_MSEC, on_later, g,
                              &g->keep.later);
        if (r < 0 || g->keep.soon)
                return r;
        r = sd_event_add_defer(g->event, &g->keep.soon, on_soon, g);
        if (r >= 0)
                r = sd_event_source_set_priority(g->keep.soon, KEEP_PRIORITY);
        if (r >= 0)
                (void) sd_event_source_set_description(g->keep.soon, "keep");
        return r;
}

/* What the umld-init on standby keeps already it also keeps as that of the boot. */
static int begin_with(Guest *g, const Launched *l) {
        int r = make_sources(g);

        if (r < 0)
                return r;
        if (g->keep.init != l->init)
                keeper_begin(&g->keep.keeper, l->store_fd);
        g->keep.init = l->init;
        g->keep.on = l->store_fd >= 0;
        guest_keep(g);
        return 0;
}

int guest_begin_keep(Guest *g) {
        return begin_with(g, guest_process_containment(g->boot.process));
}

void guest_keep_waiting(Guest *g) {
        int r = g->standby.launched.init > 0 ? begin_with(g, &g->standby.launched) : 0;

        if (r < 0)
                log_debug_errno(r, "nothing is left for another umld until the next start: %m");
}

int guest_forgo_keep(Guest *g) {
        return g->keep.on ? store_send(g->keep.keeper.socket, STORE_TIMES, NULL, 0, 0, -EBADF) : 0;
}

void guest_end_keep(Guest *g) {
        g->keep.on = false;
        g->keep.init = 0;
        if (g->keep.soon)
                (void) sd_event_source_set_enabled(g->keep.soon, SD_EVENT_OFF);
        if (g->keep.later)
                (void) sd_event_source_set_enabled(g->keep.later, SD_EVENT_OFF);
}

void guest_keep_done(Guest *g) {
        g->keep.soon = sd_event_source_disable_unref(g->keep.soon);
        g->keep.later = sd_event_source_disable_unref(g->keep.later);
        g->keep.mounts_fd = safe_close(g->keep.mounts_fd);
        g->keep.program_fd = safe_close(g->keep.program_fd);
        handover_cancel(&g->keep.handover);
        keeper_done(&g->keep.keeper);
        free(g->keep.path);
}
