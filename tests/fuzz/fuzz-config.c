/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-config.c - any bytes as NAME.conf: a configuration that holds together, or one line that
 * says why not. */

#include "fuzz.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "conf/config.h"
#include "conf/parts.h"
#include "conf/settings.h"

static void check_config(const Config *c) {
        uint32_t mask = ~(UINT32_MAX >> c->host_prefix);

        assert(c->memory >= UINT64_C(32) << 20 && c->memory % 4096 == 0);
        assert(c->cpus >= 1);
        assert(c->n_disks >= 1 && c->n_disks <= CONFIG_DISKS_MAX);
        for (size_t i = 0; i < c->n_disks; i++)
                assert(c->disks[i].path[0] == '/' && !strpbrk(c->disks[i].path, " ,:\""));
        for (size_t i = 0; i < c->append.n; i++)
                assert(!startswith(c->append.v[i], "mem=") && !startswith(c->append.v[i], "umid="));
        assert(c->kernel[0] == '/' && c->hostname[0] && c->user[0]);
        assert(c->n_dns >= 1 && c->n_dns <= CONFIG_DNS_MAX);
        assert(transport_to_string(c->transport) && masquerade_to_string(c->masquerade));
        assert(c->ready < READY_WHEN_MAX && c->restart < RESTART_WHEN_MAX);
        assert(streq(c->tap, c->wanted_tap));
        assert(((ntohl(c->host_address.s_addr) ^ ntohl(c->guest_address.s_addr)) & mask) == 0);
        assert(config_network_is_auto(c) || c->host_address.s_addr != c->guest_address.s_addr);
        for (size_t i = 0; i < c->n_forwards; i++)
                for (size_t j = 0; j < i; j++)
                        assert(!forward_overlaps(&c->forwards[i], &c->forwards[j]) ||
                               forward_is_all(&c->forwards[i]) != forward_is_all(&c->forwards[j]));
        for (size_t i = 0; i < c->n_reserved; i++)
                assert(c->reserved[i].guest_first == c->reserved[i].host_first);
        assert(c->restart_delay <= c->restart_delay_max && c->start_timeout > 0 &&
               c->stop_timeout > 0);
}

/* One line for a terminal, whatever the file holds. It names the file or a drop-in, whose path is
 * in the text as well. */
static void check_error(const char *error, bool dropins) {
        assert(dropins || (startswith(error, "f.conf:") && strlen(error) < 600));
        for (; *error; error++)
                assert(*error >= ' ' || (unsigned char) *error >= 0x80);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(config_freep) Config *c = NULL;
        _cleanup_free_ char *error = NULL;
        int r = config_parse("web", "f.conf", (const char *) data, size, "/root.img", &c, &error);

        if (r < 0) {
                assert(r == -EINVAL && !c && error);
                check_error(error, memchr(data, CONFIG_PART_MARK, size));
                return 0;
        }
        assert(!error);
        check_config(c);
        return 0;
}
