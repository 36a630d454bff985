/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c - the guest's tap: its name, its owner, its addresses and its MTU. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/net/ipv6.h"
#include "daemon/net/shape.h"
#include "daemon/net/tap.h"
#include "host/sysctl.h"
#include "host/tap.h"

/* Our mark on a tap: its alias, which ip(8) shows. */
static const char *tap_alias(const Net *net, char buf[static 64]) {
        snprintf(buf, 64, "umld:%s", net->host->config->name);
        return buf;
}

static bool runs_as(pid_t pid, uid_t uid) {
        char path[32];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%d", pid);
        return stat(path, &st) >= 0 && st.st_uid == uid;
}

/* 0 = up already, set by the guest itself, which was faster than our check after its start. What
 * the guest has open may not be visible; others may not attach to its tap, but for root. */
static int fault_busy(const Net *net, Fault *f) {
        char comm[16];
        pid_t pid;
        int r = tap_holder(net->host->config->tap, &pid, comm);

        if (net->host->is_up && (r == 0 || (r > 0 && runs_as(pid, net->host->jail.uid))))
                return 0;
        if (r > 0)
                return fault_set(f, VERDICT_NETWORK, true, -EBUSY,
                                 "%s is busy: held by pid %d (%s); end it or set another Tap=",
                                 net->host->config->tap, pid, comm);
        return fault_set(
                f, VERDICT_NETWORK, true, -EBUSY,
                "%s is busy: held by a process that is not visible from here; set another Tap=",
                net->host->config->tap);
}

static int fault_tap(const Net *net, int error, Fault *f) {
        const char *tap = net->host->config->tap;

        switch (-error) {
        case EBUSY:
                return fault_busy(net, f);
        case ENOENT:
                return fault_set(
                        f, VERDICT_NETWORK, false, error,
                        "/dev/net/tun is missing; ask the provider to enable TUN/TAP, or create "
                        "the node: mkdir -p /dev/net && mknod /dev/net/tun c 10 200");
        case ENODEV:
        case ENXIO:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "/dev/net/tun has no driver; ask the provider to enable TUN/TAP "
                                 "(or load the module tun)");
        case EPERM:
        case EACCES:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "Tap=%s: cannot be created (%m); ask the provider to enable "
                                 "TUN/TAP for this container",
                                 tap);
        case EINVAL:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "Tap=%s: an interface of that name exists, but is not a tap; set "
                                 "another Tap=",
                                 tap);
        default:
                return fault_set(f, VERDICT_NETWORK, true, error, "Tap=%s: cannot be created: %m",
                                 tap);
        }
}

/* A tap of that name which we did not create belongs to somebody else, so it is left alone. */
static int check_foreign(Net *net, const RtnlLink *link, Fault *f) {
        const char *tap = net->host->config->tap;
        char alias[64], comm[16], holder[64] = "";
        pid_t pid;

        if (streq(link->alias, tap_alias(net, alias)) ||
            (net->host->ledger.tap && streq(net->host->ledger.tap, tap) && !link->alias[0]))
                return 0;
        if (tap_holder(tap, &pid, comm) > 0)
                snprintf(holder, sizeof(holder), ", held by pid %d (%s)", pid, comm);
        if (startswith(link->alias, "umld:"))
                return fault_set(f, VERDICT_NETWORK, false, -EEXIST,
                                 "Tap=%s: belongs to guest %s%s; give each guest a tap of its own",
                                 tap, link->alias + strlen("umld:"), holder);
        return fault_set(f, VERDICT_NETWORK, false, -EEXIST,
                         "Tap=%s: an interface of that name exists and is not umld's%s; set "
                         "another Tap= or remove it: ip link delete %s",
                         tap, holder, tap);
}

static int check_address(Net *net, int index, Fault *f) {
        const struct {
                const char *six;
                IpAddress address;
        } ours[] = { { "", { .v4 = net->host->config->host_address } },
                     { "6", { .v6 = net->host->config->host_address6 } } };
        char other[IFNAMSIZ], text[IP_ADDRESS_TEXT_MAX];

        FOREACH_ELEMENT (o, ours)
                if (!ip_address_is_any(&o->address) &&
                    net_address_owner(net->rtnl, &o->address, index, other) > 0)
                        return fault_set(f, VERDICT_NETWORK, false, -EADDRINUSE,
                                         "HostAddress%s=%s: %s already has this address; set "
                                         "another HostAddress%s= and GuestAddress%s=",
                                         o->six, ip_address_format(&o->address, text), other,
                                         o->six, o->six);
        return 0;
}

/* A part of a network that an uplink is in can be the guest's, but not all of it: the host would
 * look for its own neighbours on the tap. */
static int check_network6(Net *net, int index, Fault *f) {
        const Config *c = net->host->config;
        char other[IFNAMSIZ], host[IP_ADDRESS_TEXT_MAX], theirs[IP_ADDRESS_TEXT_MAX];
        const IpAddress address = { .v6 = c->host_address6 };
        IpPrefix network = ip_prefix_of(&address, c->host_prefix6), owner;

        if (!config_has_ipv6(c) ||
            net_network6_owner(net->rtnl, &network, index, &owner, other) <= 0)
                return 0;
        ip_address_format(&address, host);
        ip_address_format(&owner.address, theirs);
        return fault_set(
                f, VERDICT_NETWORK, false, -EADDRINUSE,
                "HostAddress6=%s/%u: overlaps %s/%u of %s; use a part of it, such as %s/112, or "
                "another network",
                host, c->host_prefix6, theirs, owner.bits, other, host);
}

/* While umld is attached to the tap nobody else can be, and a restarted guest may be about to
 * attach: an existing tap is left alone. */
static int create_tap(Net *net, const RtnlLink *link, Fault *f) {
        const uid_t owner = net->host->jail.uid;
        int r;

        if (net->tap_index > 0 && link->index == net->tap_index && owner == net->tap_owner)
                return 0;
        r = tap_create(net->host->config->tap, owner);
        if (r < 0)
                return fault_tap(net, r, f);
        net->tap_owner = owner;
        return 0;
}

/* Packets by the tap whose source is elsewhere are dropped by the kernel itself, whatever becomes
 * of the rules. A host that refuses that has the rules. */
static void check_reverse_path(Net *net) {
        _cleanup_free_ char *setting = strfmt("net/ipv4/conf/%s/rp_filter", net->host->config->tap);
        char **lacking = &net->lacking[NET_LACKS_REVERSE_PATH];
        int r = setting ? sysctl_set(setting, "1") : -ENOMEM;

        if (r >= 0 || *lacking)
                return;
        *lacking = strfmt("the reverse path filter cannot be enabled on the tap (%s): only the "
                          "firewall rules drop what the guest sends from addresses of others",
                          strerror(-r));
        if (*lacking)
                log_notice("%s", *lacking);
}

static bool sysctl_is(const char *name, const char *value) {
        _cleanup_free_ char *is = NULL;

        return sysctl_get(name, &is) >= 0 && streq(strstrip(is), value);
}

/* The rules see the first stop of a source route, not where it leads. It is followed only if that
 * is enabled for all interfaces as well, as it usually is not. */
static void check_source_route(Net *net) {
        _cleanup_free_ char *setting =
                strfmt("net/ipv4/conf/%s/accept_source_route", net->host->config->tap);
        char **lacking = &net->lacking[NET_LACKS_SOURCE_ROUTE];
        int r = setting ? sysctl_set(setting, "0") : -ENOMEM;

        if (r >= 0 || *lacking || sysctl_is("net/ipv4/conf/all/accept_source_route", "0"))
                return;
        *lacking = strfmt("source routes cannot be disabled on the tap (%s): by them the guest "
                          "reaches what Reach= bars",
                          strerror(-r));
        if (*lacking)
                log_notice("%s", *lacking);
}

const char *net_tap_reverse_path(const Net *net) {
        static const char *const texts[] = { "off", "strict", "loose" };
        int filter = net->tap_index > 0 ? sysctl_reverse_path(net->host->config->tap) : -ENODEV;

        return filter >= 0 && filter < (int) ARRAY_SIZE(texts) ? texts[filter] : "";
}

/* Sets address, neighbour entry and the rest of an existing tap. */
static int configure_tap(Net *net, Fault *f) {
        const Config *c = net->host->config;
        const IpAddress host = { .v4 = c->host_address }, guest = { .v4 = c->guest_address };
        struct ether_addr mac = guest_mac(c->name);
        const char *what = "state";
        char alias[64];
        RtnlLink link;
        int r;

        r = net_link_get(net->rtnl, c->tap, &link);
        if (r >= 0) {
                net->tap_index = link.index;
                net_tap_ipv6(net, link.index);
                check_reverse_path(net);
                check_source_route(net);
        }
        if (r >= 0 &&
            (what = "alias",
             r = net_link_set_alias(net->rtnl, link.index, tap_alias(net, alias))) >= 0 &&
            (what = "address", r = net_address_set(net->rtnl, link.index, &host, c->host_prefix)) >=
                    0 &&
            (what = "MTU",
             r = net->mtu > 0 ? net_link_set_mtu(net->rtnl, link.index, net->mtu) : 0) >= 0 &&
            (what = "state up", r = net_link_set_up(net->rtnl, link.index)) >= 0 &&
            (what = "neighbour entry",
             r = net_neighbour_set(net->rtnl, link.index, &guest, &mac)) >= 0)
                return 0;
        return fault_set(f, VERDICT_NETWORK, true, r, "Tap=%s: cannot set its %s: %m", c->tap,
                         what);
}

int net_tap_up(Net *net, Fault *f) {
        const char *tap = net->host->config->tap;
        RtnlLink link = { .index = -1 };
        int r;

        r = net_link_get(net->rtnl, tap, &link);
        if (r < 0 && r != -ENODEV)
                return fault_set(f, VERDICT_NETWORK, true, r, "Tap=%s: cannot be looked up: %m",
                                 tap);
        if (r >= 0) {
                r = check_foreign(net, &link, f);
                if (r < 0)
                        return r;
        }
        r = check_address(net, link.index, f);
        if (r >= 0)
                r = check_network6(net, link.index, f);
        if (r < 0 || net->host->quiet)
                return r;
        r = ledger_note_tap(&net->host->ledger, tap);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot record what is changed: %m", net->host->ledger.file);
        r = create_tap(net, &link, f);
        if (r >= 0)
                r = configure_tap(net, f);
        if (r >= 0)
                net_shape(net);
        return r;
}

/* Somebody has set it down, which also removed its neighbour entry and its IPv6 address. */
void net_tap_follow(Net *net) {
        _cleanup_(fault_done) Fault fault = {};
        RtnlLink link;
        int r;

        if (net->tap_index <= 0 || net_link_get(net->rtnl, net->host->config->tap, &link) < 0 ||
            link.index != net->tap_index || (link.flags & IFF_UP))
                return;
        r = net_tap_up(net, &fault);
        if (r < 0)
                log_warning("%s was set down, and cannot be set up again: %s",
                            net->host->config->tap, fault.text ?: strerror(-r));
        else
                log_warning("%s was set down by another program, and has been set up again",
                            net->host->config->tap);
}

int net_tap_down(Net *net, Fault *f) {
        char alias[64];
        RtnlLink link;
        int r;

        net->tap_index = net->shaped = 0;
        if (!net->host->ledger.tap)
                return 0;
        r = net_link_get(net->rtnl, net->host->ledger.tap, &link);
        if (r == -ENODEV)
                return 0;
        if (r >= 0 && link.alias[0] && !streq(link.alias, tap_alias(net, alias))) {
                log_warning("%s is no longer ours (alias %s), leaving it alone",
                            net->host->ledger.tap, link.alias);
                return 0;
        }
        if (r >= 0)
                r = tap_remove(net->host->ledger.tap);
        if (r < 0)
                log_warning_errno(r, "%s: cannot be removed, ignoring: %m", net->host->ledger.tap);
        return MIN(r, 0);
}

/* ---- MTU ---- */

/* The least of those that are there; 0 = none is. One that is configured may appear later. */
static unsigned least_mtu(const Net *net, NatFamily family) {
        const Uplinks *u = &net->uplinks[family];
        unsigned least = 0;
        RtnlLink link;

        for (size_t i = 0; i < u->n; i++)
                if (net_link_get(net->rtnl, u->list[i], &link) >= 0 &&
                    (least == 0 || link.mtu < least))
                        least = link.mtu;
        return least;
}

static unsigned wanted_mtu(const Net *net) {
        unsigned mtu = net->host->config->mtu;

        if (mtu > 0)
                return mtu;
        mtu = least_mtu(net, NAT_IPV4);
        if (mtu == 0)
                mtu = least_mtu(net, NAT_IPV6);
        if (mtu == 0)
                return net->mtu > 0 ? net->mtu : ETHERMTU;
        mtu = MAX(mtu, (unsigned) CONFIG_MTU_MIN);
        return MIN(mtu, (unsigned) CONFIG_MTU_MAX);
}

/* Not worth stopping the guest: without it large packets are fragmented or dropped on the way. */
void net_mtu_follow(Net *net) {
        unsigned mtu = wanted_mtu(net);
        RtnlLink tap;
        int r = 0;

        if (mtu == net->mtu)
                return;
        if (!net->host->quiet) {
                r = net_link_get(net->rtnl, net->host->config->tap, &tap);
                if (r >= 0)
                        r = net_link_set_mtu(net->rtnl, tap.index, mtu);
        }
        if (r < 0)
                log_warning_errno(r, "%s: cannot set its MTU to %u, ignoring: %m",
                                  net->host->config->tap, mtu);
        else if (net->mtu > 0)
                log_notice("%s: MTU changed from %u to %u", net->host->config->tap, net->mtu, mtu);
        net->mtu = mtu;
}
