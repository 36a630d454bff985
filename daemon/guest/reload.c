/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reload.c - a new configuration for a running guest, for good or on trial.
 *
 * On trial it is taken back unless it is confirmed in time: who has locked himself out of the host
 * has only to wait. What the trial goes back to is what was confirmed last, and until it is over
 * nothing but the confirmation makes a change last; the end of umld or of the host does not either
 * (unconfirmed.h). */

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "conf/changes.h"
#include "daemon/guest/parts.h"
#include "daemon/guest/unconfirmed.h"
#include "daemon/net/forwards.h"
#include "daemon/net/relays.h"
#include "daemon/net/rules.h"

struct Trial {
        Config *before; /* the live settings to go back to, and no others */
        Config *next;   /* what is tried */
        bool later;     /* … with something for the guest's next start */
        Moment until;
        sd_event_source *timer;
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

void guest_drop_trial(Guest *g) {
        g->setup->net->held = NULL;
        g->reload.trial = trial_free(g->reload.trial);
}

usec_t guest_confirm_until(const Guest *g) {
        return g->reload.trial ? moment_realtime(&g->reload.trial->until) : 0;
}

static char *unconfirmed_path(const Guest *g) {
        return umld_path(DIR_STATE, g->config->name, "unconfirmed");
}

/* From now on NAME.conf is what counts again. */
static int forget_unconfirmed(Guest *g) {
        _cleanup_free_ char *path = unconfirmed_path(g);
        int r = path ? unlink_quiet(path) : -ENOMEM;

        if (r >= 0)
                g->reload.taken_back = false;
        return MIN(r, 0);
}

void guest_find_unconfirmed(Guest *g) {
        int r = 0;

        g->reload.taken_back = g->config->held;
        if (!g->reload.taken_back)
                r = forget_unconfirmed(g);
        if (r < 0)
                log_warning_errno(r, "cannot forget what was not confirmed, ignoring: %m");
}

/* ---- live settings ---- */

static void follow_settings(Guest *g, const Config *before) {
        guest_follow_settings(g, before);
        (void) net_watch_update(g->net_watch);
}

/* What cannot be done now is tried until it can. */
static void make_rules_again(Guest *g) {
        _cleanup_(fault_done) Fault fault = {};

        g->setup->net->rules_stale = true;
        if (net_rules_up(g->setup->net, &fault) < 0)
                log_error("cannot put the rules back yet, trying on: %s",
                          fault.text ?: "out of memory");
}

/* Makes the live settings those of next; on failure all is as it was. */
static int apply(Guest *g, const Config *next, Fault *fault) {
        Config before = *g->config;
        bool rules_changed = false;
        int r;

        r = config_copy_live(g->config, next);
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r, "cannot reload: %m");
        if (g->setup->host->is_up) {
                r = net_rules_up(g->setup->net, fault);
                if (r >= 0) {
                        r = net_relays_up(g->setup->net, fault);
                        rules_changed = r < 0;
                }
        }
        if (r < 0) {
                config_drop_live(g->config);
                *g->config = before;
                if (rules_changed)
                        make_rules_again(g);
                return r;
        }
        follow_settings(g, &before);
        config_drop_live(&before);
        return 0;
}

/* The same with no way back. */
static int apply_in_any_case(Guest *g, const Config *next) {
        _cleanup_(fault_done) Fault fault = {};
        Config before = *g->config;
        int r;

        r = config_copy_live(g->config, next);
        if (r < 0)
                return r;
        if (g->setup->host->is_up) {
                make_rules_again(g);
                if (net_relays_up(g->setup->net, &fault) < 0)
                        log_error("%s", fault.text ?: "out of memory");
        }
        follow_settings(g, &before);
        config_drop_live(&before);
        return 0;
}

/* ---- trial ---- */

static int take_back(Guest *g) {
        bool edited = !streq(g->reload.trial->next->text, g->config->text);
        int r = apply_in_any_case(g, g->reload.trial->before);

        if (r < 0)
                return r;
        guest_drop_trial(g);
        g->reload.taken_back = edited;
        if (g->setup->net->rules) /* its ports are others' to have */
                (void) net_forwards_claim(g->setup->net);
        return 0;
}

static int on_not_confirmed(sd_event_source *s, uint64_t usec, void *userdata) {
        Guest *g = userdata;

        (void) usec;
        if (take_back(g) < 0) { /* no memory: again in a moment */
                (void) sd_event_source_set_time_relative(s, USEC_PER_SEC);
                return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        }
        log_warning("the reload was not confirmed in time: all is as it was before it (umlctl "
                    "reload %s applies %s)",
                    g->config->name, g->config->file);
        return 0;
}

/* What g is now, as far as a reload can change it at once. */
static Config *copy_live(const Guest *g) {
        Config *copy = calloc(1, sizeof(*copy));

        return copy && config_copy_live(copy, g->config) >= 0 ? copy : config_free(copy);
}

/* A trial of next, with its clock running. What it goes back to is that of the one before it. */
static int trial_new(Guest *g, usec_t confirm, Trial **ret) {
        _cleanup_(trial_freep) Trial *t = calloc(1, sizeof(*t));
        int r;

        if (!t)
                return -ENOMEM;
        if (!g->reload.trial && !(t->before = copy_live(g)))
                return -ENOMEM;
        t->until = moment_after(CLOCK_MONOTONIC, confirm);
        r = sd_event_add_time_relative(g->event, &t->timer, CLOCK_MONOTONIC, confirm, 1,
                                       on_not_confirmed, g);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(t->timer, "reload-confirm");
        *ret = TAKE_PTR(t);
        return 0;
}

/* The file that makes the trial outlive us says what is on trial now. */
static int note_trial(Guest *g, const Config *next, Fault *fault) {
        _cleanup_free_ char *path = unconfirmed_path(g);
        int r = path ? unconfirmed_write(path, next->text, g->config->text) : -ENOMEM;

        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r,
                                 "%s: cannot note what is to be confirmed: %m",
                                 path ?: "unconfirmed");
        return 0;
}

/* … or what it was before the one that failed. */
static void unnote_trial(Guest *g) {
        _cleanup_(fault_done) Fault fault = {};

        if (g->reload.trial)
                (void) note_trial(g, g->reload.trial->next, &fault);
        else if (!g->reload.taken_back)
                (void) forget_unconfirmed(g);
}

static int reload_on_trial(Guest *g, Config **next, bool later, usec_t confirm, Fault *fault) {
        _cleanup_(trial_freep) Trial *t = NULL;
        int r;

        r = trial_new(g, confirm, &t);
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r, "cannot reload: %m");
        /* First, for umld may die at any moment. */
        r = note_trial(g, *next, fault);
        if (r < 0)
                return r;
        g->setup->net->held = g->reload.trial ? g->reload.trial->before : t->before;
        r = apply(g, *next, fault);
        if (r < 0) {
                unnote_trial(g);
                g->setup->net->held = g->reload.trial ? g->reload.trial->before : NULL;
                return r;
        }
        if (g->reload.trial)
                t->before = TAKE_PTR(g->reload.trial->before);
        trial_free(g->reload.trial);
        t->next = TAKE_PTR(*next);
        t->later = later;
        g->reload.trial = TAKE_PTR(t);
        g->reload.taken_back = false;
        return 0;
}

/* The configuration that counts from now on, whose live settings are in force already. */
static int settle(Guest *g, Config **next, bool later) {
        int r = free_and_strdup(&g->config->text, (*next)->text);

        if (r < 0)
                return r;
        config_free(g->reload.next); /* of an earlier reload */
        g->reload.next = later ? TAKE_PTR(*next) : NULL;
        return forget_unconfirmed(g);
}

int guest_confirm(Guest *g, Fault *fault) {
        int r;

        if (!g->reload.trial)
                return fault_set(fault, VERDICT_USAGE, false, -ENOENT,
                                 g->reload.taken_back
                                         ? "nothing waits to be confirmed: the last change "
                                           "was taken back; umlctl reload %s --confirm=60 "
                                           "tries it again"
                                         : "nothing waits to be confirmed; umlctl reload %s "
                                           "--confirm=60 makes a change that does",
                                 g->config->name);
        r = settle(g, &g->reload.trial->next, g->reload.trial->later);
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r, "cannot confirm: %m");
        guest_drop_trial(g);
        if (g->setup->net->rules)
                (void) net_forwards_claim(g->setup->net);
        log_notice("the reload is confirmed");
        return 0;
}

/* The file is again as it was before the trial: who orders that is not waited for. */
static int reload_during_trial(Guest *g, const Config *next, Fault *fault) {
        int r;

        if (!streq(next->text, g->config->text))
                return fault_set(
                        fault, VERDICT_USAGE, true, -EBUSY,
                        "the last reload waits to be confirmed and is taken back in %s; "
                        "umlctl confirm %s keeps it, reload --confirm=TIME tries another",
                        FORMAT_TIMESPAN(usec_sub(guest_confirm_until(g), now_usec(CLOCK_REALTIME)) /
                                        USEC_PER_SEC * USEC_PER_SEC),
                        g->config->name);
        r = take_back(g);
        if (r >= 0)
                r = forget_unconfirmed(g);
        return r < 0 ? fault_set(fault, VERDICT_EXIT, true, r, "cannot reload: %m") : 0;
}

int guest_reload(Guest *g, Config *config, usec_t confirm, char **ret_later, Fault *fault) {
        _cleanup_(config_freep) Config *next = config;
        _cleanup_free_ char *later = NULL;
        int r;

        if (g->reload.trial && confirm == 0)
                return reload_during_trial(g, next, fault);
        r = config_later_keys(g->config, next, &later);
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r, "cannot reload: %m");
        if (confirm > 0)
                r = reload_on_trial(g, &next, later != NULL, confirm, fault);
        else {
                r = apply(g, next, fault);
                if (r >= 0) {
                        r = settle(g, &next, later != NULL);
                        if (r < 0)
                                (void) fault_set(fault, VERDICT_EXIT, true, r,
                                                 "cannot note that the reload is done: %m");
                }
        }
        if (r >= 0)
                *ret_later = TAKE_PTR(later);
        return r;
}
