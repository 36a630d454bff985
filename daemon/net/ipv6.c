/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipv6.c - the tap's IPv6, and forwarding of IPv6 between it and the uplink.
 *
 * Nothing in here is worth the guest: where the host lacks something for IPv6 that is said once,
 * and the guest lives by IPv4 alone. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/uplink.h"
#include "host/shared.h"
#include "host/sysctl.h"

#define FORWARDING         "net/ipv6/conf/all/forwarding"
#define FORWARDING_SETTING "ipv6_forwarding"
#define BY_HAND            "2" /* of accept_ra: although packets are forwarded */

/* Of one interface, or of all. */
static char *setting_of(const char *interface, const char *name) {
        return strfmt("net/ipv6/conf/%s/%s", interface, name);
}

static int set_tap(const Net *net, const char *name, const char *value) {
        _cleanup_free_ char *setting = setting_of(net->host->config->tap, name);

        return setting ? sysctl_set(setting, value) : -ENOMEM;
}

/* ---- tap ---- */

/* Without an address of ours the tap has none at all. Else the guest would reach what the host
 * listens on by the address that every interface gives itself, past the rules for IPv4. */
static void switch_off(Net *net) {
        char **lacking = &net->lacking[NET_LACKS_CLOSED_TAP];
        int r = set_tap(net, "disable_ipv6", "1");

        if (r >= 0 || r == -ENOENT || *lacking || net->host->config->host_access == HOST_ACCESS_ALL)
                return; /* -ENOENT: a kernel without IPv6 */
        *lacking =
                strfmt("HostAccess= holds for IPv4 alone: IPv6 cannot be switched off on the tap "
                       "(%s)",
                       strerror(-r));
}

void net_ipv6_lacking(Net *net, const char *what, int error) {
        if (!net_has_ipv6(net))
                return;
        net->lacking[NET_LACKS_IPV6] =
                strfmt("no IPv6 for the guest: %s (%s)", what, strerror(-error));
        if (!net->lacking[NET_LACKS_IPV6])
                net->lacking[NET_LACKS_IPV6] = strdup("no IPv6 for the guest");
        log_warning("%s", net->lacking[NET_LACKS_IPV6] ?: "no IPv6 for the guest");
        if (!net->host->quiet) {
                switch_off(net);
                (void) net_forwarding6_down(net);
        }
}

/* The tap may have got other values from those that new interfaces have. A guest that announces
 * itself as a router is not believed. */
static int set_up_tap(const Net *net, int index) {
        const Config *c = net->host->config;
        const IpAddress host = { .v6 = c->host_address6 }, guest = { .v6 = c->guest_address6 };
        struct ether_addr mac = guest_mac(c->name);
        int r;

        r = set_tap(net, "accept_ra", "0");
        if (r ==
            -EROFS) /* of no account to a host that forwards, unless its administrator says so */
                r = 0;
        if (r < 0 || (r = set_tap(net, "disable_ipv6", "0")) < 0 ||
            (r = net_address_set(net->rtnl, index, &host, c->host_prefix6)) < 0 ||
            (r = net_neighbour_set(net->rtnl, index, &guest, &mac)) < 0)
                return r;
        return 0;
}

void net_tap_ipv6(Net *net, int index) {
        int r = net_has_ipv6(net) ? set_up_tap(net, index) : 0;

        if (r < 0)
                net_ipv6_lacking(net,
                                 r == -ENOENT ? "the host's kernel has none"
                                              : "the tap cannot be given its address",
                                 r);
        else if (!net_has_ipv6(net))
                switch_off(net);
}

/* ---- forwarding ---- */

static int open_shared(const Net *net, const char *name, SharedSetting **ret) {
        return shared_open(net->host->shared, name, host_guest_alive, net->host->runtime, ret);
}

/* Joins the users of a setting and gives it that value. */
static int join(const Net *net, const char *name, const char *setting, const char *now,
                const char *value) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        int r = open_shared(net, name, &s);

        if (r >= 0)
                r = shared_join(s, net->host->config->name, value, now);
        if (r >= 0 && !streq(now, value)) {
                r = shared_set_ours(s, value);
                if (r >= 0)
                        r = sysctl_set(setting, value);
        }
        return r;
}

static int leave(const Net *net, const char *name, const char *setting) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL, *now = NULL;
        int r = open_shared(net, name, &s);

        if (r >= 0)
                r = shared_leave(s, net->host->config->name, &original, &ours);
        if (r <= 0)
                return r;
        r = sysctl_get(setting, &now);
        if (r == -ENOENT) /* its interface is gone */
                return shared_forget(s);
        if (r >= 0)
                r = shared_is_ours(s, now);
        if (r > 0) /* else somebody has set it since: theirs stays */
                r = sysctl_set(setting, original);
        return r < 0 ? r : shared_forget(s);
}

/* A host that forwards does not listen to its own routers any more, and would lose its default
 * route and its address, unless its uplink is told to go on. */
static int keep_listening(const Net *net, bool forwards) {
        _cleanup_free_ char *setting = setting_of(net->uplink[NAT_IPV6], "accept_ra"), *now = NULL,
                            *name = strfmt("accept_ra.%s", net->uplink[NAT_IPV6]);
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        int r = setting && name ? sysctl_get(setting, &now) : -ENOMEM;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (streq(now, BY_HAND)) { /* by another guest's umld, or by the administrator */
                r = open_shared(net, name, &s);
                if (r >= 0)
                        r = shared_is_ours(s, now);
                s = shared_close(s);
                return r > 0 ? join(net, name, setting, now, BY_HAND) : r;
        }
        /* Where it forwards already it does not listen any more, whoever wanted that. */
        return streq(now, "1") && !forwards ? join(net, name, setting, now, BY_HAND) : 0;
}

static int stop_listening(Net *net, const char *uplink) {
        _cleanup_free_ char *setting = setting_of(uplink, "accept_ra"),
                            *name = strfmt("accept_ra.%s", uplink);
        int r = setting && name ? leave(net, name, setting) : -ENOMEM;

        if (r < 0)
                log_warning_errno(r, "cannot put accept_ra of %s back, ignoring: %m", uplink);
        return r;
}

int net_forwarding6_up(Net *net, Fault *f) {
        const char *uplink = net->uplink[NAT_IPV6];
        _cleanup_free_ char *now = NULL;
        int r;

        if (!net_has_ipv6(net))
                return 0;
        r = uplink[0] ? 0 : net_find_uplink(net, f);
        if (r < 0)
                return r;
        r = sysctl_get(FORWARDING, &now);
        if (r >= 0 && streq(now, "1") && net->host->ledger.ipv6 &&
            streq(net->host->ledger.ipv6, uplink) && net->forwarding6)
                return 0;
        if (r >= 0 && net->host->ledger.ipv6 && !streq(net->host->ledger.ipv6, uplink))
                (void) stop_listening(net, net->host->ledger.ipv6);
        if (r >= 0)
                r = ledger_note_ipv6(&net->host->ledger, uplink);
        if (r >= 0)
                r = keep_listening(net, streq(now, "1") && !net->forwarding6);
        if (r >= 0)
                r = join(net, FORWARDING_SETTING, FORWARDING, now, "1");
        net->forwarding6 = r >= 0;
        if (r < 0)
                net_ipv6_lacking(net, "forwarding of it cannot be switched on", r);
        return 0;
}

int net_forwarding6_down(Net *net) {
        int r, listening;

        if (!net->host->ledger.ipv6)
                return 0;
        net->forwarding6 = false;
        r = leave(net, FORWARDING_SETTING, FORWARDING);
        if (r == -ENOENT) /* a host without IPv6 */
                r = 0;
        if (r < 0)
                log_warning_errno(r, "cannot put forwarding of IPv6 back, ignoring: %m");
        listening = stop_listening(net, net->host->ledger.ipv6);
        return r < 0 ? r : listening;
}
