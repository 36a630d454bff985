/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forwarding.c - the host forwards packets between the guest's tap and the uplink. */

#include "daemon/net/forwarding.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "host/shared.h"
#include "host/sysctl.h"

#define IP_FORWARD      "net/ipv4/ip_forward"
#define FORWARD_SETTING "ip_forward"

static int open_forwarding(Net *net, SharedSetting **ret) {
        return shared_open(net->host->shared, FORWARD_SETTING, host_guest_alive, net->host->runtime,
                           ret);
}

static int fault_forwarding(int error, Fault *f) {
        return fault_set(f, VERDICT_NETWORK, false, error,
                         "cannot switch on ip_forward (%m); ask the provider to allow it, or set "
                         "it to 1 by hand");
}

int net_forwarding_up(Net *net, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *value = NULL;
        int r;

        r = sysctl_get(IP_FORWARD, &value);
        if (r < 0)
                return fault_forwarding(r, f);
        if (streq(value, "1") && net->forwarding)
                return 0;
        r = open_forwarding(net, &s);
        if (r >= 0)
                r = shared_join(s, net->host->config->name, "1", value);
        if (r >= 0 && !streq(value, "1"))
                r = shared_set_ours(s, "1");
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot note who needs ip_forward: %m%s", net->host->shared,
                                 r == -ENOSPC ? "; make room there" : "");
        if (!streq(value, "1"))
                r = sysctl_set(IP_FORWARD, "1");
        if (r < 0)
                return fault_forwarding(r, f);
        net->forwarding = true;
        return 0;
}

int net_forwarding_down(Net *net) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL, *value = NULL;
        int r;

        net->forwarding = false;
        r = open_forwarding(net, &s);
        if (r >= 0)
                r = shared_leave(s, net->host->config->name, &original, &ours);
        if (r > 0) {
                r = sysctl_get(IP_FORWARD, &value);
                if (r >= 0)
                        r = shared_is_ours(s, value);
                if (r > 0) /* else somebody has set it since: theirs stays */
                        r = sysctl_set(IP_FORWARD, original);
                if (r >= 0)
                        r = shared_forget(s);
        }
        if (r < 0)
                log_warning_errno(r, "cannot put ip_forward back, ignoring: %m");
        return MIN(r, 0);
}
