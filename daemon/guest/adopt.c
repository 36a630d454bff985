/* SPDX-License-Identifier: GPL-2.0-or-later */
/* adopt.c - takes over a guest: from an umld that has died, or that has executed us.
 *
 * First what the predecessor had set up on the host is looked at, as at a restart, and then, in one
 * go, everything of the guest itself is taken over; nothing is read from it before. Until then the
 * state is "preparing", and orders wait. If we die meanwhile the guest is an orphan as before.
 *
 * A stop goes on with the step that it had reached, unless umld-init has lost patience and has
 * begun one itself: then it begins again, which does no harm, for a second ctrl-alt-del asks for
 * the same shutdown. A back-off ends when it would have ended. */

#include <stdio.h>

#include "basic/log.h"
#include "daemon/base/notify.h"
#include "daemon/guest/parts.h"
#include "daemon/host/adopt.h"
#include "daemon/net/adopt.h"

/* ---- what is remembered ---- */

static void load_verdicts(Past *p, const Saved *s) {
        char key[48];

        for (int i = 0; i < VERDICT_MAX; i++) {
                snprintf(key, sizeof(key), "past.restarts.%s", verdict_to_string((Verdict) i));
                p->restarts_by[i] = (unsigned) saved_number(s, key, 0);
        }
}

static void load_latencies(Latencies *l, const Saved *s) {
        char key[32];

        for (size_t i = 0; i < ARRAY_SIZE(l->counts); i++) {
                snprintf(key, sizeof(key), "latency.%zu", i);
                l->counts[i] = saved_number(s, key, 0);
        }
        l->sum = saved_number(s, "latency.sum", 0);
}

/* They come in their order. */
static void load_history(History *h, const Saved *s) {
        for (size_t i = 0; i < s->keys.n; i++) {
                HistorySample x;

                if (startswith(s->keys.v[i], "history.") &&
                    sscanf(s->values.v[i], "%u %u %u %u", &x.when, &x.memory, &x.received,
                           &x.sent) == 4)
                        history_put(h, &x);
        }
}

static void load_past(Past *p, const Saved *s) {
        const char *verdict = saved_get(s, "last.verdict"), *detail = saved_get(s, "last.detail");

        /* Whoever waits for this process has heard of readiness only from itself. */
        p->announced = saved_flag(s, "past.announced") && saved_flag(s, "executing");
        p->restarts = (unsigned) saved_number(s, "past.restarts", 0);
        load_verdicts(p, s);
        load_latencies(&p->latencies, s);
        load_history(&p->history, s);
        p->down = saved_number(s, "past.down", 0);
        p->adopted = (unsigned) saved_number(s, "past.adopted", 0);
        p->reexecs = (unsigned) saved_number(s, "past.reexecs", 0);
        p->deaths.quick = (unsigned) saved_number(s, "past.quick-deaths", 0);
        p->delay = saved_number(s, "past.delay", 0);
        p->boots.failed = (unsigned) saved_number(s, "past.failed-boots", 0);
        p->boots.active = saved_flag(s, "past.fallback");
        saved_text(s, "past.fallback-why", &p->fallback_why);
        if (!verdict || verdict_from_string(verdict) < 0)
                return;
        last_exit_set(&p->last_exit, verdict_from_string(verdict), detail ? strdup(detail) : NULL);
        p->last_exit.when = saved_number(s, "last.when", p->last_exit.when);
}

static void load_boot(Guest *g, const Saved *s) {
        uint64_t leaving = saved_number(s, "boot.leaving", LEAVING_NOT);

        g->boot.said_ready = saved_flag(s, "boot.said-ready");
        g->boot.leaving = leaving <= LEAVING_POWEROFF ? (Leaving) leaving : LEAVING_SOMEHOW;
        g->boot.dying = saved_flag(s, "boot.dying");
        saved_text(s, "config.start", &g->boot.text);
}

/* ---- the guest ---- */

static int take_over(Guest *g, Adoption *a) {
        const GuestProcessListener listener = guest_process_listener(g);
        _cleanup_free_ char *notify = strfmt("%s/notify", g->setup->host->sockets);
        const GuestSockets sockets = { .notify = notify,
                                       .clients = g->setup->host->sockets,
                                       .uml_dir = g->setup->host->uml_dir };
        int r = notify ? console_adopt(g->console, a) : -ENOMEM;

        return r < 0 ? r
                     : guest_process_adopt(g->event, a, &sockets, g->setup->host->jail.uid,
                                           &listener, &g->boot.process);
}

static void set_state(Guest *g, GuestState to, const char *why, const Saved *s) {
        Moment since = saved_moment(s, "state.since", CLOCK_BOOTTIME);

        guest_set_state(g, to, why ?: "adopted");
        if (since.at > 0)
                g->since = since;
}

static void set_up(Guest *g, GuestState to, bool executed, const Saved *s) {
        _cleanup_free_ char *why =
                strfmt("%s, guest pid %d", executed ? "taken over by reexec" : "adopted",
                       (int) guest_process_pid(g->boot.process));

        set_state(g, to, why, s);
}

/* A stop that our predecessor was ordered, unless something else has been ordered meanwhile. */
static void recall_stop(Guest *g, const Saved *s) {
        if (!g->adopting.ordered &&
            guest_wanted_from_string(saved_get(s, "wanted") ?: "") == WANTED_DOWN)
                g->wanted = WANTED_DOWN;
}

/* true: a stop goes on. */
static bool resume_stop(Guest *g, const Adoption *a) {
        const Saved *s = a->saved;

        if (a->ending || !saved_get(s, "stop.step"))
                return false;
        recall_stop(g, s);
        g->adopting.resuming = true;
        guest_enter(g, BOOT_LAUNCHED);
        g->adopting.resuming = false;
        set_state(g, GUEST_STOPPING, saved_get(s, "state.why"), s);
        (void) guest_resume_stop(g, s);
        return true;
}

/* Enters the phase that it was in, but for that of a stop. */
static void resume(Guest *g, const Saved *s, bool executed) {
        bool ready = saved_flag(s, "boot.ready");
        usec_t age = usec_sub(now_usec(CLOCK_MONOTONIC), guest_process_started(g->boot.process));

        g->adopting.resuming = true; /* nobody has to wait for a guest that is ready */
        guest_enter(g, BOOT_LAUNCHED);
        if (guest_process_booted(g->boot.process) || ready)
                guest_enter(g, BOOT_ANSWERS);
        if (ready)
                guest_enter(g, BOOT_READY);
        g->adopting.resuming = false;
        if (ready) {
                set_up(g, GUEST_RUNNING, executed, s);
                notify_ready();
                g->past.announced = true;
                return;
        }
        set_up(g, GUEST_BOOTING, executed, s);
        if (!g->past.announced)
                notify_extend_timeout(usec_add(g->config->start_timeout, 10 * USEC_PER_SEC));
        guest_arm_timer(g, MAX(usec_sub(g->config->start_timeout, age), USEC_PER_MSEC));
        if (g->boot.said_ready && g->boot.phase == BOOT_ANSWERS)
                guest_become_ready(g);
}

/* What was to become of it, if it is not being stopped already. */
static void follow_orders(Guest *g, const Saved *s, bool again) {
        uint64_t asked = saved_number(s, "stop.asked", ASKED_NOTHING);
        const char *wanted = saved_get(s, "wanted") ?: "";

        if (asked == ASKED_KILL)
                (void) guest_kill(g);
        else if (guest_wanted_from_string(wanted) == WANTED_DOWN)
                (void) guest_stop(g);
        else if (asked != ASKED_NOTHING || again)
                (void) guest_restart(g);
}

static bool follow_order_of_now(Guest *g) {
        if (!g->adopting.ordered)
                return false;
        g->adopting.ordered = false;
        guest_event(g, g->adopting.then, "as was requested meanwhile");
        return true;
}

GuestState guest_shown_state(const Guest *g, Moment *ret_since) {
        const Saved *s = g->adopting.from && g->adopting.replaced ? g->adopting.from->saved : NULL;
        GuestState state = s ? guest_state_from_string(saved_get(s, "state") ?: "") : g->state;

        if (ret_since)
                *ret_since =
                        s && state >= 0 ? saved_moment(s, "state.since", CLOCK_BOOTTIME) : g->since;
        return state >= 0 ? state : g->state;
}

/* Nothing is lost but the guest's present run. */
static void fail(Guest *g, Adoption *a, int error) {
        g->adopting.replaced = false;
        log_error_errno(error, "cannot take over the guest (%m); ending it, to start it again");
        if (a->socket >= 0)
                (void) store_send(a->socket, STORE_END, NULL, 0, 0, -EBADF);
        proxies_set_phase(g->proxies, PROXY_HOLD);
        g->setup->swept = false;
        g->past.delay = USEC_PER_SEC;
        recall_stop(g, a->saved);
        g->adopting.ordered = false;
        if (g->wanted == WANTED_DOWN)
                guest_event(g, EV_STOP, "it could not be adopted, and was to be stopped");
        else
                guest_event(g, EV_DIED_AGAIN, "it could not be adopted");
}

/* No kernel runs: the umld-init, if there is one, was on standby for the next start. */
static bool is_between_boots(const Adoption *a) {
        return a->init == 0 || !saved_get(a->saved, "kernel.pid");
}

/* The host is looked at again before the start. Our predecessor may have been about to begin that.
 */
static void wait_again(Guest *g, Adoption *a, const Fault *fault) {
        Moment next = saved_moment(a->saved, "next-start", CLOCK_MONOTONIC);

        if (fault->text)
                log_warning("%s", fault->text);
        if (console_adopt(g->console, a) < 0)
                log_warning("console sessions are lost; attach again with umlctl console");
        g->adopting.resuming = true;
        guest_enter(g, BOOT_OVER);
        g->adopting.resuming = false;
        set_state(g, GUEST_BACKOFF, saved_get(a->saved, "state.why"), a->saved);
        g->next_start = next;
        guest_wait(g);
        if (a->socket >= 0)
                (void) store_send(a->socket, STORE_END, NULL, 0, 0, -EBADF);
        guest_arm_timer(g, usec_sub(next.at, now_usec(CLOCK_MONOTONIC)));
        g->adopting.replaced = false;
        (void) follow_order_of_now(g);
}

static void end_with_fault(Guest *g, const Saved *s, Fault *fault) {
        recall_stop(g, s);
        g->adopting.ordered = false;
        log_error("%s", fault->text ?: "out of memory");
        g->boot.fault = *fault;
        *fault = (Fault){};
        guest_process_kill(g->boot.process);
}

static void go_on(Guest *g, const Adoption *a, bool executed) {
        const bool stopping = resume_stop(g, a);

        if (!stopping)
                resume(g, a->saved, executed);
        (void) guest_keep_now(g);
        g->adopting.replaced = false;
        if (!follow_order_of_now(g) && !stopping)
                follow_orders(g, a->saved, a->ending);
}

static void on_looked(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;
        _cleanup_(adoption_freep) Adoption *a = TAKE_PTR(g->adopting.from);
        bool executed = saved_flag(a->saved, "executing");
        int q;

        *(executed ? &g->past.reexecs : &g->past.adopted) += 1;
        if (is_between_boots(a)) {
                wait_again(g, a, fault);
                return;
        }
        q = take_over(g, a);
        if (q < 0) {
                fail(g, a, q);
                return;
        }
        g->boot.set_up = now_usec(CLOCK_MONOTONIC);
        g->keep.taking = true;
        if (r >= 0) {
                go_on(g, a, executed);
                return;
        }
        resume(g, a->saved, executed); /* as after a restart */
        (void) guest_keep_now(g);
        g->adopting.replaced = false;
        end_with_fault(g, a->saved, fault);
}

static void announce(const Adoption *a) {
        if (saved_flag(a->saved, "executing"))
                log_info("taking over the guest from the umld that executed this one");
        else if (is_between_boots(a))
                log_notice("umld has died while the guest waited for its next start: continuing");
        else
                log_notice("the guest's umld has died, but the guest is running: adopting it");
}

void guest_adopt(Guest *g, Adoption *from) {
        _cleanup_(adoption_freep) Adoption *a = from;
        int r = net_adopt(g->setup->net, a->saved);

        if (r >= 0)
                r = host_adopt(g->setup->host, a);
        g->wanted = WANTED_UP;
        if (r < 0) {
                guest_set_state(g, GUEST_PREPARING, "adopting the running guest");
                fail(g, a, r);
                return;
        }
        announce(a);
        hold_take_over(g->hold, a);
        proxies_adopt(g->proxies, a);
        load_past(&g->past, a->saved);
        load_boot(g, a->saved);
        g->setup->swept = true;
        guest_follow_next(g, g->reload.next);
        r = guest_resume_trial(g, a->saved);
        if (r < 0)
                log_warning_errno(
                        r,
                        "the reload on trial stays until it is confirmed or the guest is started "
                        "again: %m");
        g->adopting.replaced = saved_flag(a->saved, "executing");
        g->adopting.from = TAKE_PTR(a);
        guest_set_state(g, GUEST_PREPARING, "adopting the running guest");
        setup_run_begin(g->run, SETUP_ADOPT, on_looked, g);
}
