/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shared by the files of Guest only. Each file calls those above it here. */

#include "daemon/guest/guest.h"

/* A reload that has to be confirmed. Written by reload.c alone. */
struct Trial {
        Config *before; /* the live settings to restore, and no others */
        Config *next;   /* what is tried */
        bool later;     /* it has changes for the guest's next start */
        Moment until;
        sd_event_source *timer;
};

/* state.c: looks up an event in the table of states (fsm.h), and has g->act perform the action. */
void guest_event(Guest *g, GuestEvent event, const char *why);
/* The only function that changes the state or its text. */
void guest_set_state(Guest *g, GuestState to, const char *why);

/* keep.c: what a successor needs to adopt the guest is left with its umld-init, now, or with
 * guest_keep() (guest.h). */
int guest_keep_now(Guest *g);
int guest_begin_keep(Guest *g);
/* While the guest waits for its next start: with the umld-init on standby, if there is one. */
void guest_keep_waiting(Guest *g);
/* Until the next time that something is kept, that one dies with umld: the next umld must not take
 * it for one on standby that has begun to start a kernel. */
int guest_forgo_keep(Guest *g);
/* A file in memory with the state; the descriptors that belong to it are listed. */
int guest_write_state(Guest *g, Keeper *k);
void guest_end_keep(Guest *g);
void guest_keep_done(Guest *g);

/* waiting.c: reports what the guest is waiting for, until this state ends. */
void guest_tell_waits(Guest *g);
void guest_waiting_done(Guest *g);

/* hold.c: after each change of the state, of the phase, and of settings. */
void guest_follow_hold(Guest *g);

/* saved-config.c: a configuration that the predecessor had. */
int guest_saved_config(const Guest *g, const Saved *s, const char *key, Config **ret);

/* timer.c: sends EV_TIMER after that time. There is one timer for all states, and it belongs to the
 * current one. */
void guest_arm_timer(Guest *g, usec_t delay);
void guest_disarm_timer(Guest *g);

/* watch.c: what is known of the host's memory and disks, for the conditions. */
void guest_tell_stocks(HostFacts *f, void *userdata);

/* profile.c: records how a boot ended; true: the fallback begins with the next start. */
bool guest_note_boot_end(Guest *g, Verdict verdict, usec_t run_time);
/* A request for another attempt with the normal profile. */
void guest_forget_boots(Guest *g);
/* Before a start: switches the configuration to the profile to be used. */
void guest_choose_profile(Guest *g);

/* launch.c: starts the kernel, by the umld-init on standby if that was created for the same command
 * line. */
int guest_launch(Guest *g, const GuestProcessListener *listener, Fault *f);
/* Does the guest have one CPU, and may its processes be kept on one CPU of the host? */
bool guest_has_one_cpu(const Guest *g);
/* Creates the umld-init of the next start. Without one a restart just takes longer. */
int guest_make_standby(Guest *g);
void guest_drop_standby(Guest *g);

/* ready.c: the guest counts as running from now on. */
void guest_become_ready(Guest *g);
/* Waits for the guest's init, with Ready=boot. */
int guest_watch_init(Guest *g);
void guest_unwatch_init(Guest *g);

/* guest.c: what there is to do while the guest waits for its next start. */
void guest_wait(Guest *g);

/* watch.c: enters a phase of a boot: ends what does not belong to it, and begins what does. */
void guest_enter(Guest *g, BootPhase to);
/* Restarts what depends on changed settings. */
void guest_follow_settings(Guest *g, const Config *before);

/* stop.c: the first step of a shutdown, … */
void guest_stop_begin(Guest *g, GuestAsked asked);
/* Takes the next step after the timeout of the current one. */
void guest_stop_harder(Guest *g);
/* Takes the next step because of the kernel's reply (escaped text) to the current one. */
void guest_stop_answer(Guest *g, const char *answer);
/* Does not wait any longer for connections to finish, and takes the first step. */
void guest_stop_hurry(Guest *g);
/* Kills the guest without any steps, like a power failure. */
void guest_stop_at_once(Guest *g, GuestAsked asked);
/* Goes on with the stop that a predecessor had begun. false: there was none. */
bool guest_resume_stop(Guest *g, const Saved *s);
/* The step that was reached, and whether it lets the guest shut down by itself. */
const char *guest_stop_name(const Guest *g);
bool guest_stop_is_clean(const Guest *g);

/* end.c: the event for the state table after an end with this verdict. */
GuestEvent guest_decide(Guest *g, Verdict verdict, usec_t run_time);
/* The event for the state table after a fault of the set-up: final unless its cause may go away. */
GuestEvent guest_decide_fault(Guest *g, const Fault *f);
/* Determines how the last boot ended. The caller frees *ret_detail, NULL when memory is out. */
void guest_judge_end(Guest *g, Verdict *ret_verdict, char **ret_detail);

/* boot.c: starts the kernel, and sends events about it. */
void guest_boot(Guest *g);
GuestProcessListener guest_process_listener(Guest *g);

/* prepare.c: sets the host up, and sends an event with the result. */
void guest_prepare(Guest *g);

/* apply.c: applies the live settings of next. After a failure nothing has changed, or *fault says
 * what has; -EAGAIN: it cannot be done now, and *fault says what it waits for. */
int guest_apply(Guest *g, const Config *next, Fault *fault);
/* The same, but unconditionally: what cannot be done now is done later. */
int guest_apply_in_any_case(Guest *g, const Config *next);
/* The next start will apply those settings as well; NULL: none. */
void guest_follow_next(Guest *g, const Config *next);

/* reload.c: handles the unconfirmed reload of a previous umld. */
void guest_find_unconfirmed(Guest *g);
/* Goes on with the trial of a predecessor, which ends when it would have ended. */
int guest_resume_trial(Guest *g, const Saved *s);
/* Frees the state of reloads. */
void guest_reload_done(Guest *g);
/* Fails the reload that is waiting for something. */
void guest_drop_reload(Guest *g);

/* guest.c: ends a back-off, which began because there was no default route. */
void guest_on_route(void *userdata);

/* history.c: samples what it uses from now on. */
void guest_begin_history(Guest *g);

/* guest.c: performs an action of the state table. */
void guest_act(Guest *g, GuestAction action);
