/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipv6.c - the tap's IPv6, and forwarding of IPv6 between it and the uplink.
 *
 * Nothing in here is worth the guest: where the host lacks something for IPv6 that is said once,
 * and the guest lives by IPv4 alone. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/host/host.h"
#include "host/shared.h"
#include "host/sysctl.h"

#define FORWARDING         "net/ipv6/conf/all/forwarding"
#define FORWARDING_SETTING "ipv6_forwarding"
#define BY_HAND            "2" /* of accept_ra: although packets are forwarded */

bool host_has_ipv6(const Host *h) {
        return config_has_ipv6(h->config) && !h->lacking[HOST_LACKS_IPV6];
}

/* Of one interface, or of all. */
static char *setting_of(const char *interface, const char *name) {
        return strfmt("net/ipv6/conf/%s/%s", interface, name);
}

static int set_tap(const Host *h, const char *name, const char *value) {
        _cleanup_free_ char *setting = setting_of(h->config->tap, name);

        return setting ? sysctl_set(setting, value) : -ENOMEM;
}

/* ---- tap ---- */

/* Without an address of ours the tap has none at all. Else the guest would reach what the host
 * listens on by the address that every interface gives itself, past the rules for IPv4. */
static void switch_off(Host *h) {
        char **lacking = &h->lacking[HOST_LACKS_CLOSED_TAP];
        int r = set_tap(h, "disable_ipv6", "1");

        if (r >= 0 || r == -ENOENT || *lacking || h->config->host_access == HOST_ACCESS_ALL)
                return; /* -ENOENT: a kernel without IPv6 */
        *lacking =
                strfmt("HostAccess= holds for IPv4 alone: IPv6 cannot be switched off on the tap "
                       "(%s)",
                       strerror(-r));
}

void host_ipv6_lacking(Host *h, const char *what, int error) {
        if (!host_has_ipv6(h))
                return;
        h->lacking[HOST_LACKS_IPV6] =
                strfmt("no IPv6 for the guest: %s (%s)", what, strerror(-error));
        if (!h->lacking[HOST_LACKS_IPV6])
                h->lacking[HOST_LACKS_IPV6] = strdup("no IPv6 for the guest");
        log_warning("%s", h->lacking[HOST_LACKS_IPV6] ?: "no IPv6 for the guest");
        if (!h->quiet) {
                switch_off(h);
                host_forwarding6_down(h);
        }
}

/* The tap may have got other values from those that new interfaces have. A guest that announces
 * itself as a router is not believed. */
static int set_up_tap(const Host *h, int index) {
        const Config *c = h->config;
        const IpAddress host = { .v6 = c->host_address6 }, guest = { .v6 = c->guest_address6 };
        struct ether_addr mac = guest_mac(c->name);
        int r;

        r = set_tap(h, "accept_ra", "0");
        if (r ==
            -EROFS) /* of no account to a host that forwards, unless its administrator says so */
                r = 0;
        if (r < 0 || (r = set_tap(h, "disable_ipv6", "0")) < 0 ||
            (r = net_address_set(h->rtnl, index, &host, c->host_prefix6)) < 0 ||
            (r = net_neighbour_set(h->rtnl, index, &guest, &mac)) < 0)
                return r;
        return 0;
}

void host_tap_ipv6(Host *h, int index) {
        int r = host_has_ipv6(h) ? set_up_tap(h, index) : 0;

        if (r < 0)
                host_ipv6_lacking(h,
                                  r == -ENOENT ? "the host's kernel has none"
                                               : "the tap cannot be given its address",
                                  r);
        else if (!host_has_ipv6(h))
                switch_off(h);
}

/* ---- forwarding ---- */

static int open_shared(const Host *h, const char *name, SharedSetting **ret) {
        char *runtime = strndupa(h->shared, (size_t) (strrchr(h->shared, '/') - h->shared));

        return shared_open(h->shared, name, host_guest_alive, runtime, ret);
}

/* Joins the users of a setting and gives it that value. */
static int join(const Host *h, const char *name, const char *setting, const char *now,
                const char *value) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        int r = open_shared(h, name, &s);

        if (r >= 0)
                r = shared_join(s, h->config->name, value, now);
        if (r >= 0 && !streq(now, value)) {
                r = shared_set_ours(s, value);
                if (r >= 0)
                        r = sysctl_set(setting, value);
        }
        return r;
}

static int leave(const Host *h, const char *name, const char *setting) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL, *now = NULL;
        int r = open_shared(h, name, &s);

        if (r >= 0)
                r = shared_leave(s, h->config->name, &original, &ours);
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
static int keep_listening(const Host *h, bool forwards) {
        _cleanup_free_ char *setting = setting_of(h->uplink[NAT_IPV6], "accept_ra"), *now = NULL,
                            *name = strfmt("accept_ra.%s", h->uplink[NAT_IPV6]);
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        int r = setting && name ? sysctl_get(setting, &now) : -ENOMEM;

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (streq(now, BY_HAND)) { /* by another guest's umld, or by the administrator */
                r = open_shared(h, name, &s);
                if (r >= 0)
                        r = shared_is_ours(s, now);
                s = shared_close(s);
                return r > 0 ? join(h, name, setting, now, BY_HAND) : r;
        }
        /* Where it forwards already it does not listen any more, whoever wanted that. */
        return streq(now, "1") && !forwards ? join(h, name, setting, now, BY_HAND) : 0;
}

static void stop_listening(Host *h, const char *uplink) {
        _cleanup_free_ char *setting = setting_of(uplink, "accept_ra"),
                            *name = strfmt("accept_ra.%s", uplink);
        int r = setting && name ? leave(h, name, setting) : -ENOMEM;

        if (r < 0) {
                h->left_behind = true;
                log_warning_errno(r, "cannot put accept_ra of %s back, ignoring: %m", uplink);
        }
}

int host_forwarding6_up(Host *h, Fault *f) {
        const char *uplink = h->uplink[NAT_IPV6];
        _cleanup_free_ char *now = NULL;
        int r;

        if (!host_has_ipv6(h))
                return 0;
        r = uplink[0] ? 0 : host_find_uplink(h, f);
        if (r < 0)
                return r;
        r = sysctl_get(FORWARDING, &now);
        if (r >= 0 && streq(now, "1") && h->ledger.ipv6 && streq(h->ledger.ipv6, uplink) &&
            h->forwarding6)
                return 0;
        if (r >= 0 && h->ledger.ipv6 && !streq(h->ledger.ipv6, uplink))
                stop_listening(h, h->ledger.ipv6);
        if (r >= 0)
                r = ledger_note_ipv6(&h->ledger, uplink);
        if (r >= 0)
                r = keep_listening(h, streq(now, "1") && !h->forwarding6);
        if (r >= 0)
                r = join(h, FORWARDING_SETTING, FORWARDING, now, "1");
        h->forwarding6 = r >= 0;
        if (r < 0)
                host_ipv6_lacking(h, "forwarding of it cannot be switched on", r);
        return 0;
}

void host_forwarding6_down(Host *h) {
        int r;

        if (!h->ledger.ipv6)
                return;
        h->forwarding6 = false;
        r = leave(h, FORWARDING_SETTING, FORWARDING);
        if (r < 0 && r != -ENOENT) {
                h->left_behind = true;
                log_warning_errno(r, "cannot put forwarding of IPv6 back, ignoring: %m");
        }
        stop_listening(h, h->ledger.ipv6);
}
