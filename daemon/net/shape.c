/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shape.c - limits the bandwidth of a guest, where the host has traffic control. */

#include <inttypes.h>
#include <stdio.h>

#include "daemon/net/net.h"
#include "daemon/net/shape.h"
#include "host/rtnl-shape.h"

enum {
        RATE_TEXT_MAX = 32,
};

/* "100 Mbit/s", with the largest unit that leaves no remainder. */
static const char *format_rate(uint64_t bits, char buf[static RATE_TEXT_MAX]) {
        static const char *const units[] = { "", "k", "M", "G" };
        size_t i = 0;

        for (; i + 1 < ARRAY_SIZE(units) && bits % 1000 == 0; i++)
                bits /= 1000;
        snprintf(buf, RATE_TEXT_MAX, "%" PRIu64 " %sbit/s", bits, units[i]);
        return buf;
}

static const struct {
        const char *name;
        int (*set)(Rtnl *rtnl, int index, uint32_t rate);
} directions[BANDWIDTH_MAX] = {
        [BANDWIDTH_IN] = { "in", net_shape_to },
        [BANDWIDTH_OUT] = { "out", net_shape_from },
};

/* One direction may be limited although the other one cannot be: the detail says which. */
void net_shape(Net *net) {
        Host *h = net->host;
        char text[LAYER_DETAIL_MAX] = "", rate[RATE_TEXT_MAX];
        int refused = 0;

        if (net->shaped == net->tap_index || !layer_wanted(h, CONFINE_BANDWIDTH))
                return;
        net->shaped = net->tap_index;
        for (int i = 0; i < BANDWIDTH_MAX; i++) {
                uint64_t bits = h->config->bandwidth[i];
                size_t n = strlen(text);
                int r = bits > 0 ? directions[i].set(net->rtnl, net->tap_index,
                                                     (uint32_t) (bits / 8))
                                 : 0;

                refused = MIN(r, refused);
                snprintf(text + n, sizeof(text) - n, "%s%s %s", n > 0 ? ", " : "",
                         directions[i].name,
                         r >= 0 && bits > 0 ? format_rate(bits, rate) : "not limited");
        }
        if (refused < 0)
                layer_set_refused(h, CONFINE_BANDWIDTH, refused, text);
        else
                layer_set_on(h, CONFINE_BANDWIDTH, text);
}

void net_shape_forget(Net *net) {
        if (net->tap_index > 0)
                net_unshape(net->rtnl, net->tap_index);
        net->shaped = 0;
}
