/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firewall.c - knows other firewalls by the names of their chains. */

#include "nat/firewall.h"

static const struct {
        const char *prefix; /* of the name of a chain */
        Firewall firewall;
} chains[] = {
        { "ufw-", FIREWALL_UFW },
        { "ufw6-", FIREWALL_UFW },
        { "DOCKER-USER", FIREWALL_DOCKER },
        { "FWD_", FIREWALL_FIREWALLD },
        { "FWDI_", FIREWALL_FIREWALLD },
        { "FORWARD_IN_ZONES", FIREWALL_FIREWALLD },
        { "FORWARD_direct", FIREWALL_FIREWALLD },
        { "FORWARD_POLICIES", FIREWALL_FIREWALLD },
};

Firewall firewall_guess(const char *table, const char *chain) {
        if (startswith(table, "firewalld")) /* or firewalld_policy_drop, while it reloads */
                return FIREWALL_FIREWALLD;
        FOREACH_ELEMENT (c, chains)
                if (startswith(chain, c->prefix))
                        return c->firewall;
        return FIREWALL_OTHER;
}

/* What ufw and firewalld manage they keep; Docker only adds to it. */
Firewall firewall_better(Firewall a, Firewall b) {
        static const Firewall order[] = { FIREWALL_FIREWALLD, FIREWALL_UFW, FIREWALL_DOCKER };

        FOREACH_ELEMENT (each, order)
                if (a == *each || b == *each)
                        return *each;
        return FIREWALL_OTHER;
}
