/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.c - one boot of a guest: its kernel is started, boots, and ends. */

#include "daemon/base/notify.h"
#include "daemon/guest/crash.h"
#include "daemon/guest/parts.h"

enum {
        WORDS_AT_ONCE = 4, /* about its shutdown, from one boot */
};

/* ---- readiness ---- */

static void on_booted(void *userdata) {
        Guest *g = userdata;

        if (g->boot.phase != BOOT_LAUNCHED) /* it is being stopped */
                return;
        guest_enter(g, BOOT_ANSWERS);
        if (g->boot.said_ready)
                guest_become_ready(g);
}

static void take_ready(Guest *g) {
        if (g->config->ready != READY_GUEST)
                return;
        g->boot.said_ready = true;
        guest_keep(g);
        if (g->boot.phase == BOOT_ANSWERS)
                guest_become_ready(g);
}

/* The first words of a boot have an effect at once, later ones only now and then: a guest cannot
 * make umld bind its queue and leave it all the time. */
static bool is_heard(Guest *g) {
        const usec_t now = now_usec(CLOCK_MONOTONIC);
        const usec_t pause = MAX(g->config->hold_timeout, USEC_PER_SEC);

        if (g->boot.words >= WORDS_AT_ONCE && now < usec_add(g->boot.last_word, pause))
                return false;
        g->boot.words++;
        g->boot.last_word = now;
        return true;
}

/* Its services are about to end, long before its kernel does. */
static void take_leaving(Guest *g, Leaving leaving) {
        if (!is_heard(g))
                return;
        g->boot.leaving = leaving;
        guest_keep(g);
        hold_leave_again(g->hold);
        guest_follow_hold(g);
}

static void on_message(const char *text, void *userdata) {
        static const struct {
                const char *text;
                Leaving leaving;
        } leavings[] = {
                { "STOPPING=1", LEAVING_SOMEHOW },
                { "STOPPING=reboot", LEAVING_REBOOT },
                { "STOPPING=poweroff", LEAVING_POWEROFF },
        };

        if (streq(text, "READY=1"))
                take_ready(userdata);
        FOREACH_ELEMENT (l, leavings)
                if (streq(text, l->text))
                        take_leaving(userdata, l->leaving);
}

static void on_dying(void *userdata) {
        Guest *g = userdata;

        g->boot.dying = true;
        guest_keep(g);
        guest_follow_hold(g);
}

/* What umld-init has told of it is left to a successor, too. */
static void on_started(void *userdata) {
        guest_keep(userdata);
}

static void on_answer(const char *text, void *userdata) {
        guest_stop_answer(userdata, text);
}

/* ---- end ---- */

static void on_ended(void *userdata) {
        Guest *g = userdata;
        usec_t run_time =
                usec_sub(now_usec(CLOCK_MONOTONIC), guest_process_started(g->boot.process));
        _cleanup_free_ char *why = NULL, *detail = NULL;
        Verdict verdict;
        GuestEvent event;

        guest_enter(g, BOOT_OVER);
        console_finish(g->console);
        if (g->boot.fault.text) {
                verdict = g->boot.fault.verdict;
                detail = TAKE_PTR(g->boot.fault.text);
                event = guest_decide_fault(g, &g->boot.fault);
        } else {
                guest_judge_end(g, &verdict, &detail);
                event = guest_decide(g, verdict, run_time);
        }
        guest_note_crash(g, verdict, detail, run_time);
        if (restart_is_crash(verdict))
                g->listener.crashed(verdict, detail, g->listener.userdata);
        g->boot.process = guest_process_free(g->boot.process);
        guest_disarm_timer(g);
        why = strfmt("%s: %s", verdict_to_string(verdict), detail ?: "out of memory");
        console_note_end(g->console, why ?: verdict_to_string(verdict));
        last_exit_set(&g->past.last_exit, verdict, TAKE_PTR(detail));
        guest_event(g, event, why ?: verdict_to_string(verdict));
}

/* ---- start ---- */

GuestProcessListener guest_process_listener(Guest *g) {
        return (GuestProcessListener){ .started = on_started,
                                       .booted = on_booted,
                                       .message = on_message,
                                       .answer = on_answer,
                                       .dying = on_dying,
                                       .ended = on_ended,
                                       .userdata = g };
}

void guest_boot(Guest *g) {
        const GuestProcessListener listener = guest_process_listener(g);
        _cleanup_(fault_done) Fault fault = {};

        (void) free_and_strdup(&g->boot.text, g->config->text);
        if (guest_launch(g, &listener, &fault) < 0) {
                GuestEvent event = guest_decide_fault(g, &fault);

                last_exit_set(&g->past.last_exit, fault.verdict, TAKE_PTR(fault.text));
                guest_event(g, event, g->past.last_exit.detail ?: "cannot start the kernel");
                return;
        }
        guest_enter(g, BOOT_LAUNCHED);
        if (!g->past.announced)
                notify_extend_timeout(usec_add(g->config->start_timeout, 10 * USEC_PER_SEC));
        guest_arm_timer(g, g->config->start_timeout);
}
