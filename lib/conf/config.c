/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config.c - what a Config says that is not simply one of its fields, and its end. */

#include "conf/config.h"
#include "conf/changes.h"

Config *config_free(Config *c) {
        if (!c)
                return NULL;
        free(c->name);
        free(c->file);
        free(c->text);
        settings_done(c);
        free(c);
        return NULL;
}

const char *config_kernel(const Config *c) {
        return c->in_fallback && c->fallback_kernel ? c->fallback_kernel : c->kernel;
}

const char *config_argument(const Config *c, size_t i) {
        if (i < c->append.n)
                return c->append.v[i];
        i -= c->append.n;
        return c->in_fallback && i < c->fallback_append.n ? c->fallback_append.v[i] : NULL;
}

bool config_has_fallback(const Config *c) {
        return c->fallback_kernel || c->fallback_append.n > 0;
}

void config_fill_guest_address(Config *c) {
        uint32_t host = ntohl(c->host_address.s_addr),
                 network = host & ~(UINT32_MAX >> c->host_prefix);

        if (c->wanted_guest_address.s_addr == 0)
                c->guest_address.s_addr = htonl(network | (host == (network | 1) ? 2 : 1));
}
