/* SPDX-License-Identifier: GPL-2.0-or-later */
/* changes.c - live or later: the two kinds of settings. */

#include "daemon/guest/changes.h"
#include "basic/cleanup.h"

static bool same_text(const char *a, const char *b) {
        return streq(a ?: "", b ?: "");
}

static bool same_disks(const Config *a, const Config *b) {
        if (a->n_disks != b->n_disks)
                return false;
        for (size_t i = 0; i < a->n_disks; i++) {
                const Disk *x = &a->disks[i], *y = &b->disks[i];

                if (!same_text(x->path, y->path) || !same_text(x->cow, y->cow) ||
                    x->read_only != y->read_only || x->sync != y->sync || x->adopt != y->adopt)
                        return false;
        }
        return true;
}

static bool same_bytes(const struct in6_addr *a, const struct in6_addr *b) {
        return memcmp(a, b, sizeof(*a)) == 0;
}

static bool same_dns(const Config *a, const Config *b) {
        return a->n_dns == b->n_dns && memcmp(a->dns, b->dns, a->n_dns * sizeof(a->dns[0])) == 0;
}

static const Strv *all_fallback_words(const Config *c) {
        return c->in_fallback ? &c->append : &c->fallback_append;
}

/* Of its words those that are its own, behind the ones of [Guest]. */
static bool same_fallback_words(const Config *a, const Config *b) {
        const Strv *x = all_fallback_words(a), *y = all_fallback_words(b);
        size_t i = config_normal_append(a)->n, k = config_normal_append(b)->n;

        for (; i < x->n && k < y->n; i++, k++)
                if (!streq(x->v[i], y->v[k]))
                        return false;
        return i == x->n && k == y->n;
}

/* NULL: the one of [Guest]. */
static const char *own_fallback_kernel(const Config *c) {
        const char *kernel = c->in_fallback ? c->kernel : c->fallback_kernel;

        return streq(kernel, config_normal_kernel(c)) ? NULL : kernel;
}

static bool same_fallback(const Config *a, const Config *b) {
        return a->has_fallback == b->has_fallback && a->fallback_after == b->fallback_after &&
               same_text(own_fallback_kernel(a), own_fallback_kernel(b)) &&
               same_fallback_words(a, b);
}

#define SAME(field) a->field == b->field

int reload_later_keys(const Config *a, const Config *b, char **ret) {
        const struct {
                const char *key;
                bool same;
        } keys[] = {
                { "Kernel", same_text(config_normal_kernel(a), config_normal_kernel(b)) },
                { "Memory", SAME(memory) },
                { "CPUs", SAME(cpus) },
                { "CPUAffinity", SAME(cpu_affinity) },
                { "Disk", same_disks(a, b) },
                { "Append", strv_equal(config_normal_append(a), config_normal_append(b)) },
                { "Fallback", same_fallback(a, b) },
                { "FastBoot", SAME(fast_boot) },
                { "Hostname", same_text(a->hostname, b->hostname) },
                { "Tap", streq(a->tap, b->tap) },
                { "HostAddress", SAME(host_address.s_addr) && SAME(host_prefix) },
                { "GuestAddress", SAME(guest_address.s_addr) },
                { "HostAddress6",
                  same_bytes(&a->host_address6, &b->host_address6) && SAME(host_prefix6) },
                { "GuestAddress6", same_bytes(&a->guest_address6, &b->guest_address6) },
                { "DNS", same_dns(a, b) },
                { "Transport", SAME(transport) },
                { "FastNetwork", SAME(fast_network) },
                { "ConfigureBy", SAME(configure_by) },
                { "Backing", SAME(backing) && same_text(a->backing_dir, b->backing_dir) },
                { "Ready", SAME(ready) },
                { "Log", SAME(log) },
                { "LogMax", SAME(log_max) },
                { "LogFiles", SAME(log_files) },
                { "Journal", SAME(journal) },
                { "User", same_text(a->user, b->user) },
        };
        _cleanup_free_ char *list = NULL;

        FOREACH_ELEMENT (k, keys) {
                char *longer;

                if (k->same)
                        continue;
                longer = strfmt("%s%s%s", list ?: "", list ? ", " : "", k->key);
                if (!longer)
                        return -ENOMEM;
                free(list);
                list = longer;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

static int copy_ports(const Forward *ports, size_t n, Forward **ret) {
        Forward *copy = calloc(n + 1, sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        if (n > 0)
                memcpy(copy, ports, n * sizeof(*copy));
        *ret = copy;
        return 0;
}

void reload_free_lists(Config *c) {
        free(c->forwards);
        free(c->proxies);
        free(c->reserved);
}

int reload_apply_live(Config *running, const Config *next) {
        _cleanup_free_ Forward *forwards = NULL, *proxies = NULL, *reserved = NULL;

        if (copy_ports(next->forwards, next->n_forwards, &forwards) < 0 ||
            copy_ports(next->proxies, next->n_proxies, &proxies) < 0 ||
            copy_ports(next->reserved, next->n_reserved, &reserved) < 0)
                return -ENOMEM;
        running->forwards = TAKE_PTR(forwards);
        running->n_forwards = next->n_forwards;
        running->proxies = TAKE_PTR(proxies);
        running->n_proxies = next->n_proxies;
        running->reserved = TAKE_PTR(reserved);
        running->n_reserved = next->n_reserved;
        running->masquerade = next->masquerade;
        running->one_arm = next->one_arm;
        running->host_access = next->host_access;
        running->mtu = next->mtu;
        running->backend = next->backend;
        memcpy(running->uplink, next->uplink, sizeof(running->uplink));
        running->balloon = next->balloon;
        running->disk_sync = next->disk_sync;
        running->hang_check = next->hang_check;
        running->hang_timeout = next->hang_timeout;
        running->start_timeout = next->start_timeout;
        running->stop_timeout = next->stop_timeout;
        memcpy(running->probes, next->probes, sizeof(running->probes));
        running->n_probes = next->n_probes;
        running->restart = next->restart;
        running->restart_delay = next->restart_delay;
        running->restart_delay_max = next->restart_delay_max;
        running->restart_reset = next->restart_reset;
        return 0;
}
