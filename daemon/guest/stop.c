/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stop.c - the steps that shut a guest down. */

#include <signal.h>

#include "basic/log.h"
#include "daemon/guest/parts.h"

/* How often the console is checked for the end of a step. */
#define STOP_LOOK (20 * USEC_PER_MSEC)

#define DRAINING "drain" /* before the first step */

typedef struct StopStep {
        const char *name;        /* for log and verdict: "shut down cleanly by NAME" */
        const char *commands[4]; /* for the management console, in this order */
        const char *done; /* text on the console that says it has done all it can; without it the
                             step takes an eighth of StopTimeout */
        int signal;       /* else: to the kernel's main process */
        bool kill;        /* else: to everything */
        bool clean;       /* the guest may shut down by itself */
        unsigned until;   /* the end of its share of StopTimeout, in eighths */
} StopStep;

/* With `noreboot` on its command line ctrl-alt-del is a clean shutdown for systemd, busybox init
 * and OpenRC: they have told their kernel to leave the key to them. If no init has, the kernel
 * would reset at once, without a sync, so umld first asks the kernel. An init that ignores the key
 * leaves the magic keys: sync, remount read-only, power off, which work with any. The kernel
 * performs the first two asynchronously, and the last one would overtake them, so up to an eighth
 * of the timeout is spent waiting for their completion. SIGTERM ends a UML kernel at once and
 * without a sync. */
enum {
        STEP_ASK,
        STEP_CAD,
        STEP_REMOUNT,
        STEP_OFF,
        STEP_TERM,
        STEP_KILL,
};

static const StopStep steps[] = {
        [STEP_ASK] = { .name = "asking who handles ctrl-alt-del",
                       .clean = true,
                       .commands = { "proc sys/kernel/ctrl-alt-del" },
                       .until = 1 },
        [STEP_CAD] = { .name = "ctrl-alt-del", .commands = { "cad" }, .clean = true, .until = 4 },
        [STEP_REMOUNT] = { .name = "sysrq s, u",
                           .commands = { "sysrq s", "sysrq u" },
                           .clean = true,
                           .done = "Emergency Remount complete",
                           .until = 5 },
        [STEP_OFF] = { .name = "sysrq o", .commands = { "sysrq o" }, .clean = true, .until = 6 },
        [STEP_TERM] = { .name = "SIGTERM", .signal = SIGTERM, .until = 7 },
        [STEP_KILL] = { .name = "SIGKILL", .kill = true, .until = 8 },
};

/* Without a reply ctrl-alt-del is not sent, because it may be a reset. */
static size_t next_step(size_t index) {
        return index == STEP_ASK ? STEP_REMOUNT : index + 1;
}

/* Chooses the step after this one, depending on the reply to its commands; index itself: the reply
 * does not tell. */
static size_t answered_step(size_t index, const char *answer) {
        if (index != STEP_ASK)
                return index;
        if (streq(answer, "0"))
                return STEP_CAD;
        return isempty(answer) ? index : STEP_REMOUNT; /* the first datagram is an empty line */
}

/* The current one, NULL after the last one. */
static const StopStep *current_step(const Guest *g) {
        return g->stop.step < ARRAY_SIZE(steps) ? &steps[g->stop.step] : NULL;
}

const char *guest_stop_name(const Guest *g) {
        const StopStep *step = current_step(g);

        return step ? step->name : steps[STEP_KILL].name;
}

bool guest_stop_is_clean(const Guest *g) {
        const StopStep *step = current_step(g);

        return step && step->clean;
}

/* -ENOTCONN and the like: this step is not possible with this guest now; continue with the next. */
static int carry_out(const StopStep *step, GuestProcess *p) {
        if (step->kill) {
                guest_process_kill(p);
                return 0;
        }
        if (step->signal)
                return guest_process_signal(p, step->signal);
        for (size_t i = 0; step->commands[i]; i++) {
                int r = guest_process_command(p, step->commands[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* Takes the first possible step from g->stop.step on, and sets the timer for the next one. */
static void take_step(Guest *g) {
        const usec_t eighth = g->config->stop_timeout / 8;

        for (;; g->stop.step = next_step(g->stop.step)) {
                const StopStep *step = current_step(g);
                usec_t now, due;
                int r;

                if (!step) { /* even SIGKILL does not help: keep waiting */
                        guest_arm_timer(g, USEC_PER_SEC);
                        return;
                }
                r = carry_out(step, g->boot.process);
                if (r < 0) {
                        log_debug_errno(r, "stop by %s is not possible: %m", step->name);
                        continue;
                }
                log_info("stop: %s", step->name);
                g->stop.name = step->name;
                guest_keep(g);
                now = now_usec(CLOCK_MONOTONIC);
                due = g->stop.began + eighth * step->until;
                g->stop.due = step->done ? now + eighth : MAX(due, now + eighth);
                guest_arm_timer(g, MIN(g->stop.due - now, step->done ? STOP_LOOK : USEC_INFINITY));
                return;
        }
}

static void begin_steps(Guest *g, GuestAsked asked) {
        g->stop.asked = asked;
        g->stop.step = 0;
        g->stop.began = now_usec(CLOCK_MONOTONIC);
        take_step(g);
}

/* ---- before the first step of a restart ---- */

void guest_stop_hurry(Guest *g) {
        unsigned left;

        if (!g->stop.drain)
                return;
        left = drain_left(g->stop.drain);
        if (left > 0)
                log_notice("stop: %u connection%s cut off", left, left == 1 ? " is" : "s are");
        g->stop.drain = drain_free(g->stop.drain);
        begin_steps(g, ASKED_STOP);
}

static void on_drained(void *userdata) {
        guest_stop_hurry(userdata);
}

/* Clients with connections lose nothing by the wait, and new ones are held meanwhile. */
static bool waits_for_clients(const Guest *g, GuestAsked asked) {
        return asked == ASKED_STOP && g->wanted == WANTED_UP && g->boot.phase == BOOT_READY &&
               g->config->drain > 0;
}

static int wait_for_clients(Guest *g) {
        int r = drain_new(g->event, g->config, on_drained, g, &g->stop.drain);

        if (r < 0)
                return r;
        log_info("stop: established connections may finish within %s",
                 FORMAT_TIMESPAN(g->config->drain));
        g->stop.name = DRAINING;
        g->stop.due = usec_add(now_usec(CLOCK_MONOTONIC), g->config->drain);
        guest_arm_timer(g, g->config->drain);
        return 0;
}

void guest_stop_begin(Guest *g, GuestAsked asked) {
        const bool waits = waits_for_clients(g, asked);

        guest_enter(g, BOOT_STOPPING); /* the stop has a timeout of its own */
        if (!waits || wait_for_clients(g) < 0)
                begin_steps(g, asked);
}

void guest_stop_harder(Guest *g) {
        const StopStep *step = current_step(g);
        usec_t left = usec_sub(g->stop.due, now_usec(CLOCK_MONOTONIC));

        if (g->stop.drain) {
                guest_stop_hurry(g);
                return;
        }
        if (step && step->done && left > 0 && !strstr(console_tail(g->console), step->done)) {
                guest_arm_timer(g, MIN(left, STOP_LOOK));
                return;
        }
        if (step)
                g->stop.step = next_step(g->stop.step);
        take_step(g);
}

void guest_stop_answer(Guest *g, const char *answer) {
        size_t next;

        if (g->boot.phase != BOOT_STOPPING || g->stop.drain)
                return;
        next = answered_step(g->stop.step, answer);
        if (next == g->stop.step)
                return;
        g->stop.step = next;
        take_step(g);
}

void guest_stop_at_once(Guest *g, GuestAsked asked) {
        g->stop.asked = asked;
        guest_enter(g, BOOT_KILLED);
        guest_disarm_timer(g);
        guest_process_kill(g->boot.process);
}

/* ---- as the next umld ---- */

static size_t find_step(const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
                if (streq(steps[i].name, name))
                        return i;
        return STEP_ASK;
}

/* The reply to a question may have come to our predecessor. */
static void resume_step(Guest *g) {
        const StopStep *step = current_step(g);
        usec_t left = usec_sub(g->stop.due, now_usec(CLOCK_MONOTONIC));

        if (g->stop.step == STEP_ASK)
                (void) carry_out(step, g->boot.process);
        guest_arm_timer(g, MIN(left, step->done ? STOP_LOOK : USEC_INFINITY));
}

static void resume_drain(Guest *g) {
        usec_t left = usec_sub(g->stop.due, now_usec(CLOCK_MONOTONIC));

        if (drain_new(g->event, g->config, on_drained, g, &g->stop.drain) < 0)
                begin_steps(g, ASKED_STOP);
        else
                guest_arm_timer(g, left);
}

bool guest_resume_stop(Guest *g, const Saved *s) {
        const char *name = saved_get(s, "stop.step");
        const uint64_t asked = saved_number(s, "stop.asked", ASKED_NOTHING);

        if (!name)
                return false;
        guest_enter(g, BOOT_STOPPING);
        g->stop.asked = asked <= ASKED_STOP_SICK ? (GuestAsked) asked : ASKED_STOP;
        g->stop.began = saved_number(s, "stop.began", 0);
        g->stop.due = saved_number(s, "stop.due", 0);
        saved_text(s, "stop.why", &g->stop.why);
        if (streq(name, DRAINING)) {
                g->stop.name = DRAINING;
                resume_drain(g);
                return true;
        }
        g->stop.step = find_step(name);
        g->stop.name = guest_stop_name(g);
        resume_step(g);
        return true;
}
