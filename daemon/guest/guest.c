/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.c - actions of the state table, and requests from people. */

#include "basic/log.h"
#include "daemon/base/notify.h"
#include "daemon/guest/crash.h"
#include "daemon/guest/parts.h"

/* ---- actions ---- */

static void act_announce(Guest *g) {
        guest_disarm_timer(g);
        if (!g->past.announced)
                notify_ready();
        g->past.announced = true;
        guest_enter(g, BOOT_READY);
}

static void act_stop(Guest *g, GuestAsked asked) {
        if (g->wanted == WANTED_DOWN)
                notify_stopping();
        notify_extend_timeout(
                usec_add(g->config->stop_timeout, g->config->drain + 10 * USEC_PER_SEC));
        guest_stop_begin(g, asked);
}

static void act_kill_hung(Guest *g) {
        if (!g->stop.why)
                g->stop.why =
                        strfmt("not ready within %s", FORMAT_TIMESPAN(g->config->start_timeout));
        guest_stop_at_once(g, ASKED_KILL_HUNG);
}

static void count_restart(Guest *g) {
        g->past.restarts++;
        g->past.restarts_by[g->past.last_exit.verdict]++;
}

/* The guest may not have become ready, and have none on standby. */
void guest_wait(Guest *g) {
        net_watch_wait(g->net_watch);
        if (g->boot.phase == BOOT_OVER && g->standby.launched.init == 0)
                (void) guest_make_standby(g);
        guest_keep_waiting(g);
        if (g->past.delay > 0) /* a next start at once does not wait for it */
                (void) guest_keep_now(g);
}

static void act_wait(Guest *g) {
        g->next_start =
                g->past.delay > 0 ? moment_after(CLOCK_MONOTONIC, g->past.delay) : (Moment){};
        if (g->past.last_exit.verdict != VERDICT_STOPPED) /* a requested restart is not counted */
                count_restart(g);
        if (!g->past.announced)
                notify_extend_timeout(usec_add(g->past.delay, 10 * USEC_PER_SEC));
        if (g->past.delay > 0)
                guest_keep_crash(g);
        guest_wait(g);
        guest_arm_timer(g, g->past.delay);
}

void guest_on_route(void *userdata) {
        Guest *g = userdata;

        if (g->state != GUEST_BACKOFF || g->past.delay == 0)
                return;
        log_notice("the host has a default route now: not waiting any longer");
        g->next_start = (Moment){};
        guest_arm_timer(g, 0);
}

static void on_undone(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;
        _cleanup_free_ char *why = TAKE_PTR(g->end_why);

        (void) r; /* what could not be undone has been logged */
        guest_event(g, g->end_event, why ?: "out of memory");
}

/* Nothing more will come. */
static void act_undo(Guest *g, GuestEvent then) {
        notify_stopping();
        g->wanted = WANTED_DOWN;
        guest_disarm_timer(g);
        guest_keep_crash(g);
        guest_drop_reload(g);
        g->disk_check = disk_check_free(g->disk_check);
        g->modules = modules_update_free(g->modules);
        guest_enter(g, BOOT_GONE);
        g->end_event = then;
        setup_run_begin(g->run, SETUP_DOWN, on_undone, g);
}

static void act_finish(Guest *g) {
        int r;

        g->past.last_exit.state = g->state;
        if (g->past.last_exit.verdict != VERDICT_NONE) {
                r = last_exit_write(g->config->name, &g->past.last_exit);
                if (r < 0)
                        log_warning_errno(
                                r, "last-exit: cannot record how the guest ended, ignoring: %m");
        }
        console_clients_end(console_clients(g->console), g->why ?: "");
        g->listener.finished(g->state, g->past.last_exit.verdict, g->listener.userdata);
}

void guest_act(Guest *g, GuestAction action) {
        switch (action) {
        case ACT_PREPARE:
                guest_prepare(g);
                break;
        case ACT_LAUNCH:
                guest_boot(g);
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
                guest_stop_harder(g);
                break;
        case ACT_KILL:
                if (g->boot.process) /* else the host is being undone already */
                        guest_stop_at_once(g, ASKED_KILL);
                break;
        case ACT_KILL_HUNG:
                act_kill_hung(g);
                break;
        case ACT_WAIT:
                act_wait(g);
                break;
        case ACT_UNDO:
                act_undo(g, EV_UNDONE);
                break;
        case ACT_UNDO_FAULT:
                act_undo(g, EV_UNDONE_FAULT);
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

/* ---- requests ---- */

/* While the guest is being adopted, an order waits for the end of that. */
static bool is_put_off(Guest *g, GuestEvent event) {
        if (!g->adopting.from)
                return false;
        g->adopting.ordered = true;
        g->adopting.then = event;
        return true;
}

static int order(Guest *g, GuestEvent event, const char *why) {
        guest_keep(g);
        if (is_put_off(g, event))
                return 1;
        if (guest_fsm(g->state, event).action == ACT_IGNORE)
                return 0;
        guest_event(g, event, why);
        return 1;
}

/* umld will exit with the guest, so for another start both have to be started. */
static bool going_down(const Guest *g) {
        return g->state == GUEST_STOPPING && g->wanted == WANTED_DOWN;
}

int guest_start(Guest *g) {
        if (going_down(g))
                return 0;
        g->wanted = WANTED_UP;
        if (g->state == GUEST_BACKOFF)
                guest_forget_boots(g);
        return order(g, EV_START, "start requested");
}

int guest_stop(Guest *g) {
        g->wanted = WANTED_DOWN;
        guest_follow_hold(g);
        guest_stop_hurry(g); /* what a restart waited for */
        return order(g, EV_STOP, "stop requested");
}

int guest_restart(Guest *g) {
        if (going_down(g))
                return 0;
        g->wanted = WANTED_UP;
        guest_forget_boots(g);
        return order(g, EV_RESTART, "restart requested");
}

int guest_kill(Guest *g) {
        g->wanted = WANTED_DOWN;
        return order(g, EV_KILL, "kill requested");
}
