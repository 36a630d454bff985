/* SPDX-License-Identifier: GPL-2.0-or-later */
/* adopt.c - leaves the network of a running guest to the next umld. */

#include "daemon/net/adopt.h"
#include "daemon/net/addresses.h"

void net_save(const Net *net, const SavedText *t) {
        const Config *c = net->host->config;
        NetworkClaim claim = { .host = c->host_address, .prefix = c->host_prefix };
        char text[NETWORK_CLAIM_TEXT_MAX];

        snprintf(claim.tap, sizeof(claim.tap), "%s", c->tap);
        network_claim_format(&claim, text);
        saved_put(t, "network", text);
        saved_put_number(t, "network.mtu", net->mtu);
        saved_put_number(t, "network.tap-index", (uint64_t) MAX(net->tap_index, 0));
        saved_put_number(t, "network.tap-owner", net->tap_owner);
        saved_put_number(t, "network.rules", net->rules);
}

int net_adopt(Net *net, const Saved *s) {
        const char *text = saved_get(s, "network");
        Config *c = net->host->config;
        NetworkClaim claim;
        int r = text ? network_claim_parse(text, &claim) : -ENODATA;

        if (r < 0)
                return r;
        if (claim.prefix > 0) {
                c->host_address = claim.host;
                c->host_prefix = claim.prefix;
                config_fill_guest_address(c);
        }
        snprintf(c->tap, sizeof(c->tap), "%s", claim.tap);
        net->mtu = (unsigned) saved_number(s, "network.mtu", 0);
        net->tap_index = (int) saved_number(s, "network.tap-index", 0);
        net->tap_owner = (uid_t) saved_number(s, "network.tap-owner", 0);
        net->rules = saved_flag(s, "network.rules");
        return 0;
}
