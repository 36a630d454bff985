/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.c - carries out what the state table says. */

#include <stdio.h>

#include "basic/log.h"
#include "daemon/base/notify.h"
#include "daemon/guest/crash.h"
#include "daemon/guest/parts.h"
#include "daemon/guest/stop.h"
#include "daemon/guest/verdict.h"
#include "host/resident.h"

/* How often a guest's console is looked at for the end of a stop's step. */
#define STOP_LOOK (20 * USEC_PER_MSEC)

static void dispatch(Guest *g, GuestEvent event, const char *why);
static void take_stop_step(Guest *g);

/* ---- state ---- */

static int state_log_level(const Guest *g, GuestState to) {
        bool wished =
                g->last_exit.verdict == VERDICT_STOPPED || g->last_exit.verdict == VERDICT_REBOOT;

        if (to == GUEST_FAILED)
                return LOG_ERR;
        return to == GUEST_BACKOFF && !wished ? LOG_WARNING : LOG_INFO;
}

/* Whoever is attached to the console sees why it is silent, and what comes next. */
static void tell_console(Guest *g, const char *why) {
        _cleanup_free_ char *text = strfmt("%s: %s", guest_state_to_string(g->state), why);

        if (text)
                console_clients_notice(console_clients(g->console), text);
}

void guest_set_state(Guest *g, GuestState to, const char *why) {
        GuestState from = g->state;

        g->state = to;
        g->since = moment_after(CLOCK_BOOTTIME, 0);
        (void) free_and_strdup(&g->why, why);
        log_full(state_log_level(g, to), "%s -> %s: %s", guest_state_to_string(from),
                 guest_state_to_string(to), why);
        tell_console(g, why);
        proxies_set_phase(g->proxies, to == GUEST_RUNNING    ? PROXY_RELAY
                                      : to == GUEST_STOPPING ? PROXY_FINISH
                                                             : PROXY_HOLD);
        g->listener.state_changed(from, to, why, g->listener.userdata);
}

/* ---- the end of a boot ---- */

static void keep_last_exit(Guest *g, Verdict verdict, char *detail) {
        last_exit_set(&g->last_exit, verdict, detail);
}

static void on_ended(void *userdata) {
        Guest *g = userdata;
        usec_t run_time = usec_sub(now_usec(CLOCK_MONOTONIC), guest_process_started(g->process));
        _cleanup_free_ char *why = NULL, *detail = NULL;
        Verdict verdict;
        GuestEvent event;

        guest_memory_end(g->memory);
        guest_unwatch(g);
        g->space = space_watch_free(g->space);
        g->cpu = cpu_watch_free(g->cpu);
        (void) disk_sync_start(g->disk_sync, 0);
        disk_sync_now(g->disk_sync); /* nothing more will come; its next boot does not wait */
        console_finish(g->console);
        if (g->fault.text) {
                verdict = g->fault.verdict;
                detail = TAKE_PTR(g->fault.text);
                event = guest_decide_fault(g, &g->fault);
        } else {
                guest_judge_end(g, &verdict, &detail);
                event = guest_decide(g, verdict, run_time);
        }
        guest_note_crash(g, verdict, detail, run_time);
        g->process = guest_process_free(g->process);
        guest_disarm_timer(g);
        why = strfmt("%s: %s", verdict_to_string(verdict), detail ?: "out of memory");
        console_note_end(g->console, why ?: verdict_to_string(verdict));
        keep_last_exit(g, verdict, TAKE_PTR(detail));
        dispatch(g, event, why ?: verdict_to_string(verdict));
}

/* ---- readiness ---- */

static void become_ready(Guest *g) {
        char why[96];

        if (g->asked != ASKED_NOTHING) /* it is being ended */
                return;
        snprintf(why, sizeof(why), "%s%s after %s", g->config->in_fallback ? "fallback: " : "",
                 g->config->ready == READY_BOOT ? "booted" : "the guest says it is ready,",
                 FORMAT_TIMESPAN(
                         usec_sub(now_usec(CLOCK_MONOTONIC), guest_process_started(g->process))));
        dispatch(g, EV_READY, why);
}

static void on_booted(void *userdata) {
        Guest *g = userdata;

        guest_watch_health(g);
        if (g->config->ready == READY_BOOT || g->guest_said_ready)
                become_ready(g);
}

static void on_message(const char *text, void *userdata) {
        Guest *g = userdata;

        if (g->config->ready != READY_GUEST || !streq(text, "READY=1"))
                return;
        g->guest_said_ready = true;
        if (guest_process_booted(g->process))
                become_ready(g);
}

static void on_answer(const char *text, void *userdata) {
        Guest *g = userdata;
        size_t next;

        if (g->state != GUEST_STOPPING)
                return;
        next = guest_stop_answered(g->stop_step, text);
        if (next == g->stop_step)
                return;
        g->stop_step = next;
        take_stop_step(g);
}

/* ---- actions ---- */

/* Behind a restart: keep what is known of the last boot's end, and mend what somebody did to tap or
 * rules meanwhile. What cannot be mended ends this boot. */
static int on_verify(sd_event_source *s, void *userdata) {
        Guest *g = userdata;

        (void) s;
        guest_keep_crash(g);
        if (!g->process || g->state == GUEST_STOPPING || setup_verify(g->setup, &g->fault) >= 0)
                return 0;
        log_error("%s", g->fault.text ?: "out of memory");
        guest_process_kill(g->process);
        return 0;
}

static int verify_later(Guest *g) {
        int r;

        if (g->verify)
                return sd_event_source_set_enabled(g->verify, SD_EVENT_ONESHOT);
        r = sd_event_add_defer(g->event, &g->verify, on_verify, g);
        if (r >= 0)
                (void) sd_event_source_set_description(g->verify, "host-verify");
        return r;
}

/* Without it the guest runs as well. */
static void watch_disks(Guest *g) {
        int r = disk_sync_start(g->disk_sync, g->config->disk_sync);

        if (r >= 0)
                r = space_watch_new(g->event, g->process, g->setup->host->disk_fds,
                                    ARRAY_SIZE(g->setup->host->disk_fds), &g->space);
        if (r < 0)
                log_warning_errno(r, "cannot watch the guest's disks, going on: %m");
}

/* Without it the guest stays where it is. */
static void watch_cpu(Guest *g) {
        int r = guest_has_one_cpu(g) ? cpu_watch_new(g->event, g->process, &g->cpu) : 0;

        if (r < 0)
                log_warning_errno(r, "cannot watch the guest's CPU, going on: %m");
}

static void act_launch(Guest *g) {
        const GuestProcessListener listener = { .booted = on_booted,
                                                .message = on_message,
                                                .answer = on_answer,
                                                .ended = on_ended,
                                                .userdata = g };
        _cleanup_(fault_done) Fault fault = {};

        if (guest_launch(g, &listener, &fault) < 0) {
                GuestEvent event = guest_decide_fault(g, &fault);

                keep_last_exit(g, fault.verdict, TAKE_PTR(fault.text));
                dispatch(g, event, g->last_exit.detail ?: "cannot start the kernel");
                return;
        }
        (void) verify_later(g);
        guest_memory_begin(g->memory, g->process);
        watch_disks(g);
        watch_cpu(g);
        if (!g->announced)
                notify_extend_timeout(usec_add(g->config->start_timeout, 10 * USEC_PER_SEC));
        guest_arm_timer(g, g->config->start_timeout);
}

static int on_settled(sd_event_source *s, uint64_t usec, void *userdata) {
        (void) s;
        (void) usec;
        (void) userdata;
        resident_trim();
        return 0;
}

/* What follows a start is over soon. Without it umld is a little larger. */
static void settle_later(Guest *g) {
        const usec_t delay = 3 * USEC_PER_SEC, accuracy = USEC_PER_SEC;

        if (!g->settle)
                (void) sd_event_add_time_relative(g->event, &g->settle, CLOCK_MONOTONIC, delay,
                                                  accuracy, on_settled, NULL);
        else if (sd_event_source_set_time_relative(g->settle, delay) >= 0)
                (void) sd_event_source_set_enabled(g->settle, SD_EVENT_ONESHOT);
}

static void act_announce(Guest *g) {
        guest_disarm_timer(g);
        if (!g->announced)
                notify_ready();
        g->announced = true;
        guest_watch_services(g);
        guest_make_standby(g);
        settle_later(g);
}

/* Takes the first step from g->stop_step on that can be taken, and sets the timer for the one after
 * it. */
static void take_stop_step(Guest *g) {
        const usec_t eighth = g->config->stop_timeout / 8;

        for (;; g->stop_step = guest_stop_next(g->stop_step)) {
                const StopStep *step = guest_stop_step(g->stop_step);
                usec_t now, due;
                int r;

                if (!step) { /* even SIGKILL does not help: wait on */
                        guest_arm_timer(g, USEC_PER_SEC);
                        return;
                }
                r = guest_stop_take(step, g->process);
                if (r < 0) {
                        log_debug_errno(r, "stop by %s is not possible: %m", step->name);
                        continue;
                }
                log_info("stop: %s", step->name);
                now = now_usec(CLOCK_MONOTONIC);
                due = g->stop_began + eighth * step->until;
                g->stop_due = step->done ? now + eighth : MAX(due, now + eighth);
                guest_arm_timer(g, MIN(g->stop_due - now, step->done ? STOP_LOOK : USEC_INFINITY));
                return;
        }
}

static void act_stop(Guest *g, GuestAsked asked) {
        if (g->wanted == WANTED_DOWN)
                notify_stopping();
        notify_extend_timeout(usec_add(g->config->stop_timeout, 10 * USEC_PER_SEC));
        g->asked = asked;
        guest_unwatch(g);                      /* the stop has its own patience */
        g->space = space_watch_free(g->space); /* … and a frozen guest cannot shut down */
        g->stop_step = 0;
        g->stop_began = now_usec(CLOCK_MONOTONIC);
        take_stop_step(g);
}

static void act_stop_next(Guest *g) {
        const StopStep *step = guest_stop_step(g->stop_step);
        usec_t left = usec_sub(g->stop_due, now_usec(CLOCK_MONOTONIC));

        if (step && step->done && left > 0 && !strstr(console_tail(g->console), step->done)) {
                guest_arm_timer(g, MIN(left, STOP_LOOK));
                return;
        }
        if (step)
                g->stop_step = guest_stop_next(g->stop_step);
        take_stop_step(g);
}

static void act_kill(Guest *g, int asked) {
        if (asked == ASKED_KILL_HUNG && !g->hung_why)
                g->hung_why =
                        strfmt("not ready within %s", FORMAT_TIMESPAN(g->config->start_timeout));
        g->asked = asked;
        guest_unwatch(g);
        guest_disarm_timer(g);
        guest_process_kill(g->process);
}

static void act_wait(Guest *g) {
        g->next_start =
                g->decided_delay > 0 ? moment_after(CLOCK_MONOTONIC, g->decided_delay) : (Moment){};
        if (g->last_exit.verdict !=
            VERDICT_STOPPED) /* a restart that was ordered is none to count */
                g->restarts++;
        if (!g->announced)
                notify_extend_timeout(usec_add(g->decided_delay, 10 * USEC_PER_SEC));
        if (g->decided_delay > 0)
                guest_keep_crash(g);
        guest_arm_timer(g, g->decided_delay);
}

static void act_finish(Guest *g) {
        int r;

        notify_stopping();
        guest_disarm_timer(g);
        guest_keep_crash(g);
        g->disk_check = disk_check_free(g->disk_check);
        guest_drop_standby(g);
        disk_sync_stop(g->disk_sync);
        (void) setup_down(g->setup);
        g->last_exit.state = g->state;
        if (g->last_exit.verdict != VERDICT_NONE) {
                r = last_exit_write(g->config->name, &g->last_exit);
                if (r < 0)
                        log_warning_errno(r, "last-exit: cannot note how the guest ended, "
                                             "ignoring: %m");
        }
        console_clients_end(console_clients(g->console), g->why ?: "");
        g->listener.finished(g->state, g->last_exit.verdict, g->listener.userdata);
}

static void act(Guest *g, GuestAction action) {
        switch (action) {
        case ACT_PREPARE:
                guest_prepare(g);
                break;
        case ACT_LAUNCH:
                act_launch(g);
                break;
        case ACT_ANNOUNCE:
                act_announce(g);
                break;
        case ACT_STOP:
                act_stop(g, ASKED_STOP);
                break;
        case ACT_STOP_SICK:
                act_stop(g, ASKED_STOP_SICK);
                break;
        case ACT_STOP_NEXT:
                act_stop_next(g);
                break;
        case ACT_KILL:
                act_kill(g, ASKED_KILL);
                break;
        case ACT_KILL_HUNG:
                act_kill(g, ASKED_KILL_HUNG);
                break;
        case ACT_WAIT:
                act_wait(g);
                break;
        case ACT_FINISH:
                act_finish(g);
                break;
        case ACT_IGNORE:
        case GUEST_ACTION_MAX:
        case GUEST_ACTION_INVALID:
                break;
        }
}

static const char *explain_wait(const Guest *g, const char *why, char **buf) {
        if (g->decided_delay == 0)
                return why;
        *buf = strfmt("%s; next start in %s", why, FORMAT_TIMESPAN(g->decided_delay));
        return *buf ?: why;
}

static void dispatch(Guest *g, GuestEvent event, const char *why) {
        GuestTransition t = guest_fsm(g->state, event);
        _cleanup_free_ char *buf = NULL;

        if (t.action == ACT_IGNORE)
                return;
        if (t.action == ACT_WAIT)
                why = explain_wait(g, why, &buf);
        if (t.next != g->state)
                guest_set_state(g, t.next, isempty(why) ? "its time has come" : why);
        act(g, t.action);
}

void guest_event(Guest *g, GuestEvent event, const char *why) {
        dispatch(g, event, why);
}

/* ---- orders ---- */

static int order(Guest *g, GuestEvent event, const char *why) {
        if (guest_fsm(g->state, event).action == ACT_IGNORE)
                return 0;
        dispatch(g, event, why);
        return 1;
}

/* umld will end with the guest then: whoever wants it up again has to start both. */
static bool going_down(const Guest *g) {
        return g->state == GUEST_STOPPING && g->wanted == WANTED_DOWN;
}

int guest_start(Guest *g) {
        if (going_down(g))
                return 0;
        g->wanted = WANTED_UP;
        if (g->state == GUEST_BACKOFF)
                guest_forget_boots(g);
        return order(g, EV_START, "start was asked for");
}

int guest_stop(Guest *g) {
        g->wanted = WANTED_DOWN;
        return order(g, EV_STOP, "stop was asked for");
}

int guest_restart(Guest *g) {
        if (going_down(g))
                return 0;
        g->wanted = WANTED_UP;
        guest_forget_boots(g);
        return order(g, EV_RESTART, "restart was asked for");
}

int guest_kill(Guest *g) {
        g->wanted = WANTED_DOWN;
        return order(g, EV_KILL, "power cut was asked for");
}
