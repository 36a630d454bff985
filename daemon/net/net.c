/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.c - the guest's network, as all of its steps see it. */

#include "daemon/net/net.h"

bool net_has_ipv6(const Net *net) {
        return config_has_ipv6(net->host->config) && !net->lacking[NET_LACKS_IPV6];
}

const char *uplinks_format(const Uplinks *u, char buf[static UPLINKS_TEXT_MAX]) {
        buf[0] = '\0';
        for (size_t i = 0; i < u->n; i++) {
                if (i > 0)
                        strcat(buf, " ");
                strcat(buf, u->list[i]);
        }
        return buf;
}
