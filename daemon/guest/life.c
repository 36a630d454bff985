/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life.c - creates, changes and frees a Guest. */

#include "basic/log.h"
#include "daemon/base/companions.h"
#include "daemon/guest/crash.h"
#include "daemon/guest/log.h"
#include "daemon/guest/parts.h"
#include "daemon/net/rules.h"

int guest_guard_session(Guest *g, const char *ssh_connection, Fault *fault) {
        int r = guard_add_session(&g->setup->net->guard, ssh_connection);

        if (r <= 0)
                return r;
        r = net_rules_follow(g->setup->net, fault);
        if (r == -EAGAIN) { /* as soon as that can be done */
                net_watch_soon(g->net_watch);
                return 0;
        }
        return MIN(r, 0);
}

static int flush_disks(void *userdata, int *ret_fd) {
        const Guest *g = userdata;

        return disk_sync_finish(g->disk_sync, ret_fd);
}

static void on_console_changed(void *userdata) {
        guest_keep(userdata);
}

static void on_relays_changed(bool now, void *userdata) {
        if (now)
                (void) guest_keep_now(userdata);
        else
                guest_keep(userdata);
}

static void undo_now(Guest *g) {
        _cleanup_(fault_done) Fault fault = {};

        (void) setup_wait(g->setup, SETUP_DOWN, &fault);
}

Guest *guest_free(Guest *g) {
        if (!g)
                return NULL;
        if (g->run)
                guest_enter(g, BOOT_GONE);
        disk_check_free(g->disk_check);
        modules_update_free(g->modules);
        guest_process_free(g->boot.process);
        if (g->setup)
                net_conditions_ask(g->setup->net, NULL, NULL);
        guest_memory_free(g->memory);
        if (g->setup)
                guest_reload_done(g);
        if (g->setup && g->setup->host->is_up) /* the event loop has failed */
                undo_now(g);
        setup_run_free(g->run);
        guest_waiting_done(g);
        sd_event_source_disable_unref(g->timer.later);
        sd_event_source_disable_unref(g->timer.now);
        sd_event_source_disable_unref(g->watch.verify);
        dead_flows_free(g->watch.dead_flows);
        fault_done(&g->boot.fault);
        if (g->past.crash) /* the event loop has failed */
                guest_keep_crash(g);
        free(g->init);
        free(g->stop.why);
        free(g->boot.text);
        guest_keep_done(g);
        adoption_free(g->adopting.from);
        free(g->past.fallback_why);
        console_free(g->console);
        net_watch_free(g->net_watch);
        proxies_free(g->proxies);
        hold_free(g->hold);
        disk_sync_free(g->disk_sync);
        flow_count_free(g->flow_count);
        setup_free(g->setup);
        config_free(g->config);
        last_exit_done(&g->past.last_exit);
        free(g->why);
        free(g->end_why);
        sd_event_unref(g->event);
        free(g);
        return NULL;
}

int guest_new(sd_event *event, Config *config, const char *runtime, const GuestListener *listener,
              Guest **ret) {
        _cleanup_(guest_freep) Guest *g = calloc(1, sizeof(*g));
        int r;

        if (!g) {
                config_free(config);
                return log_oom();
        }
        g->standby.launched = LAUNCHED_NONE;
        g->keep.handover = HANDOVER_NONE;
        g->keep.mounts_fd = g->keep.lock_fd = g->keep.program_fd = -EBADF;
        g->boot.phase = BOOT_GONE;
        g->act = guest_act;
        g->event = sd_event_ref(event);
        g->listener = *listener;
        g->config = config;
        g->since = moment_after(CLOCK_BOOTTIME, 0);
        r = setup_new(config, runtime, &g->setup);
        if (r < 0)
                return log_error_errno(r, "cannot check the host: %m");
        net_conditions_listen(g->setup->net, listener->condition, listener->userdata);
        r = net_watch_new(event, g->setup->net, &g->net_watch);
        if (r < 0)
                return log_error_errno(r, "cannot watch the host's network: %m");
        net_watch_on_route(g->net_watch, guest_on_route, g);
        r = setup_run_new(event, g->setup, &g->run);
        if (r < 0)
                return log_oom();
        guest_find_unconfirmed(g);
        r = guest_memory_new(event, g->setup->host, listener->memory_pressure, listener->userdata,
                             &g->memory);
        if (r < 0)
                return log_error_errno(r, "cannot monitor the guest's memory: %m");
        net_conditions_ask(g->setup->net, guest_tell_stocks, g);
        r = disk_sync_new(event, g->setup->host->disk_fds, g->setup->host->disk_distant,
                          ARRAY_SIZE(g->setup->host->disk_fds), &g->disk_sync);
        if (r < 0)
                return log_error_errno(r, "cannot monitor the guest's disks: %m");
        g->setup->host->flush = flush_disks;
        g->setup->host->flush_userdata = g;
        r = companion_find(COMPANION_INIT, &g->init);
        if (r < 0)
                return log_error_errno(r, "%s: %m; reinstall umld", g->init ?: "umld-init");
        r = proxies_new(event, g->init, g->setup->host->jail.pid_refused == 0, &g->proxies);
        if (r < 0)
                return log_oom();
        g->setup->net->proxies = g->proxies;
        proxies_on_change(g->proxies, on_relays_changed, g);
        r = hold_new(event, g->setup->net, &g->hold);
        if (r < 0)
                return log_oom();
        g->setup->net->hold = g->hold;
        r = flow_count_new(event, &g->flow_count);
        if (r < 0)
                return log_oom();
        r = console_new(event, &g->console);
        if (r < 0 || !(g->keep.path = strfmt("%s/%s/adopt", runtime, config->name)))
                return log_oom();
        console_on_change(g->console, on_console_changed, g);
        r = guest_open_log(g);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(g);
        return 0;
}
