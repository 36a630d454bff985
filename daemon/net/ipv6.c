/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ipv6.c - IPv6 of the tap, and IPv6 forwarding between it and the uplink.
 *
 * A guest is never stopped because of this: if the host lacks something for IPv6 that is logged
 * once, and the guest has IPv4 only. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/host/share.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/uplink.h"
#include "host/sysctl.h"

#define BY_HAND "2" /* of accept_ra: although packets are forwarded */

/* For one interface, or for all. */
static char *setting_of(const char *interface, const char *name) {
        return strfmt("net/ipv6/conf/%s/%s", interface, name);
}

static int set_tap(const Net *net, const char *name, const char *value) {
        _cleanup_free_ char *setting = setting_of(net->host->config->tap, name);

        return setting ? sysctl_set(setting, value) : -ENOMEM;
}

/* ---- tap ---- */

/* Without an address from us the tap must not have any. Otherwise the guest could reach the host's
 * services on the address that every interface assigns itself, past the rules for IPv4. */
static void switch_off(Net *net) {
        char **lacking = &net->lacking[NET_LACKS_CLOSED_TAP];
        int r = set_tap(net, "disable_ipv6", "1");

        if (r >= 0 || r == -ENOENT || *lacking || net->host->config->host_access == HOST_ACCESS_ALL)
                return; /* -ENOENT: a kernel without IPv6 */
        *lacking =
                strfmt("HostAccess= applies to IPv4 only: IPv6 cannot be disabled on the tap (%s)",
                       strerror(-r));
}

void net_ipv6_lacking(Net *net, const char *what, int error) {
        _cleanup_(fault_done) Fault later = {};

        if (!net_has_ipv6(net))
                return;
        net->lacking[NET_LACKS_IPV6] =
                strfmt("no IPv6 for the guest: %s (%s)", what, strerror(-error));
        if (!net->lacking[NET_LACKS_IPV6])
                net->lacking[NET_LACKS_IPV6] = strdup("no IPv6 for the guest");
        log_warning("%s", net->lacking[NET_LACKS_IPV6] ?: "no IPv6 for the guest");
        if (!net->host->quiet) {
                switch_off(net);
                (void) net_forwarding6_down(net,
                                            &later); /* what fails here is set with all the rest */
        }
}

/* The tap may have values other than the defaults for new interfaces. Router advertisements from a
 * guest are ignored. */
static int set_up_tap(const Net *net, int index) {
        const Config *c = net->host->config;
        const IpAddress host = { .v6 = c->host_address6 }, guest = { .v6 = c->guest_address6 };
        struct ether_addr mac = guest_mac(c->name);
        int r;

        r = set_tap(net, "accept_ra", "0");
        if (r ==
            -EROFS) /* ignored by a host that forwards, unless its administrator changed that */
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
                                 r == -ENOENT ? "the host's kernel does not support it"
                                              : "the address of the tap cannot be set",
                                 r);
        else if (!net_has_ipv6(net))
                switch_off(net);
}

/* ---- forwarding ---- */

static const HostSetting forwarding = { .name = "ipv6_forwarding",
                                        .where = "net/ipv6/conf/all/forwarding",
                                        .read = sysctl_get,
                                        .write = sysctl_set,
                                        .verdict = VERDICT_NETWORK };

/* Does this uplink accept router advertisements? */
typedef struct Listening {
        char name[IFNAMSIZ + 16], where[IFNAMSIZ + 32];
        HostSetting setting;
} Listening;

static const HostSetting *listening_of(const char *uplink, Listening *buf) {
        snprintf(buf->name, sizeof(buf->name), "accept_ra.%s", uplink);
        snprintf(buf->where, sizeof(buf->where), "net/ipv6/conf/%s/accept_ra", uplink);
        buf->setting = forwarding;
        buf->setting.name = buf->name;
        buf->setting.where = buf->where;
        return &buf->setting;
}

static int is_ours(const Host *h, const HostSetting *s, const char *value) {
        _cleanup_(shared_closep) SharedSetting *open = NULL;
        int r = host_shared_open(h, s->name, &open);

        return r < 0 ? r : shared_is_ours(open, value);
}

/* A host that forwards ignores router advertisements, and would lose its default route and its
 * address, unless its uplink is told to accept them anyway. */
static int keep_listening(const Net *net, const char *uplink, bool forwards, Fault *f) {
        _cleanup_free_ char *now = NULL;
        Listening buf;
        const HostSetting *s = listening_of(uplink, &buf);
        int r = sysctl_get(s->where, &now);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        if (streq(now, BY_HAND)) /* by another guest's umld, or by the administrator */
                r = is_ours(net->host, s, now);
        else /* a host that forwards ignores them, whoever enabled forwarding */
                r = streq(now, "1") && !forwards;
        return r > 0 ? host_share(net->host, s, BY_HAND, f) : r;
}

/* Of those that were recorded, all but the ones to keep; NULL: of all. */
static int stop_listening(Net *net, const char *noted, const Uplinks *keep) {
        _cleanup_free_ char *copy = strdup(noted);
        char *rest = copy, *name;
        int worst = copy ? 0 : -ENOMEM;

        while (rest && (name = strsep(&rest, " "))) {
                Listening buf;
                int r = 0;

                if (*name && !(keep && uplinks_have(keep, name)))
                        r = host_unshare(net->host, listening_of(name, &buf));
                if (r < 0 && worst != -EAGAIN)
                        worst = r;
        }
        return worst;
}

/* The uplinks are not those that were recorded, or have not been determined yet. */
static int follow_uplinks(Net *net, const char *uplinks) {
        Ledger *l = &net->host->ledger;
        int r = 0;

        if (l->ipv6 && !streq(l->ipv6, uplinks))
                r = stop_listening(net, l->ipv6, &net->uplinks[NAT_IPV6]);
        return r == -EAGAIN ? r : ledger_note_ipv6(l, uplinks);
}

static int switch_on(Net *net, const char *now, Fault *f) {
        const Uplinks *u = &net->uplinks[NAT_IPV6];
        int r = 0;

        for (size_t i = 0; r >= 0 && i < u->n; i++)
                r = keep_listening(net, u->list[i], streq(now, "1") && !net->forwarding6, f);
        return r < 0 ? r : host_share(net->host, &forwarding, "1", f);
}

int net_forwarding6_up(Net *net, Fault *f) {
        _cleanup_(fault_done) Fault ignored = {}; /* the guest has to do without */
        const char *noted = net->host->ledger.ipv6, *uplinks;
        char text[UPLINKS_TEXT_MAX];
        _cleanup_free_ char *now = NULL;
        int r;

        if (!net_has_ipv6(net))
                return 0;
        r = net->uplinks[NAT_IPV6].n > 0 ? 0 : net_find_uplink(net, f);
        if (r < 0)
                return r;
        uplinks = uplinks_format(&net->uplinks[NAT_IPV6], text);
        r = sysctl_get(forwarding.where, &now);
        if (r >= 0 && streq(now, "1") && noted && streq(noted, uplinks) && net->forwarding6)
                return 0;
        if (r >= 0)
                r = follow_uplinks(net, uplinks);
        if (r >= 0)
                r = switch_on(net, now, &ignored);
        net->forwarding6 = r >= 0;
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                net_ipv6_lacking(net, "IPv6 forwarding cannot be enabled", r);
        return 0;
}

int net_forwarding6_down(Net *net, Fault *f) {
        int r, listening;

        if (!net->host->ledger.ipv6)
                return 0;
        net->forwarding6 = false;
        r = host_unshare(net->host, &forwarding);
        listening = stop_listening(net, net->host->ledger.ipv6, NULL);
        return r == -EAGAIN || listening == -EAGAIN ? -EAGAIN : r < 0 ? r : listening;
}
