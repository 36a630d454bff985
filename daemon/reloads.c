/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reloads.c - reads the configuration again, and tells who has ordered it how that went. */

#include "daemon/reloads.h"

#include "api/dirs.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/base/notify.h"
#include "daemon/base/timer.h"
#include "daemon/doubts.h"

#define PAUSE (50 * USEC_PER_MSEC)

struct Reloads {
        Guest *guest;          /* borrowed */
        bool under_way, again; /* a signal came meanwhile */
        bool tell;             /* the service manager */
        usec_t confirm;
        BusReloaded done; /* NULL: it was ordered by a signal */
        void *userdata;
        sd_event_source *pause; /* after a signal */
        bool pausing, later;    /* one came during that */
};

static void reload(Reloads *x, usec_t confirm, BusReloaded done, void *userdata);

/* Logs what a successful reload has changed. */
static void log_reloaded(usec_t confirm, const char *later) {
        const char *what = confirm > 0 ? "to be confirmed" : "reloaded";

        if (later)
                log_notice("configuration %s; at the guest's next start: %s", what, later);
        else
                log_info("configuration %s", what);
}

/* Tells who has ordered it how it went. */
static void end_reload(Reloads *x, int r, const char *text) {
        BusReloaded done = TAKE_PTR(x->done);

        if (r < 0)
                log_error("reload failed: %s", text ?: strerror(-r));
        else
                log_reloaded(x->confirm, text);
        if (x->tell)
                notify_ready();
        x->under_way = false;
        if (done)
                done(r, text, x->userdata);
}

static void on_reloaded(int r, const char *text, void *userdata) {
        Reloads *x = userdata;

        end_reload(x, r, text);
        if (x->again) {
                x->again = false;
                reload(x, 0, NULL, NULL);
        }
}

static int load(const Guest *g, Config **ret, char **ret_error) {
        const char *name = g->config->name;
        _cleanup_free_ char *file = umld_config_path(name),
                            *disk = umld_path(DIR_STATE, name, "root.img");

        return file && disk ? config_load(name, file, disk, ret, ret_error) : -ENOMEM;
}

static void reload(Reloads *x, usec_t confirm, BusReloaded done, void *userdata) {
        _cleanup_free_ char *error = NULL;
        Config *config = NULL;
        int r;

        x->under_way = true;
        x->confirm = confirm;
        x->done = done;
        x->userdata = userdata;
        /* Before the guest is ready, and once it is shutting down, READY=1 would be wrong. */
        x->tell = x->guest->past.announced && x->guest->wanted == WANTED_UP;
        if (x->tell)
                notify_reloading();
        r = load(x->guest, &config, &error);
        if (r >= 0)
                log_doubts(config);
        if (r < 0)
                end_reload(x, r, error);
        else
                guest_reload(x->guest, config, confirm, on_reloaded, x);
}

void reloads_order(Reloads *x, usec_t confirm, BusReloaded done, void *userdata) {
        _cleanup_free_ char *why = NULL;

        if (!x->under_way) {
                reload(x, confirm, done, userdata);
                return;
        }
        why = strfmt("another reload is in progress, waiting for %s",
                     guest_waits_for(x->guest) ?: "its end");
        done(-EBUSY, why, userdata);
}

/* Signals without end would otherwise leave no moment for what waits until nothing else is to be
 * done, such as the look whether init lives: those of some time are one order. */
static int carry_out(Reloads *x) {
        x->later = false;
        if (x->under_way)
                x->again = true;
        else
                reload(x, 0, NULL, NULL);
        x->pausing = true;
        return timer_arm(x->pause, PAUSE);
}

static int on_pause_over(sd_event_source *s, uint64_t usec, void *userdata) {
        Reloads *x = userdata;

        x->pausing = false;
        return x->later ? carry_out(x) : 0;
}

int reloads_signal(Reloads *x) {
        x->later = x->pausing;
        return x->pausing ? 0 : carry_out(x);
}

int reloads_new(sd_event *event, Guest *g, Reloads **ret) {
        _cleanup_(reloads_freep) Reloads *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return -ENOMEM;
        x->guest = g;
        r = timer_new(event, "reload-pause", USEC_INFINITY, PAUSE / 10, on_pause_over, x,
                      &x->pause);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(x);
        return 0;
}

void reloads_close(Reloads *x) {
        if (x)
                x->again = false;
}

Reloads *reloads_free(Reloads *x) {
        if (!x)
                return NULL;
        sd_event_source_disable_unref(x->pause);
        free(x);
        return NULL;
}
