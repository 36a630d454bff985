/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.c - the guest's tap, and forwarding between it and the uplink. */

#include <stdio.h>

#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/boot/cmdline.h"
#include "daemon/host/host.h"
#include "host/shared.h"
#include "host/sysctl.h"
#include "host/tap.h"

#define IP_FORWARD      "net/ipv4/ip_forward"
#define FORWARD_SETTING "ip_forward"

/* ---- tap ---- */

/* Our mark on a tap: its alias, which ip(8) shows. */
static const char *tap_alias(const Host *h, char buf[static 64]) {
        snprintf(buf, 64, "umld:%s", h->config->name);
        return buf;
}

static bool runs_as(pid_t pid, uid_t uid) {
        char path[32];
        struct stat st;

        snprintf(path, sizeof(path), "/proc/%d", pid);
        return stat(path, &st) >= 0 && st.st_uid == uid;
}

/* 0 = by the guest itself, which was quicker than our look at the host behind its start. */
static int fault_busy(const Host *h, Fault *f) {
        char comm[16];
        pid_t pid;
        int r = tap_holder(h->config->tap, &pid, comm);

        if (r > 0 && h->is_up && runs_as(pid, h->uid))
                return 0;
        if (r > 0)
                return fault_set(f, VERDICT_NETWORK, true, -EBUSY,
                                 "%s busy: held by pid %d (%s); end it or set another Tap=",
                                 h->config->tap, pid, comm);
        return fault_set(
                f, VERDICT_NETWORK, true, -EBUSY,
                "%s busy: a process that cannot be seen from here holds it; set another Tap=",
                h->config->tap);
}

static int fault_tap(const Host *h, int error, Fault *f) {
        const char *tap = h->config->tap;

        switch (-error) {
        case EBUSY:
                return fault_busy(h, f);
        case ENOENT:
                return fault_set(
                        f, VERDICT_NETWORK, false, error,
                        "/dev/net/tun is missing; ask the provider to switch TUN/TAP on, or make "
                        "the node: mkdir -p /dev/net && mknod /dev/net/tun c 10 200");
        case ENODEV:
        case ENXIO:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "/dev/net/tun has no driver behind it; ask the provider to switch "
                                 "TUN/TAP on (or load the module tun)");
        case EPERM:
        case EACCES:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "Tap=%s: making it was refused (%m); ask the provider to switch "
                                 "TUN/TAP on for this container",
                                 tap);
        case EINVAL:
                return fault_set(f, VERDICT_NETWORK, false, error,
                                 "Tap=%s: there is an interface of that name that is no tap; set "
                                 "another Tap=",
                                 tap);
        default:
                return fault_set(f, VERDICT_NETWORK, true, error, "Tap=%s: cannot be made: %m",
                                 tap);
        }
}

/* A tap of that name which we did not make is somebody's: hands off. */
static int check_foreign(Host *h, const RtnlLink *link, Fault *f) {
        const char *tap = h->config->tap;
        char alias[64], comm[16], holder[64] = "";
        pid_t pid;

        if (streq(link->alias, tap_alias(h, alias)) ||
            (h->ledger.tap && streq(h->ledger.tap, tap) && !link->alias[0]))
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

static int check_address(Host *h, int index, Fault *f) {
        const struct {
                const char *six;
                IpAddress address;
        } ours[] = { { "", { .v4 = h->config->host_address } },
                     { "6", { .v6 = h->config->host_address6 } } };
        char other[IFNAMSIZ], text[IP_ADDRESS_TEXT_MAX];

        FOREACH_ELEMENT (o, ours)
                if (!ip_address_is_any(&o->address) &&
                    net_address_owner(h->rtnl, &o->address, index, other) > 0)
                        return fault_set(f, VERDICT_NETWORK, false, -EADDRINUSE,
                                         "HostAddress%s=%s: %s has this address already; set "
                                         "another HostAddress%s= and GuestAddress%s=",
                                         o->six, ip_address_format(&o->address, text), other,
                                         o->six, o->six);
        return 0;
}

/* Address, neighbour and the rest of a tap that is there. */
static int configure_tap(Host *h, Fault *f) {
        const Config *c = h->config;
        const IpAddress host = { .v4 = c->host_address }, guest = { .v4 = c->guest_address };
        struct ether_addr mac = guest_mac(c->name);
        const char *what = "state";
        char alias[64];
        RtnlLink link;
        int r;

        r = net_link_get(h->rtnl, c->tap, &link);
        if (r >= 0)
                host_tap_ipv6(h, link.index);
        if (r >= 0 &&
            (what = "alias", r = net_link_set_alias(h->rtnl, link.index, tap_alias(h, alias))) >=
                    0 &&
            (what = "address", r = net_address_set(h->rtnl, link.index, &host, c->host_prefix)) >=
                    0 &&
            (what = "MTU", r = h->mtu > 0 ? net_link_set_mtu(h->rtnl, link.index, h->mtu) : 0) >=
                    0 &&
            (what = "state up", r = net_link_set_up(h->rtnl, link.index)) >= 0 &&
            (what = "neighbour entry", r = net_neighbour_set(h->rtnl, link.index, &guest, &mac)) >=
                    0)
                return 0;
        return fault_set(f, VERDICT_NETWORK, true, r, "Tap=%s: cannot set its %s: %m", c->tap,
                         what);
}

int host_tap_up(Host *h, Fault *f) {
        const char *tap = h->config->tap;
        RtnlLink link = { .index = -1 };
        int r;

        r = net_link_get(h->rtnl, tap, &link);
        if (r < 0 && r != -ENODEV)
                return fault_set(f, VERDICT_NETWORK, true, r, "Tap=%s: cannot be looked up: %m",
                                 tap);
        if (r >= 0) {
                r = check_foreign(h, &link, f);
                if (r < 0)
                        return r;
        }
        r = check_address(h, link.index, f);
        if (r < 0 || h->quiet)
                return r;
        r = ledger_note_tap(&h->ledger, tap);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r, "%s: cannot note what is changed: %m",
                                 h->ledger.file);
        r = tap_create(tap, h->uid);
        if (r < 0)
                r = fault_tap(h, r, f);
        if (r < 0)
                return r;
        return configure_tap(h, f);
}

void host_tap_down(Host *h) {
        char alias[64];
        RtnlLink link;
        int r;

        if (!h->ledger.tap)
                return;
        r = net_link_get(h->rtnl, h->ledger.tap, &link);
        if (r == -ENODEV)
                return;
        if (r >= 0 && link.alias[0] && !streq(link.alias, tap_alias(h, alias))) {
                log_warning("%s is not ours any more (alias %s), leaving it alone", h->ledger.tap,
                            link.alias);
                return;
        }
        if (r >= 0)
                r = tap_remove(h->ledger.tap);
        if (r < 0) {
                log_warning_errno(r, "%s: cannot be removed, ignoring: %m", h->ledger.tap);
                h->left_behind = true;
        }
}

/* ---- MTU ---- */

static unsigned wanted_mtu(const Host *h) {
        RtnlLink uplink;
        unsigned mtu;

        if (h->config->mtu > 0)
                return h->config->mtu;
        if (net_link_get(h->rtnl, h->uplink[NAT_IPV4], &uplink) <
            0) /* one that was named may come later */
                return h->mtu > 0 ? h->mtu : ETHERMTU;
        mtu = MAX(uplink.mtu, (unsigned) CONFIG_MTU_MIN);
        return MIN(mtu, (unsigned) CONFIG_MTU_MAX);
}

/* It is not worth the guest: where it cannot be, large packets are cut or refused on their way. */
void host_mtu_follow(Host *h) {
        unsigned mtu = wanted_mtu(h);
        RtnlLink tap;
        int r = 0;

        if (mtu == h->mtu)
                return;
        if (!h->quiet) {
                r = net_link_get(h->rtnl, h->config->tap, &tap);
                if (r >= 0)
                        r = net_link_set_mtu(h->rtnl, tap.index, mtu);
        }
        if (r < 0)
                log_warning_errno(r, "%s: cannot set its MTU to %u, ignoring: %m", h->config->tap,
                                  mtu);
        else if (h->mtu > 0)
                log_notice("%s: MTU changed from %u to %u", h->config->tap, h->mtu, mtu);
        h->mtu = mtu;
}

/* ---- forwarding ---- */

static int open_forwarding(Host *h, SharedSetting **ret) {
        char *runtime = strndupa(h->shared, (size_t) (strrchr(h->shared, '/') - h->shared));

        return shared_open(h->shared, FORWARD_SETTING, host_guest_alive, runtime, ret);
}

static int fault_forwarding(int error, Fault *f) {
        return fault_set(f, VERDICT_NETWORK, false, error,
                         "cannot switch on ip_forward (%m); ask the provider to allow it, or set "
                         "it to 1 by hand");
}

int host_forwarding_up(Host *h, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *value = NULL;
        int r;

        r = sysctl_get(IP_FORWARD, &value);
        if (r < 0)
                return fault_forwarding(r, f);
        if (streq(value, "1") && h->forwarding)
                return 0;
        r = open_forwarding(h, &s);
        if (r >= 0)
                r = shared_join(s, h->config->name, "1", value);
        if (r >= 0 && !streq(value, "1"))
                r = shared_set_ours(s, "1");
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot note who needs ip_forward: %m%s", h->shared,
                                 r == -ENOSPC ? "; make room there" : "");
        if (!streq(value, "1"))
                r = sysctl_set(IP_FORWARD, "1");
        if (r < 0)
                return fault_forwarding(r, f);
        h->forwarding = true;
        return 0;
}

void host_forwarding_down(Host *h) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL, *value = NULL;
        int r;

        h->forwarding = false;
        r = open_forwarding(h, &s);
        if (r >= 0)
                r = shared_leave(s, h->config->name, &original, &ours);
        if (r > 0) {
                r = sysctl_get(IP_FORWARD, &value);
                if (r >= 0)
                        r = shared_is_ours(s, value);
                if (r > 0) /* else somebody has set it since: theirs stays */
                        r = sysctl_set(IP_FORWARD, original);
                if (r >= 0)
                        r = shared_forget(s);
        }
        if (r < 0) {
                h->left_behind = true;
                log_warning_errno(r, "cannot put ip_forward back, ignoring: %m");
        }
}
