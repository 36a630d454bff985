/* SPDX-License-Identifier: GPL-2.0-or-later */
/* prepare.c - what has to be done before each start of a guest's kernel. */

#include "basic/log.h"
#include "conf/changes.h"
#include "daemon/base/notify.h"
#include "daemon/guest/crash.h"
#include "daemon/guest/log.h"
#include "daemon/guest/parts.h"
#include "daemon/net/addresses.h"
#include "daemon/net/shape.h"

enum {
        DISK_CHECK_STARTS = 10, /* times StartTimeout= */
};

static const char *prepared_text(const Guest *g) {
        return g->config->in_fallback ? "host is set up, for the fallback" : "host is set up";
}

static void fail_preparation(Guest *g, const Fault *fault) {
        GuestEvent event = guest_decide_fault(g, fault);

        last_exit_set(&g->past.last_exit, fault->verdict, fault->text ? strdup(fault->text) : NULL);
        guest_event(g, event, fault->text ?: "out of memory");
}

/* false: it is not necessary, or impossible. */
static bool begin_disk_check(Guest *g, DiskCheckDone done) {
        usec_t limit = DISK_CHECK_STARTS * g->config->start_timeout;
        int r = disk_check_start(g->event, g->setup->host, limit, done, g, &g->disk_check);

        if (r < 0)
                log_warning_errno(r, "cannot check the file system of a disk, continuing: %m");
        if (r <= 0)
                return false;
        guest_keep_crash(g); /* much may change before the next start */
        notify_extend_timeout(usec_add(limit, 10 * USEC_PER_SEC));
        guest_set_state(g, GUEST_PREPARING, "a disk is being checked before the start");
        return true;
}

static void on_modules_undone(const Fault *fault, void *userdata) {
        Guest *g = userdata;

        g->disk_check = disk_check_free(g->disk_check);
        if (fault)
                fail_preparation(g, fault);
        else
                guest_event(g, EV_PREPARED, prepared_text(g));
}

/* If it was killed, the image has changed in part. */
static void on_modules_updated(void *userdata) {
        Guest *g = userdata;

        g->modules = modules_update_free(g->modules);
        if (!begin_disk_check(g, on_modules_undone))
                guest_event(g, EV_PREPARED, prepared_text(g));
}

/* The image has been checked by now, and is free for another program to change it. */
static void update_modules(Guest *g) {
        int r = modules_update_start(g->event, g->setup->host, on_modules_updated, g, &g->modules);

        if (r < 0)
                log_warning_errno(r, "cannot put the modules of the guest's kernel into its image, "
                                     "continuing: %m");
        if (r <= 0) {
                guest_event(g, EV_PREPARED, prepared_text(g));
                return;
        }
        guest_keep_crash(g);
        notify_extend_timeout(usec_add(MODULES_UPDATE_LIMIT, 10 * USEC_PER_SEC));
        guest_set_state(g, GUEST_PREPARING,
                        "the modules of its kernel are being put into its image");
}

static void on_disks_checked(const Fault *fault, void *userdata) {
        Guest *g = userdata;

        g->disk_check = disk_check_free(g->disk_check);
        if (fault)
                fail_preparation(g, fault);
        else
                update_modules(g);
}

static void on_set_up(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;

        if (r < 0) {
                fail_preparation(g, fault);
                return;
        }
        (void) net_watch_update(g->net_watch);
        if (!begin_disk_check(g, on_disks_checked))
                update_modules(g);
}

static void on_rest_undone(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;
        _cleanup_(fault_done) Fault failed = g->boot.fault;

        g->boot.fault = (Fault){};
        fail_preparation(g, &failed);
}

/* The first start, or the first one after everything was undone. If it fails the rules of a tap
 * that is gone must not stay. */
static void on_all_set_up(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;

        g->boot.set_up = now_usec(CLOCK_MONOTONIC);
        if (r >= 0 || !g->setup->net->stray) {
                on_set_up(r, fault, g);
                return;
        }
        g->boot.fault = *fault;
        *fault = (Fault){};
        guest_enter(g, BOOT_GONE);
        setup_run_begin(g->run, SETUP_DOWN, on_rest_undone, g);
}

static void on_swept(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;

        (void) r; /* what could not be undone has been logged */
        if (g->setup->host->is_up)
                setup_run_begin(g->run, SETUP_BEFORE, on_set_up, g);
        else
                setup_run_begin(g->run, SETUP_ALL, on_all_set_up, g);
}

static void set_up(Guest *g) {
        guest_choose_profile(g);
        g->next_start = (Moment){};
        free(g->stop.why);
        g->stop = (Stop){};
        g->boot.said_ready = g->boot.dying = false;
        g->boot.leaving = LEAVING_NOT;
        g->boot.words = 0;
        g->boot.set_up = 0;
        fault_done(&g->boot.fault);
        if (g->setup->swept)
                on_swept(0, NULL, g);
        else
                setup_run_begin(g->run, SETUP_SWEEP, on_swept, g);
}

/* By the old names. */
static void on_old_undone(int r, Fault *fault, void *userdata) {
        Guest *g = userdata;

        if (g->setup->net->claimed) /* the network stays: what was chosen for it does, too */
                net_addresses_carry(g->config, g->reload.next);
        if (memcmp(g->config->bandwidth, g->reload.next->bandwidth, sizeof(g->config->bandwidth)) !=
            0)
                net_shape_forget(g->setup->net);
        config_free(g->config);
        g->config = TAKE_PTR(g->reload.next);
        g->setup->host->config = g->config;
        g->setup->net->moves = false;
        guest_forget_boots(g);
        (void) guest_open_log(g); /* the guest runs without it; the reason has been logged */
        set_up(g);
}

/* Only if connections are held may they still be sent where there is no guest any more. */
static SetupKind undo_before_change(Guest *g) {
        Net *net = g->setup->net;

        if (!config_tap_differs(g->config, g->reload.next))
                return SETUP_DOWN_HOST;
        if (net->moves && net->rules && net->hold && hold_begin_move(net->hold))
                return SETUP_DOWN_TAP;
        guest_enter(g, BOOT_GONE);
        return SETUP_DOWN;
}

void guest_prepare(Guest *g) {
        /* Settings for the next start also wait for the end of the trial. */
        if (!g->reload.next || g->reload.trial) {
                set_up(g);
                return;
        }
        guest_drop_standby(g);
        setup_run_begin(g->run, undo_before_change(g), on_old_undone, g);
}
