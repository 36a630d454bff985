/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.c - a new configuration for a running guest, permanently or on trial.
 *
 * A reload happens completely or not at all: first everything is done that can fail and can be
 * undone (its record, sockets for relays), then the rules are changed, and then what cannot fail.
 * If the rules can be changed neither to the new state nor back, this is reported. What is not
 * possible at the moment, for example because another process holds the xtables lock, is retried
 * for a while, and nothing is changed meanwhile.
 *
 * A trial is reverted unless it is confirmed in time: an administrator who has locked himself out
 * of the host only has to wait. It reverts to what was confirmed last, and until it is over nothing
 * but the confirmation makes a change permanent; the end of umld or of the host does not either
 * (unconfirmed.h). */

#include "api/dirs.h"
#include "basic/child.h"
#include "basic/log.h"
#include "conf/changes.h"
#include "daemon/base/timer.h"
#include "daemon/guest/parts.h"
#include "daemon/guest/unconfirmed.h"
#include "daemon/net/forwards.h"

#define PATIENCE (30 * USEC_PER_SEC)

/* A reload that was ordered, until it is answered. */
struct ReloadRequest {
        Config *next;
        char *text;     /* of it, as the guest's configuration will have it */
        char *later;    /* keys that wait for the guest's next start; NULL: none */
        usec_t confirm; /* 0 = permanently */
        Trial *trial;   /* the trial that it will be, if it is one */
        char *path;     /* STATE/NAME/unconfirmed */
        bool noted;     /* that file contains what is tried; or, for a permanent change, it has been
                           renamed */
        bool durable;   /* that will be so even after a power failure of the host */
        Job *sync;
        bool applied; /* it is done, but for the end of relays that are no longer wanted */
        GuestReloaded done;
        void *userdata;
};

static Trial *trial_free(Trial *t) {
        if (!t)
                return NULL;
        config_free(t->before);
        config_free(t->next);
        sd_event_source_disable_unref(t->timer);
        free(t);
        return NULL;
}

DEFINE_CLEANUP(Trial *, trial_free)

static ReloadRequest *request_free(ReloadRequest *q) {
        if (!q)
                return NULL;
        config_free(q->next);
        trial_free(q->trial);
        job_free(q->sync);
        free(q->text);
        free(q->later);
        free(q->path);
        free(q);
        return NULL;
}
DEFINE_CLEANUP(ReloadRequest *, request_free)

static void drop_trial(Guest *g) {
        g->setup->net->held = NULL;
        g->reload.trial = trial_free(g->reload.trial);
}

usec_t guest_confirm_until(const Guest *g) {
        return g->reload.trial ? moment_realtime(&g->reload.trial->until) : 0;
}

static char *unconfirmed_path(const Guest *g) {
        return umld_path(DIR_STATE, g->config->name, "unconfirmed");
}

/* From now on NAME.conf is in effect again. */
static int forget_unconfirmed(const Guest *g) {
        _cleanup_free_ char *path = unconfirmed_path(g);
        int r = path ? unconfirmed_put_aside(path) : -ENOMEM;

        if (r == 0) /* but there may be what an umld that was killed has put aside */
                (void) unconfirmed_forget(path);
        return r > 0 ? unconfirmed_forget(path) : r;
}

void guest_find_unconfirmed(Guest *g) {
        int r = 0;

        g->reload.taken_back = g->config->held;
        if (!g->reload.taken_back)
                r = forget_unconfirmed(g);
        if (r < 0)
                log_warning_errno(
                        r, "cannot delete the record of the unconfirmed reload, ignoring: %m");
}

/* ---- trial ---- */

/* What was confirmed last is in force again. */
static void taken_back(Guest *g, bool edited) {
        drop_trial(g);
        g->reload.taken_back = edited;
        guest_keep(g);
        if (g->setup->net->rules) /* its ports are free for others */
                (void) net_forwards_claim(g->setup->net);
}

/* Nobody is there to be told that it has to wait. */
static int take_back(Guest *g) {
        int r = guest_apply_in_any_case(g, g->reload.trial->before);

        if (r >= 0)
                taken_back(g, !streq(g->reload.trial->next->text, g->config->text));
        return MIN(r, 0);
}

static int on_not_confirmed(sd_event_source *s, uint64_t usec, void *userdata) {
        Guest *g = userdata;

        if (take_back(g) < 0) { /* out of memory: retry in a moment */
                return timer_arm(s, USEC_PER_SEC);
        }
        log_warning("the reload was not confirmed in time and has been reverted (umlctl reload %s "
                    "applies %s)",
                    g->config->name, g->config->file);
        return 0;
}

/* Copies what a reload can change at once. */
static Config *copy_live(const Config *c) {
        Config *copy = calloc(1, sizeof(*copy));

        return copy && config_copy_live(copy, c) >= 0 ? copy : config_free(copy);
}

/* A trial, whose clock begins to run when it begins. What it goes back to is that of the one before
 * it. */
static int trial_new(Guest *g, bool later, Trial **ret) {
        _cleanup_(trial_freep) Trial *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        if (!g->reload.trial && !(t->before = copy_live(g->config)))
                return -ENOMEM;
        t->later = later;
        r = timer_new(g->event, "reload-confirm", USEC_INFINITY, 1, on_not_confirmed, g, &t->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

static void start_clock(const Trial *t) {
        if (sd_event_source_set_time(t->timer, t->until.at) < 0 ||
            sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT) < 0)
                log_error("cannot set the timer of the trial; umlctl confirm or reload ends it");
}

static void begin_trial(Guest *g, ReloadRequest *q) {
        Trial *t = TAKE_PTR(q->trial);

        if (g->reload.trial)
                t->before = TAKE_PTR(g->reload.trial->before);
        trial_free(g->reload.trial);
        t->next = TAKE_PTR(q->next);
        t->until = moment_after(CLOCK_MONOTONIC, q->confirm);
        start_clock(t);
        g->reload.trial = t;
        g->reload.taken_back = false;
        (void) guest_keep_now(g);
}

/* What it goes back to are the settings of what was confirmed last. */
int guest_resume_trial(Guest *g, const Saved *s) {
        _cleanup_(trial_freep) Trial *t = NULL;
        _cleanup_(config_freep) Config *confirmed = NULL;
        _cleanup_free_ char *later = NULL;
        int r = saved_get(s, "trial") ? trial_new(g, false, &t) : -ENODATA;

        if (r < 0)
                return r == -ENODATA ? 0 : r;
        if ((r = guest_saved_config(g, s, "trial", &t->next)) < 0 ||
            (r = guest_saved_config(g, s, "config", &confirmed)) < 0 ||
            (r = config_later_keys(g->config, t->next, &later)) < 0)
                return r;
        config_free(t->before);
        t->before = copy_live(confirmed);
        if (!t->before)
                return -ENOMEM;
        t->later = later;
        t->until = saved_moment(s, "trial.until", CLOCK_MONOTONIC);
        start_clock(t);
        g->setup->net->held = t->before;
        guest_follow_next(g, t->next);
        g->reload.trial = TAKE_PTR(t);
        g->reload.taken_back = false;
        return 0;
}

/* The file that makes the trial outlive us says what is on trial now: first, for umld may die at
 * any moment. */
static int note_trial(const Guest *g, ReloadRequest *q, Fault *fault) {
        int r = unconfirmed_write(q->path, q->next->text, g->config->text);

        q->noted = r >= 0;
        if (r >= 0)
                r = unconfirmed_sync(q->path, &q->sync);
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r,
                                 "%s: cannot record the unconfirmed reload: %m", q->path);
        return 0;
}

static int wait_for_note(ReloadRequest *q, Fault *fault) {
        int r;

        if (!job_done(q->sync))
                return fault_wait(fault, VERDICT_DISK, job_fd(q->sync),
                                  "the sync of the record of the reload");
        r = MIN(sync_job_result(q->sync, 0), sync_job_result(q->sync, 1));
        q->sync = job_free(q->sync);
        q->durable = r >= 0;
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r,
                                 "%s: cannot record the unconfirmed reload: %m", q->path);
        return 0;
}

/* After a failure, restores the previous content of the file. */
static void unnote_trial(const Guest *g, const ReloadRequest *q) {
        const Trial *t = g->reload.trial;
        int r = 0;

        if (!q->noted)
                return;
        if (t)
                r = unconfirmed_write(q->path, t->next->text, g->config->text);
        else if (!g->reload.taken_back)
                r = forget_unconfirmed(g);
        if (r < 0)
                log_warning_errno(
                        r, "%s: cannot delete the record of a reload that did not happen: %m",
                        q->path);
}

static int reload_on_trial(Guest *g, ReloadRequest *q, Fault *fault) {
        Net *net = g->setup->net;
        int r = 0;

        if (!q->noted)
                r = note_trial(g, q, fault);
        if (r >= 0 && !q->durable)
                r = wait_for_note(q, fault);
        if (r < 0)
                return r;
        net->held = g->reload.trial ? g->reload.trial->before : q->trial->before;
        r = guest_apply(g, q->next, fault);
        if (r < 0)
                net->held = g->reload.trial ? g->reload.trial->before : NULL;
        else
                begin_trial(g, q);
        return r;
}

/* ---- for good ---- */

/* The configuration in effect from now on, whose live settings have already been applied. The next
 * umld knows it before whoever gave the order is told that it is done. */
static void settle(Guest *g, char **text, Config **next, bool later) {
        free(g->config->text);
        g->config->text = TAKE_PTR(*text);
        config_free(g->reload.next); /* of an earlier reload */
        g->reload.next = later ? TAKE_PTR(*next) : NULL;
        g->reload.taken_back = false;
        (void) guest_keep_now(g);
}

static int put_note_aside(ReloadRequest *q, Fault *fault) {
        int r = q->noted ? 0 : unconfirmed_put_aside(q->path);

        q->noted |= r > 0;
        if (r < 0)
                return fault_set(
                        fault, VERDICT_EXIT, true, r,
                        "%s: cannot be removed (%m), and would revert the reload at the next start",
                        q->path);
        return 0;
}

static void forget_note(const ReloadRequest *q) {
        int r = q->noted ? unconfirmed_forget(q->path) : 0;

        if (r < 0)
                log_warning_errno(r, "%s: cannot remove the renamed record, ignoring: %m", q->path);
}

static void put_note_back(const ReloadRequest *q) {
        int r = q->noted ? unconfirmed_put_back(q->path) : 0;

        if (r < 0)
                log_warning_errno(
                        r, "%s: cannot restore the record: %m; the next start will use NAME.conf",
                        q->path);
}

static int reload_for_good(Guest *g, ReloadRequest *q, Fault *fault) {
        int r = put_note_aside(q, fault);

        if (r >= 0)
                r = guest_apply(g, q->next, fault);
        if (r < 0)
                return r;
        settle(g, &q->text, &q->next, q->later);
        forget_note(q);
        return 0;
}

/* The file is the same as before the trial: reloading it needs no confirmation. */
static int reload_during_trial(Guest *g, ReloadRequest *q, Fault *fault) {
        int r;

        if (!streq(q->next->text, g->config->text))
                return fault_set(
                        fault, VERDICT_USAGE, true, -EBUSY,
                        "the last reload is unconfirmed and will be reverted in %s; keep it with "
                        "umlctl confirm %s, or try other changes with reload --confirm=TIME",
                        FORMAT_TIMESPAN(usec_sub(guest_confirm_until(g), now_usec(CLOCK_REALTIME)) /
                                        USEC_PER_SEC * USEC_PER_SEC),
                        g->config->name);
        r = put_note_aside(q, fault);
        if (r >= 0)
                r = guest_apply(g, q->next, fault);
        if (r < 0)
                return r;
        taken_back(g, false);
        forget_note(q);
        return 0;
}

int guest_confirm(Guest *g, Fault *fault) {
        _cleanup_free_ char *text = NULL;
        int r;

        if (!g->reload.trial)
                return fault_set(fault, VERDICT_USAGE, false, -ENOENT,
                                 g->reload.taken_back
                                         ? "nothing to confirm: the last change was reverted; try "
                                           "it again with umlctl reload %s --confirm=60"
                                         : "nothing to confirm; make changes with umlctl reload %s "
                                           "--confirm=60",
                                 g->config->name);
        text = strdup(g->reload.trial->next->text);
        r = text ? forget_unconfirmed(g) : -ENOMEM;
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r,
                                 "cannot confirm, so the reload will be reverted: %m");
        settle(g, &text, &g->reload.trial->next, g->reload.trial->later);
        drop_trial(g);
        if (g->setup->net->rules)
                (void) net_forwards_claim(g->setup->net);
        log_notice("reload confirmed");
        return 0;
}

/* ---- the request ---- */

static int reload(Guest *g, ReloadRequest *q, Fault *fault) {
        if (setup_run_active(g->run))
                return fault_wait(fault, VERDICT_NETWORK, -EBADF, "%s",
                                  setup_run_waits_for(g->run) ?: "the host's set-up");
        if (q->confirm > 0)
                return reload_on_trial(g, q, fault);
        return g->reload.trial ? reload_during_trial(g, q, fault) : reload_for_good(g, q, fault);
}

/* The reload is complete when the ports that the guest has lost are free. */
static int carry_out(Guest *g, ReloadRequest *q, Fault *fault) {
        int r = q->applied ? 0 : reload(g, q, fault);

        if (r < 0)
                return r;
        q->applied = true;
        if ((children_collect() > 0 || proxies_ending(g->proxies) > 0) &&
            retry_waited(g->reload.retry) < PATIENCE)
                return fault_wait(fault, VERDICT_NETWORK, -EBADF, "the relays to end");
        return 0;
}

static void answer(Guest *g, int r, const Fault *fault) {
        _cleanup_(request_freep) ReloadRequest *q = TAKE_PTR(g->reload.request);

        retry_end(g->reload.retry);
        g->setup->net->busy--;
        if (r < 0 && q->confirm > 0)
                unnote_trial(g, q);
        else if (r < 0)
                put_note_back(q);
        q->done(r, r < 0 ? fault->text : q->later, q->userdata);
}

static void give_up(Guest *g, const char *why) {
        _cleanup_(fault_done) Fault fault = {};

        answer(g, fault_set(&fault, VERDICT_NETWORK, true, -ETIMEDOUT, "%s", why), &fault);
}

static void try_request(void *userdata) {
        _cleanup_(fault_done) Fault fault = {};
        _cleanup_free_ char *why = NULL;
        Guest *g = userdata;
        int r = carry_out(g, g->reload.request, &fault);

        if (r != -EAGAIN) {
                answer(g, r, &fault);
                return;
        }
        if (fault.verdict == VERDICT_DISK || retry_waited(g->reload.retry) < PATIENCE) {
                retry_later(g->reload.retry, &fault);
                return;
        }
        why = strfmt("gave up after %s of waiting for %s", FORMAT_TIMESPAN(PATIENCE),
                     fault.text ?: "something");
        give_up(g, why ?: "out of memory");
}

void guest_drop_reload(Guest *g) {
        if (g->reload.request && g->reload.request->applied)
                answer(g, 0, NULL);
        else if (g->reload.request)
                give_up(g, "the guest is being stopped");
}

static int request_new(Guest *g, Config *config, usec_t confirm, GuestReloaded done, void *userdata,
                       ReloadRequest **ret) {
        _cleanup_(request_freep) ReloadRequest *q = calloc(1, sizeof(*q));
        int r;

        if (!q) {
                config_free(config);
                return -ENOMEM;
        }
        *q = (ReloadRequest){ .next = config,
                              .confirm = confirm,
                              .done = done,
                              .userdata = userdata,
                              .text = strdup(config->text),
                              .path = unconfirmed_path(g) };
        r = q->text && q->path ? 0 : -ENOMEM;
        if (r >= 0 && !g->reload.retry)
                r = retry_new(g->event, "reload", try_request, g, &g->reload.retry);
        if (r >= 0 && (confirm > 0 || !g->reload.trial))
                r = config_later_keys(g->config, config, &q->later);
        if (r >= 0 && confirm > 0)
                r = trial_new(g, q->later, &q->trial);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}

void guest_reload(Guest *g, Config *config, usec_t confirm, GuestReloaded done, void *userdata) {
        int r;

        r = request_new(g, config, confirm, done, userdata, &g->reload.request);
        if (r < 0) {
                done(r, "cannot reload: out of memory", userdata);
                return;
        }
        g->setup->net->busy++;
        try_request(g);
}

void guest_reload_done(Guest *g) {
        if (g->reload.trial)
                drop_trial(g);
        guest_drop_reload(g);
        g->reload.retry = retry_free(g->reload.retry);
        g->reload.next = config_free(g->reload.next);
}
