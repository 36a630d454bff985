/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the files of Guest have for each other, and nobody else: each calls those above it here. */

#include "daemon/guest/guest.h"

/* state.c: has the table of states (fsm.h) answer an event, and g->act do what that says. */
void guest_event(Guest *g, GuestEvent event, const char *why);
/* Changes the state, or the sentence that goes with it; nothing else does. */
void guest_set_state(Guest *g, GuestState to, const char *why);

/* waiting.c: from now on, for as long as this state lasts, what it waits for is told. */
void guest_tell_waits(Guest *g);
void guest_waiting_done(Guest *g);

/* timer.c: EV_TIMER after that time, or never. One timer serves all states: it belongs to the
 * one that is current. */
void guest_arm_timer(Guest *g, usec_t delay);
void guest_disarm_timer(Guest *g);

/* profile.c: notes how a boot ended; true: the next start is the first of the fallback. */
bool guest_note_boot_end(Guest *g, Verdict verdict, usec_t run_time);
/* Somebody wants another try with the normal profile. */
void guest_forget_boots(Guest *g);
/* Before a start: brings the configuration to the profile that it is due. */
void guest_choose_profile(Guest *g);

/* launch.c: starts the kernel, by the umld-init that stands by where it was made for this
 * very start. */
int guest_launch(Guest *g, const GuestProcessListener *listener, Fault *f);
/* Can it do one thing at a time only, and may it keep to one of the host's CPUs for that? */
bool guest_has_one_cpu(const Guest *g);
/* Without one a restart only takes longer. */
int guest_make_standby(Guest *g);
void guest_drop_standby(Guest *g);

/* ready.c: the guest counts as running from now on. */
void guest_become_ready(Guest *g);
/* Waits for its init, where that is what makes it ready. */
int guest_watch_init(Guest *g);
void guest_unwatch_init(Guest *g);

/* watch.c: ends what is not for that phase of a boot, and begins what is. */
void guest_enter(Guest *g, BootPhase to);
/* Restarts what depends on settings that have changed. */
void guest_follow_settings(Guest *g, const Config *before);

/* stop.c: the first step of a shutdown, … */
void guest_stop_begin(Guest *g, GuestAsked asked);
/* Takes the next step, because the time of the current one is over. */
void guest_stop_harder(Guest *g);
/* Takes the next step because of the kernel's reply (escaped text) to the current one. */
void guest_stop_answer(Guest *g, const char *answer);
/* No steps: a power cut. */
void guest_stop_at_once(Guest *g, GuestAsked asked);
/* The step that was reached, and whether it lets the guest shut down by itself. */
const char *guest_stop_name(const Guest *g);
bool guest_stop_is_clean(const Guest *g);

/* end.c: the event for the state table that comes after an end with this verdict … */
GuestEvent guest_decide(Guest *g, Verdict verdict, usec_t run_time);
/* Sends the event for the state table after a fault of the set-up: final unless its cause may go
 * away. */
GuestEvent guest_decide_fault(Guest *g, const Fault *f);
/* How did the boot that just ended end? The caller frees *ret_detail, NULL when memory is out. */
void guest_judge_end(Guest *g, Verdict *ret_verdict, char **ret_detail);

/* boot.c: starts the kernel, and says what becomes of it as events. */
void guest_boot(Guest *g);

/* prepare.c: sets the host up, and says how that went as an event. */
void guest_prepare(Guest *g);

/* apply.c: makes the live settings those of next. On failure all is as it was, or *fault says what
 * is not; -EAGAIN: it cannot be done now, and *fault says what it waits for. */
int guest_apply(Guest *g, const Config *next, Fault *fault);
/* The same with no way back: what cannot be done now is done as soon as it can. */
int guest_apply_in_any_case(Guest *g, const Config *next);

/* reload.c: what is left of a reload that an umld before this one did not see confirmed. */
void guest_find_unconfirmed(Guest *g);
/* Frees what belongs to it. */
void guest_reload_done(Guest *g);
/* Refuses a reload that waits for something. */
void guest_drop_reload(Guest *g);

/* guest.c: does what the state table says. */
void guest_act(Guest *g, GuestAction action);
