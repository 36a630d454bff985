/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - prints the resolved plan of a guest. */

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/log.h"
#include "conf/parts.h"
#include "daemon/boot/cmdline.h"
#include "daemon/host/jail-tree.h"
#include "daemon/net/bars.h"
#include "daemon/net/conditions.h"
#include "daemon/plan.h"
#include "daemon/setup/setup.h"

enum {
        ITEM_WIDTH = 13,
        PART_WIDTH = 11, /* behind two spaces */
        LAYER_WIDTH = 20,
};

/* One line of the plan: of this item, or of a part of it. */
_printf_(4, 5) static void put(PlanForm form, const char *item, const char *part,
                               const char *format, ...) {
        int width = streq(item, "confinement") ? LAYER_WIDTH : PART_WIDTH;
        va_list ap;

        if (form == PLAN_TABS)
                printf("%s\t%s\t", item, part ?: "");
        else if (part)
                printf("  %-*s ", width, part);
        else
                printf("%-*s ", ITEM_WIDTH, item);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

static void print_kernel(PlanForm form, const Host *h) {
        const UmlKernel *k = h->kernel.uml;

        put(form, "kernel", NULL, "%s (Linux %s)", k->path, k->release);
        put(form, "kernel", "can", "%s%s%s%s%s%s", k->tuntap ? "tuntap " : "",
            k->vector ? "vector " : "", k->ip_pnp ? "ip= " : "", k->smp ? "smp " : "",
            k->bbr ? "bbr " : "", k->seccomp ? "seccomp " : "");
        put(form, "kernel", "cpu fix", "%s",
            h->kernel.cpu_fix
                    ?: h->kernel.lacks_fix ? "needed, but the kernel is static"
                                           : "not needed");
}

static void print_arguments(PlanForm form, const Config *c, const Setup *s) {
        const Host *h = s->host;
        _cleanup_free_ char *notify = strfmt("%s/notify", h->sockets);
        const GuestPaths paths = { .umid = c->name,
                                   .uml_dir = h->uml_dir,
                                   .notify = notify,
                                   .hostfs = config_has_hostfs(c) ? TREE_SHARES : NULL };
        const GuestNet net = { .mtu = s->net->mtu, .ipv6 = net_has_ipv6(s->net) };
        _cleanup_strv_ Strv argv = {};

        if (notify && guest_cmdline(c, h->kernel.uml, &net, &paths, &argv) >= 0)
                for (size_t i = 0; i < argv.n; i++)
                        put(form, i == 0 || form == PLAN_TABS ? "command line" : "", NULL, "%s",
                            argv.v[i]);
}

static char *join_arguments(const Config *c) {
        char *all = strdup(config_kernel(c));
        const char *word;

        for (size_t i = 0; all && (word = config_argument(c, i)); i++) {
                _cleanup_free_ char *shorter = all;

                all = strfmt("%s %s", shorter, word);
        }
        return all;
}

static void print_fallback(PlanForm form, const Config *c) {
        _cleanup_free_ char *words = NULL;
        Config fallback = *c;

        if (!config_has_fallback(c))
                return;
        fallback.in_fallback = true;
        words = join_arguments(&fallback);
        put(form, "fallback", NULL, "after %u failed boots: %s", c->fallback_after, words ?: "");
}

/* What of the host is in the guest's way. */
static void print_conditions(PlanForm form, Net *net) {
        const ConditionList *list;

        net_conditions_look(net);
        list = net_conditions(net);
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_free_ char *text = condition_format(&list->v[i]);

                if (condition_is_told(&list->v[i]) && text)
                        printf("%s%s\n", form == PLAN_TABS ? "condition\t\t" : "", text);
        }
}

static void print_network(PlanForm form, const Config *c, const Setup *s) {
        const Net *net = s->net;
        char host[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN], text[FORWARD_TEXT_MAX];
        char host6[INET6_ADDRSTRLEN], guest6[INET6_ADDRSTRLEN];
        char reach[REACH_TEXT_MAX], most[16];
        char uplinks[UPLINKS_TEXT_MAX], uplinks6[UPLINKS_TEXT_MAX];

        uplinks_format(&net->uplinks[NAT_IPV4], uplinks);
        uplinks_format(&net->uplinks[NAT_IPV6], uplinks6);

        put(form, "tap", NULL, "%s, host %s/%u, guest %s, MTU %u, %s", c->tap,
            inet_ntop(AF_INET, &c->host_address, host, sizeof(host)), c->host_prefix,
            inet_ntop(AF_INET, &c->guest_address, guest, sizeof(guest)), net->mtu,
            transport_to_string(guest_transport(c, s->host->kernel.uml)));
        if (net_has_ipv6(net))
                put(form, "tap", "IPv6", "host %s/%u, guest %s, %s",
                    inet_ntop(AF_INET6, &c->host_address6, host6, sizeof(host6)), c->host_prefix6,
                    inet_ntop(AF_INET6, &c->guest_address6, guest6, sizeof(guest6)),
                    net->public[NAT_IPV6].n > 0 ? masquerade_to_string(net->masquerade[NAT_IPV6])
                                                : "the uplink has no IPv6 address");
        put(form, "uplink", NULL, "%s, %s",
            net->uplinks[NAT_IPV4].n > 0 ? uplinks_format(&net->uplinks[NAT_IPV4], uplinks)
                                         : "none: the host has no IPv4 default route",
            net->masquerade[NAT_IPV4] == MASQUERADE_NO
                    ? "no masquerading"
                    : masquerade_to_string(net->masquerade[NAT_IPV4]));
        if (net_has_ipv6(net) && !streq(uplinks6, uplinks))
                put(form, "uplink", "of IPv6", "%s", uplinks6);
        put(form, "host access", NULL, "%s", host_access_to_string(c->host_access));
        put(form, "reach", NULL, "%s", config_reach_format(c, reach));
        put(form, "connections", NULL, "%s%s",
            isdigit(net_connections_format(net, most)[0]) ? "at most " : "", most);
        put(form, "rules", NULL, "by %s (%s)", net->maker.nat.backend->name, net->maker.why);
        for (size_t i = 0; i < c->n_forwards; i++)
                put(form, "forward", NULL, "%s", forward_format(&c->forwards[i], text));
        for (size_t i = 0; i < c->n_proxies; i++)
                put(form, "relay", NULL, "%s", forward_format(&c->proxies[i], text));
        for (size_t i = 0; i < net->guard.n; i++)
                put(form, "guarded", NULL, "%s (%s)",
                    forward_format(&net->guard.ports[i].ports, text), net->guard.ports[i].why);
        print_conditions(form, s->net);
}

static void print_dropins(PlanForm form, const Config *c) {
        ConfigPart part = {};

        while (config_part_next(c->text, strlen(c->text), &part))
                if (part.file)
                        put(form, "drop-in", NULL, "%.*s", (int) part.file_size, part.file);
}

/* What a check cannot know, because it changes nothing, is left out. */
static void print_confinement(PlanForm form, const Host *h) {
        char text[LAYER_TEXT_MAX];

        put(form, "confinement", NULL, "user=%s", h->config->user);
        for (int i = CONFINE_USER + 1; i < CONFINE_MAX; i++)
                if (*layer_text(h, (ConfineLayer) i, 0, text))
                        put(form, "confinement", confine_table[i].name, "%s", text);
}

static void print_hostfs(PlanForm form, const Config *c) {
        if (c->root_dir)
                put(form, "root", NULL, "%s, by hostfs", c->root_dir);
        for (size_t i = 0; i < c->shares.n; i++)
                put(form, "share", NULL, "%s", c->shares.v[i]);
        for (size_t i = 0; i < c->shares_read_only.n; i++)
                put(form, "share", NULL, "%s, read-only", c->shares_read_only.v[i]);
}

int plan_print(Config *c, PlanForm form) {
        _cleanup_(setup_freep) Setup *s = NULL;
        _cleanup_(fault_done) Fault fault = {};
        int r;

        r = setup_new(c, umld_dir(DIR_RUNTIME), &s);
        if (r < 0) {
                log_error_errno(r, "cannot check the host: %m");
                return EXIT_FAILED;
        }
        r = setup_wait(s, SETUP_CHECK, &fault);
        if (r < 0) {
                log_error("%s", fault.text ?: strerror(-r));
                if (form == PLAN_TABS)
                        put(form, "error", NULL, "%s", fault.text ?: strerror(-r));
                return fault.verdict == VERDICT_USAGE ? EXIT_USAGE : EXIT_FAILED;
        }
        put(form, "guest", NULL, "%s (%s)", c->name, c->file);
        print_dropins(form, c);
        print_kernel(form, s->host);
        print_arguments(form, c, s);
        print_fallback(form, c);
        for (size_t i = 0; i < c->n_disks; i++)
                put(form, "disk", NULL, "ubd%c %s%s%s%s%s%s", (char) ('a' + i), c->disks[i].path,
                    c->disks[i].read_only ? ", read-only" : "",
                    c->disks[i].sync ? ", synchronous" : "", c->disks[i].swap ? ", swap space" : "",
                    c->disks[i].cow ? ", changes in " : "", c->disks[i].cow ?: "");
        print_hostfs(form, c);
        put(form, "memory", NULL, "%" PRIu64 "M, %s in %s", c->memory >> 20,
            memory_backing_to_string(s->host->memory.backing), s->host->memory.path);
        if (s->host->memory.refused)
                put(form, "memory", "refused", "%s", s->host->memory.refused);
        print_network(form, c, s);
        print_confinement(form, s->host);
        return EXIT_DONE;
}
