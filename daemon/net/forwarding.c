/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forwarding.c - the host forwards packets between the guest's tap and the uplink. */

#include "daemon/net/forwarding.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/share.h"
#include "daemon/net/conditions.h"
#include "host/sysctl.h"

static const HostSetting ip_forward = { .name = "ip_forward",
                                        .where = "net/ipv4/ip_forward",
                                        .read = sysctl_get,
                                        .write = sysctl_set,
                                        .verdict = VERDICT_NETWORK };

int net_forwarding_up(Net *net, Fault *f) {
        _cleanup_free_ char *now = NULL;
        int r = sysctl_get(ip_forward.where, &now);

        if (r >= 0 && streq(now, "1") && net->forwarding)
                return 0;
        if (r >= 0)
                r = host_share(net->host, &ip_forward, "1", f);
        net->forwarding = r >= 0;
        if (r >= 0 || r == -EAGAIN || f->text)
                return MIN(r, 0);
        return fault_set(f, VERDICT_NETWORK, false, r,
                         "cannot enable ip_forward (%m); ask the provider to allow it, or set it "
                         "to 1 by hand");
}

/* A failure is reported by the conditions. */
int net_forwarding_follow(Net *net, Fault *f) {
        _cleanup_free_ char *now = NULL;
        int r;

        if (!net->forwarding || sysctl_get(ip_forward.where, &now) < 0 || streq(now, "1"))
                return 0;
        r = host_share(net->host, &ip_forward, "1", f);
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                log_warning_errno(r,
                                  "net.ipv4.ip_forward was set to %s by another program, and "
                                  "cannot be enabled again: %m",
                                  now);
        else
                log_warning("net.ipv4.ip_forward was set to %s by another program, and has been "
                            "enabled again",
                            now);
        fault_done(f);
        net_conditions_stale(net, CONDITIONS_SETTINGS);
        return 0;
}

int net_forwarding_down(Net *net, Fault *f) {
        net->forwarding = false;
        return host_unshare(net->host, &ip_forward);
}
