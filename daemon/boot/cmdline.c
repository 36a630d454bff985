/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmdline.c - builds argv and environment from the configuration and the kernel's features. */

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "daemon/boot/cmdline.h"
#include "daemon/boot/fast-network.h"
#include "host/init-protocol.h"

Transport guest_transport(const Config *c, const UmlKernel *k) {
        if (c->transport == TRANSPORT_TUNTAP || c->transport == TRANSPORT_AUTO)
                if (k->tuntap)
                        return TRANSPORT_TUNTAP;
        if (c->transport == TRANSPORT_VECTOR || c->transport == TRANSPORT_AUTO)
                if (k->vector)
                        return TRANSPORT_VECTOR;
        return TRANSPORT_AUTO;
}

/* FNV-1a (Fowler, Noll and Vo), 64 bits. */
static uint64_t hash_text(const char *s) {
        uint64_t h = UINT64_C(0xcbf29ce484222325);

        for (; *s; s++)
                h = (h ^ (unsigned char) *s) * UINT64_C(0x100000001b3);
        return h;
}

struct ether_addr guest_mac(const char *name) {
        uint64_t h = hash_text(name);
        struct ether_addr mac = { .ether_addr_octet = {
                                          0x02 } }; /* locally administered, unicast */

        for (int i = 1; i < ETH_ALEN; i++)
                mac.ether_addr_octet[i] = (uint8_t) (h >> (8 * i));
        return mac;
}

static const char *format_mac(const struct ether_addr *mac, char buf[static 18]) {
        const uint8_t *o = mac->ether_addr_octet;

        snprintf(buf, 18, "%02x:%02x:%02x:%02x:%02x:%02x", o[0], o[1], o[2], o[3], o[4], o[5]);
        return buf;
}

/* ubda=PATH or ubda=COW,PATH; r = read-only, s = synchronous. */
static int append_disks(const Config *c, Strv *argv) {
        for (size_t i = 0; i < c->n_disks; i++) {
                const Disk *d = &c->disks[i];
                int r = strv_pushf(argv, "ubd%c%s%s=%s%s%s", (char) ('a' + i),
                                   d->read_only ? "r" : "", d->sync ? "s" : "", d->cow ?: "",
                                   d->cow ? "," : "", d->path);

                if (r < 0)
                        return r;
        }
        return 0;
}

/* The disks that init is to swap to: "ubdb,ubdc". */
static int append_swap(const Config *c, Strv *argv) {
        char names[CONFIG_DISKS_MAX * sizeof("ubda")] = "", *p = names;

        for (size_t i = 0; i < c->n_disks; i++)
                if (c->disks[i].swap)
                        p += sprintf(p, "%subd%c", p == names ? "" : ",", (char) ('a' + i));
        return p == names ? 0 : strv_pushf(argv, "umld_swap=%s", names);
}

/* 1500 is the default of every kernel. */
static bool mtu_is_special(const GuestNet *net) {
        return net->mtu > 0 && net->mtu != ETHERMTU;
}

static int append_network(const Config *c, const UmlKernel *k, const GuestNet *net, Strv *argv) {
        struct ether_addr mac = guest_mac(c->name);
        char text[18], mtu[16] = "";

        switch (guest_transport(c, k)) {
        case TRANSPORT_TUNTAP:
                return strv_pushf(argv, "eth0=tuntap,%s,%s", c->tap, format_mac(&mac, text));
        case TRANSPORT_VECTOR:
                /* Without gro the offloads of the tap make inbound traffic very slow. */
                if (mtu_is_special(net))
                        snprintf(mtu, sizeof(mtu), ",mtu=%u", net->mtu);
                return strv_pushf(argv, "vec0:transport=tap,ifname=%s,depth=128,gro=1,mac=%s%s",
                                  c->tap, format_mac(&mac, text), mtu);
        case TRANSPORT_AUTO:
        case TRANSPORT_MAX:
        case TRANSPORT_INVALID:
                break;
        }
        return -EOPNOTSUPP;
}

/* All of them, and for ip=, which takes IPv4 alone, the first two of those. */
typedef struct Dns {
        char all[CONFIG_DNS_MAX * IP_ADDRESS_TEXT_MAX];
        char v4[2][IP_ADDRESS_TEXT_MAX];
} Dns;

static void format_dns(const Config *c, Dns *ret) {
        char text[IP_ADDRESS_TEXT_MAX];
        size_t n = 0;

        *ret = (Dns){};
        for (size_t i = 0; i < c->n_dns; i++) {
                ip_address_format(&c->dns[i], text);
                if (i > 0)
                        strcat(ret->all, ",");
                strcat(ret->all, text);
                if (n < ARRAY_SIZE(ret->v4) && !ip_address_is_v6(&c->dns[i]))
                        strcpy(ret->v4[n++], text);
        }
}

/* The network configuration of the guest: for the kernel if it supports that, and in any case as
 * words that its init finds in /proc/cmdline. */
static int append_addresses(const Config *c, const UmlKernel *k, const GuestNet *net, Strv *argv) {
        char host[INET_ADDRSTRLEN], guest[INET_ADDRSTRLEN], mask[INET_ADDRSTRLEN],
                host6[INET6_ADDRSTRLEN], guest6[INET6_ADDRSTRLEN];
        struct in_addr netmask = { htonl(c->host_prefix ? UINT32_MAX << (32 - c->host_prefix)
                                                        : 0) };
        Dns dns;
        int r;

        format_dns(c, &dns);
        inet_ntop(AF_INET, &c->host_address, host, sizeof(host));
        inet_ntop(AF_INET, &c->guest_address, guest, sizeof(guest));
        inet_ntop(AF_INET, &netmask, mask, sizeof(mask));
        inet_ntop(AF_INET6, &c->host_address6, host6, sizeof(host6));
        inet_ntop(AF_INET6, &c->guest_address6, guest6, sizeof(guest6));
        if (k->ip_pnp && c->configure_by == CONFIGURE_BY_KERNEL) {
                r = strv_pushf(argv, "ip=%s::%s:%s:%s:%s:off:%s:%s", guest, host, mask, c->hostname,
                               guest_transport(c, k) == TRANSPORT_TUNTAP ? "eth0" : "vec0",
                               dns.v4[0], dns.v4[1]);
                if (r < 0)
                        return r;
        }
        if ((r = strv_pushf(argv, "systemd.hostname=%s", c->hostname)) < 0 ||
            (r = strv_pushf(argv, "umld_hostname=%s", c->hostname)) < 0 ||
            (r = strv_pushf(argv, "umld_address=%s/%u", guest, c->host_prefix)) < 0 ||
            (r = strv_pushf(argv, "umld_gateway=%s", host)) < 0 ||
            (r = strv_pushf(argv, "umld_dns=%s", dns.all)) < 0)
                return r;
        if (net->ipv6 &&
            ((r = strv_pushf(argv, "umld_address6=%s/%u", guest6, c->host_prefix6)) < 0 ||
             (r = strv_pushf(argv, "umld_gateway6=%s", host6)) < 0))
                return r;
        return mtu_is_special(net) ? strv_pushf(argv, "umld_mtu=%u", net->mtu) : 0;
}

/* Skips the delay loop calibration; the 512 legacy BSD pseudo terminals, for each of which a 6.x
 * kernel starts a helper process that fails (measured: 0.24 of the 0.31 s from exec to init); and
 * the benchmark of RAID-6 algorithms if the kernel has it. The name of that function changed
 * after 6.1. */
static int append_fast_boot(const Config *c, const UmlKernel *k, Strv *argv) {
        int r;

        if (!c->fast_boot)
                return 0;
        if ((r = strv_push(argv, "lpj=20000000")) < 0 ||
            (r = strv_push(argv, "pty.legacy_count=0")) < 0)
                return r;
        return k->raid6_benchmark
                       ? strv_push(argv, "initcall_blacklist=raid6_select_algo,raid6_init")
                       : 0;
}

static int append_root(const Config *c, Strv *argv) {
        int r;

        if (!c->root_dir)
                return (r = strv_push(argv, "root=/dev/ubda")) < 0
                               ? r
                               : strv_push(argv, c->disks[0].read_only ? "ro" : "rw");
        if ((r = strv_push(argv, "root=/dev/root")) < 0 ||
            (r = strv_push(argv, "rootfstype=hostfs")) < 0 ||
            (r = strv_pushf(argv, "rootflags=%s", c->root_dir)) < 0)
                return r;
        return strv_push(argv, "rw");
}

static int build(const Config *c, const UmlKernel *k, const GuestNet *net, const GuestPaths *paths,
                 bool fast_network, Strv *ret) {
        _cleanup_strv_ Strv argv = {};
        const char *word;
        int r;

        if ((r = strv_push(&argv, config_kernel(c))) < 0 ||
            (r = strv_pushf(&argv, "mem=%" PRIu64 "K", c->memory / 1024)) < 0 ||
            (r = append_disks(c, &argv)) < 0 || (r = append_network(c, k, net, &argv)) < 0 ||
            (r = strv_pushf(&argv, "umid=%s", paths->umid)) < 0 ||
            (r = strv_pushf(&argv, "uml_dir=%s", paths->uml_dir)) < 0 ||
            (r = strv_pushf(&argv, "mconsole=notify:%s", paths->notify)) < 0 ||
            (r = strv_push(&argv, "con=null")) < 0 ||
            (r = strv_pushf(&argv, "con0=fd:%d,fd:%d", GUEST_FD_TERMINAL, STDOUT_FILENO)) < 0 ||
            (r = strv_push(&argv, "noreboot")) < 0 ||
            (r = strv_pushf(&argv, "hostfs=%s", paths->hostfs ?: "/dev/null")) < 0 ||
            (r = append_fast_boot(c, k, &argv)) < 0 ||
            (fast_network && (r = fast_network_arguments(c, k, &argv)) < 0))
                return r;
        if (k->smp && (r = strv_pushf(&argv, "ncpus=%u", c->cpus)) < 0)
                return r;
        /* Last, so that Append= can override the others. */
        if ((r = append_root(c, &argv)) < 0 || (r = append_addresses(c, k, net, &argv)) < 0 ||
            (r = append_swap(c, &argv)) < 0)
                return r;
        for (size_t i = 0; (word = config_argument(c, i)); i++)
                if ((r = strv_push(&argv, word)) < 0)
                        return r;
        *ret = argv;
        argv = (Strv){};
        return 0;
}

/* A UML kernel exits at once if its command line is longer than 4 KiB. Arguments that it consumes
 * itself do not count, but those that it adds do: a root and a console. */
enum {
        COMMAND_LINE_MAX = 4096 - 64,
};

static bool fits(const Strv *argv) {
        size_t length = 0;

        for (size_t i = 1; i < argv->n; i++)
                length += strlen(argv->v[i]) + 1;
        return length < COMMAND_LINE_MAX;
}

int guest_cmdline(const Config *c, const UmlKernel *k, const GuestNet *net, const GuestPaths *paths,
                  Strv *ret) {
        _cleanup_strv_ Strv argv = {};
        bool left_out = false;
        int r = build(c, k, net, paths, true, &argv);

        if (r >= 0 && !fits(&argv)) {
                strv_done(&argv);
                r = build(c, k, net, paths, false, &argv);
                left_out = c->fast_network;
        }
        if (r >= 0 && !fits(&argv))
                r = -E2BIG;
        if (r < 0)
                return r;
        *ret = argv;
        argv = (Strv){};
        return left_out;
}

/* glibc 2.35 and later register an area of each thread with the host's kernel, which writes to it
 * whenever it has preempted the thread. In a static UML kernel this area lies in the range that the
 * stub of a guest process unmaps, so the first such write kills the guest's init. If a tunable is
 * given twice, the last one counts. */
#define NO_RSEQ "glibc.pthread.rseq=0"

static int push_preloads(const GuestEnvironment *e, Strv *environment) {
        _cleanup_free_ char *list = NULL;

        FOREACH_ELEMENT (object, e->preload) {
                char *longer;

                if (!*object)
                        continue;
                longer = strfmt("%s%s%s", list ?: "", list ? ":" : "", *object);
                free(list);
                list = longer;
                if (!list)
                        return -ENOMEM;
        }
        return list ? strv_pushf(environment, "LD_PRELOAD=%s", list) : 0;
}

int guest_environment(const GuestEnvironment *e, Strv *ret) {
        _cleanup_strv_ Strv environment = {};
        int r;

        if ((r = strv_push(&environment,
                           "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")) <
                    0 ||
            (r = strv_pushf(&environment, "TMPDIR=%s", e->memory)) < 0 ||
            (r = strv_pushf(&environment, "GLIBC_TUNABLES=%s%s" NO_RSEQ, e->tunables ?: "",
                            isempty(e->tunables) ? "" : ":")) < 0 ||
            (e->objects && (r = strv_pushf(&environment, "LD_LIBRARY_PATH=%s", e->objects)) < 0) ||
            (e->dumpable && (r = strv_push(&environment, GUEST_DUMPABLE "=1")) < 0) ||
            (r = push_preloads(e, &environment)) < 0)
                return r;
        *ret = environment;
        environment = (Strv){};
        return 0;
}

/* A word with a dot may be a parameter of a loadable module, or of init (systemd.unit=…); those
 * after "--" are for init. */
const char *guest_unknown_argument(const Config *c, UmlKernel *k) {
        const char *word;

        for (size_t i = 0; (word = config_argument(c, i)); i++) {
                size_t len = strcspn(word, "=");

                if (streq(word, "--"))
                        break;
                if (!memchr(word, '.', len) && uml_kernel_knows(k, word, len) == 0)
                        return word;
        }
        return NULL;
}
