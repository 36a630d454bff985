/* SPDX-License-Identifier: GPL-2.0-or-later */
/* apply.c - puts live settings in force, all of them or none. */

#include "basic/log.h"
#include "conf/changes.h"
#include "daemon/guest/parts.h"
#include "daemon/net/relays.h"
#include "daemon/net/rules.h"

static void follow_settings(Guest *g, const Config *before) {
        guest_follow_settings(g, before);
        (void) net_watch_update(g->net_watch);
}

/* The watch will do what cannot be done now, as soon as it is possible. */
static int make_rules_again(Guest *g, Fault *fault) {
        int r;

        g->setup->net->rules_stale = true;
        r = net_rules_up(g->setup->net, fault);
        if (r == -EAGAIN)
                log_info("restoring the firewall rules: waiting for %s",
                         fault->text ?: "another attempt");
        else if (r < 0)
                log_error("cannot restore the firewall rules yet, retrying: %s",
                          fault->text ?: "out of memory");
        net_watch_soon(g->net_watch);
        return r;
}

/* A failed reload may have put some rules in force: restores the previous ones, or reports that it
 * cannot. */
static void put_rules_back(Guest *g, Fault *fault) {
        _cleanup_(fault_done) Fault again = {};
        char *text;

        if (!g->setup->net->rules || make_rules_again(g, &again) >= 0)
                return;
        text = strfmt("%s; and not all firewall rules could be restored yet (%s), retrying",
                      fault->text ?: "out of memory", again.text ?: "out of memory");
        if (text) {
                free(fault->text);
                fault->text = text;
        }
}

static int apply_to_host(const Guest *g, Fault *fault) {
        Net *net = g->setup->net;
        int r;

        if (!g->setup->host->is_up)
                return 0;
        r = net_relays_prepare(net, fault);
        if (r < 0)
                return r;
        r = net_rules_up(net, fault);
        if (r >= 0)
                net_relays_commit(net);
        else
                net_relays_abandon(net);
        return r;
}

void guest_follow_next(Guest *g, const Config *next) {
        g->setup->net->moves = next && config_tap_differs(g->config, next);
}

int guest_apply(Guest *g, const Config *next, Fault *fault) {
        const bool moved = g->setup->net->moves;
        Config before = *g->config;
        int r;

        r = config_copy_live(g->config, next);
        if (r < 0)
                return fault_set(fault, VERDICT_EXIT, true, r, "cannot reload: %m");
        guest_follow_next(g, next);
        r = apply_to_host(g, fault);
        if (r < 0) {
                g->setup->net->moves = moved;
                config_drop_live(g->config);
                *g->config = before;
                if (r != -EAGAIN)
                        put_rules_back(g, fault);
                return r;
        }
        follow_settings(g, &before);
        config_drop_live(&before);
        return 0;
}

int guest_apply_in_any_case(Guest *g, const Config *next) {
        _cleanup_(fault_done) Fault fault = {};
        Config before = *g->config;
        int r;

        r = config_copy_live(g->config, next);
        if (r < 0)
                return r;
        guest_follow_next(g, g->reload.next);
        if (g->setup->host->is_up) {
                (void) make_rules_again(g, &fault);
                fault_done(&fault);
                if (net_relays_up(g->setup->net, &fault) < 0)
                        log_error("%s", fault.text ?: "out of memory");
        }
        follow_settings(g, &before);
        config_drop_live(&before);
        return 0;
}
