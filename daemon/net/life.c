/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life.c - creates and frees what the steps of the network share. */

#include "daemon/net/life.h"
#include "daemon/net/conditions.h"
#include "daemon/net/flows.h"

Net *net_free(Net *net) {
        if (!net)
                return NULL;
        rtnl_close(net->rtnl);
        safe_close(net->lock_events);
        guard_done(&net->guard);
        net_conditions_free(net->conditions);
        net_flows_end(net);
        free(net->collision);
        free(net->claimed_ports);
        FOREACH_ELEMENT (lacking, net->lacking)
                free(*lacking);
        free(net);
        return NULL;
}

int net_new(Host *host, Net **ret) {
        const char *session =
                getenv("SSH_CONNECTION"); /* the ssh session of the user who started umld */
        _cleanup_(net_freep) Net *net = calloc(1, sizeof(*net));
        int r;

        if (!net)
                return -ENOMEM;
        net->host = host;
        net->lock_fd = net->lock_events = -EBADF;
        r = net_conditions_new(&net->conditions);
        if (r >= 0)
                r = rtnl_open(&net->rtnl);
        if (r < 0)
                return r;
        if (session && guard_add_session(&net->guard, session) == -ENOMEM)
                return -ENOMEM;
        *ret = TAKE_PTR(net);
        return 0;
}
