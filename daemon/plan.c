/* SPDX-License-Identifier: GPL-2.0-or-later */
/* plan.c - prints the resolved plan of a guest. */

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
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

static void print_kernel(const Host *h) {
        const UmlKernel *k = h->kernel.uml;

        printf("kernel        %s (Linux %s)\n", k->path, k->release);
        printf("  can         %s%s%s%s%s%s\n", k->tuntap ? "tuntap " : "",
               k->vector ? "vector " : "", k->ip_pnp ? "ip= " : "", k->smp ? "smp " : "",
               k->bbr ? "bbr " : "", k->seccomp ? "seccomp " : "");
        printf("  cpu fix     %s\n", h->kernel.cpu_fix ?: "not needed");
}

static void print_arguments(const Config *c, const Setup *s) {
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
                        printf("%s%s\n", i == 0 ? "command line  " : "              ", argv.v[i]);
}

static void print_fallback(const Config *c) {
        Config fallback = *c;
        const char *word;

        if (!config_has_fallback(c))
                return;
        fallback.in_fallback = true;
        printf("fallback      after %u failed boots: %s", c->fallback_after,
               config_kernel(&fallback));
        for (size_t i = 0; (word = config_argument(&fallback, i)); i++)
                printf(" %s", word);
        printf("\n");
}

/* What of the host is in the guest's way. */
static void print_conditions(Net *net) {
        const ConditionList *list;

        net_conditions_look(net);
        list = net_conditions(net);
        for (size_t i = 0; i < list->n; i++) {
                _cleanup_free_ char *text = condition_format(&list->v[i]);

                if (condition_is_told(&list->v[i]) && text)
                        printf("%s\n", text);
        }
}

static void print_network(const Config *c, const Setup *s) {
        const Net *net = s->net;
        char host[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN], text[FORWARD_TEXT_MAX];
        char host6[INET6_ADDRSTRLEN], guest6[INET6_ADDRSTRLEN];
        char reach[REACH_TEXT_MAX], most[16];
        char uplinks[UPLINKS_TEXT_MAX], uplinks6[UPLINKS_TEXT_MAX];

        uplinks_format(&net->uplinks[NAT_IPV4], uplinks);
        uplinks_format(&net->uplinks[NAT_IPV6], uplinks6);

        printf("tap           %s, host %s/%u, guest %s, MTU %u, %s\n", c->tap,
               inet_ntop(AF_INET, &c->host_address, host, sizeof(host)), c->host_prefix,
               inet_ntop(AF_INET, &c->guest_address, guest, sizeof(guest)), net->mtu,
               transport_to_string(guest_transport(c, s->host->kernel.uml)));
        if (net_has_ipv6(net))
                printf("  IPv6        host %s/%u, guest %s, %s\n",
                       inet_ntop(AF_INET6, &c->host_address6, host6, sizeof(host6)),
                       c->host_prefix6,
                       inet_ntop(AF_INET6, &c->guest_address6, guest6, sizeof(guest6)),
                       net->public[NAT_IPV6].n > 0 ? masquerade_to_string(net->masquerade[NAT_IPV6])
                                                   : "the uplink has no IPv6 address");
        printf("uplink        %s, %s\n",
               net->uplinks[NAT_IPV4].n > 0 ? uplinks_format(&net->uplinks[NAT_IPV4], uplinks)
                                            : "none: the host has no IPv4 default route",
               net->masquerade[NAT_IPV4] == MASQUERADE_NO
                       ? "no masquerading"
                       : masquerade_to_string(net->masquerade[NAT_IPV4]));
        if (net_has_ipv6(net) && !streq(uplinks6, uplinks))
                printf("  of IPv6     %s\n", uplinks6);
        printf("host access   %s\n", host_access_to_string(c->host_access));
        printf("reach         %s\n", config_reach_format(c, reach));
        printf("connections   %s%s\n",
               isdigit(net_connections_format(net, most)[0]) ? "at most " : "", most);
        printf("rules         by %s (%s)\n", net->maker.nat.backend->name, net->maker.why);
        for (size_t i = 0; i < c->n_forwards; i++)
                printf("forward       %s\n", forward_format(&c->forwards[i], text));
        for (size_t i = 0; i < c->n_proxies; i++)
                printf("relay         %s\n", forward_format(&c->proxies[i], text));
        for (size_t i = 0; i < net->guard.n; i++)
                printf("guarded       %s (%s)\n", forward_format(&net->guard.ports[i].ports, text),
                       net->guard.ports[i].why);
        print_conditions(s->net);
}

static void print_dropins(const Config *c) {
        ConfigPart part = {};

        while (config_part_next(c->text, strlen(c->text), &part))
                if (part.file)
                        printf("drop-in       %.*s\n", (int) part.file_size, part.file);
}

/* What a check cannot know, because it changes nothing, is left out. */
static void print_confinement(const Host *h) {
        char text[LAYER_TEXT_MAX];
        const char *title = "confinement";

        printf("%-13s user=%s\n", title, h->config->user);
        for (int i = CONFINE_USER + 1; i < CONFINE_MAX; i++)
                if (*layer_text(h, (ConfineLayer) i, 0, text))
                        printf("  %-20s %s\n", confine_table[i].name, text);
}

static void print_hostfs(const Config *c) {
        if (c->root_dir)
                printf("root          %s, by hostfs\n", c->root_dir);
        for (size_t i = 0; i < c->shares.n; i++)
                printf("share         %s\n", c->shares.v[i]);
        for (size_t i = 0; i < c->shares_read_only.n; i++)
                printf("share         %s, read-only\n", c->shares_read_only.v[i]);
}

int plan_print(Config *c) {
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
                return fault.verdict == VERDICT_USAGE ? EXIT_USAGE : EXIT_FAILED;
        }
        printf("guest         %s (%s)\n", c->name, c->file);
        print_dropins(c);
        print_kernel(s->host);
        print_arguments(c, s);
        print_fallback(c);
        for (size_t i = 0; i < c->n_disks; i++)
                printf("disk          ubd%c %s%s%s%s%s%s\n", (char) ('a' + i), c->disks[i].path,
                       c->disks[i].read_only ? ", read-only" : "",
                       c->disks[i].sync ? ", synchronous" : "",
                       c->disks[i].swap ? ", swap space" : "", c->disks[i].cow ? ", remounts " : "",
                       c->disks[i].cow ?: "");
        print_hostfs(c);
        printf("memory        %" PRIu64 "M, %s in %s\n", c->memory >> 20,
               memory_backing_to_string(s->host->memory.backing), s->host->memory.path);
        if (s->host->memory.refused)
                printf("  refused     %s\n", s->host->memory.refused);
        print_network(c, s);
        print_confinement(s->host);
        return EXIT_DONE;
}
