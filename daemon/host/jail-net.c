/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-net.c - the network namespace of the guest's kernel, which has no interface. The tap stays
 * in that of the host, where umld-init opens it for the kernel (programs/tun-broker.h). */

#include "basic/log.h"
#include "daemon/host/host.h"
#include "host/net-ns.h"

#define STAYS "stays in the host's network namespace"

/* A kernel in another network namespace needs the preloaded object that asks for its tap. */
static int kernel_can_ask(const Host *h) {
        return h->kernel.uml->static_linked ? -EOPNOTSUPP : h->kernel.tun_fix ? 0 : -ENOENT;
}

int jail_net_up(Host *h, Fault *f) {
        int r;

        if (!layer_wanted(h, CONFINE_NETWORK_NAMESPACE))
                return 0;
        r = kernel_can_ask(h);
        if (r < 0)
                jail_drop_net_ns(&h->jail);
        else if (h->jail.net_ns_fd < 0)
                r = h->jail.net_ns_fd = net_ns_new(&h->jail.making_net);
        if (r == -EAGAIN)
                return jail_wait_for_namespace(&h->jail.making_net, VERDICT_NETWORK, f);
        if (r < 0)
                layer_set_refused(h, CONFINE_NETWORK_NAMESPACE, r,
                                  h->kernel.uml->static_linked
                                          ? "a static kernel opens its tap itself and " STAYS
                                          : "the kernel " STAYS);
        else
                layer_set_on(h, CONFINE_NETWORK_NAMESPACE, NULL);
        return 0;
}

int jail_net_down(Host *h, Fault *f) {
        (void) f;
        jail_drop_net_ns(&h->jail);
        return 0;
}
