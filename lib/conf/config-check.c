/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-check.c - checks whether settings are consistent with each other. */

#include <arpa/inet.h>
#include <stdio.h>

#include "conf/config-check.h"
#include "conf/parts.h"
#include "conf/refuse.h"

/* The setting to report and why. */
typedef struct Blame {
        unsigned line;
        const char *key;
        char **ret_why;
} Blame;

/* Returns the line of a key in the file. */
static unsigned config_line_of(const ConfigLines *lines, const char *section, const char *key) {
        size_t n;

        return lines->setting[setting_find(section, key) - settings_table(&n)];
}

/* Reports the first of the two keys if the file has it, else the second. */
static bool blame(Blame *b, const ConfigLines *lines, const char *section, const char *first,
                  const char *second) {
        unsigned line = config_line_of(lines, section, first);

        b->key = line > 0 ? first : second;
        b->line = line > 0 ? line : config_line_of(lines, section, second);
        return line > 0;
}

enum {
        OTHER_PLACE_MAX = 4200,
};

/* "line 2", or "line 2 of FILE" if that is not the file of the line that is reported. */
static const char *other_place(const ConfigLines *lines, unsigned other, unsigned reported,
                               char buf[static OTHER_PLACE_MAX]) {
        ConfigPart a = {}, b = {};
        unsigned line, ignored;

        config_part_find(lines->text, lines->size, other, &a, &line);
        config_part_find(lines->text, lines->size, reported, &b, &ignored);
        if (a.text == b.text)
                snprintf(buf, OTHER_PLACE_MAX, "line %u", line);
        else
                snprintf(buf, OTHER_PLACE_MAX, "line %u of %.*s", line,
                         (int) (a.file ? a.file_size : strlen(lines->file)), a.file ?: lines->file);
        return buf;
}

#define OTHER_PLACE(lines, other, reported)                                                        \
        other_place(lines, other, reported, (char[OTHER_PLACE_MAX]){ 0 })

#define ADDRESS_TEXT(a) inet_ntop(AF_INET, (a), (char[INET_ADDRSTRLEN]){ 0 }, INET_ADDRSTRLEN)

/* In the byte order of the host. */
static bool ipv4_is_private(uint32_t a) {
        return a >> 24 == 10 || a >> 20 == 0xac1u || a >> 16 == 0xc0a8;
}

static int check_addresses(const Config *c, const ConfigLines *lines, Blame *b) {
        uint32_t host_bits = UINT32_MAX >> c->host_prefix, guest = ntohl(c->guest_address.s_addr),
                 host = ntohl(c->host_address.s_addr), network = host & ~host_bits;
        struct in_addr network_address = { htonl(network) },
                       other = { htonl(network | (host == (network | 1) ? 2 : 1)) };

        if (config_network_is_auto(c))
                return 0;
        blame(b, lines, "Network", "GuestAddress", "HostAddress");
        if (c->wanted_host_prefix == 0 && !ipv4_is_private(guest))
                return refuse(b->ret_why, "%s is not a private address; set HostAddress= as well",
                              ADDRESS_TEXT(&c->guest_address));
        if ((guest & ~host_bits) != network)
                return refuse(b->ret_why,
                              "%s is not in the network of HostAddress=, %s/%u; use for example %s",
                              ADDRESS_TEXT(&c->guest_address), ADDRESS_TEXT(&network_address),
                              c->host_prefix, ADDRESS_TEXT(&other));
        if (guest == host)
                return refuse(b->ret_why,
                              "host and guest cannot both have the address %s; use GuestAddress=%s",
                              ADDRESS_TEXT(&c->guest_address), ADDRESS_TEXT(&other));
        if (guest == network || guest == (network | host_bits))
                return refuse(b->ret_why,
                              "%s is the network or broadcast address; use for example %s",
                              ADDRESS_TEXT(&c->guest_address), ADDRESS_TEXT(&other));
        return 0;
}

static bool same_network6(const struct in6_addr *a, const struct in6_addr *b, unsigned prefix) {
        unsigned bytes = prefix / 8, bits = prefix % 8;
        uint8_t mask = (uint8_t) (0xff << (8 - bits));

        return memcmp(a, b, bytes) == 0 &&
               (bits == 0 || ((a->s6_addr[bytes] ^ b->s6_addr[bytes]) & mask) == 0);
}

static int check_forwards_without_ipv6(const Config *c, const ConfigLines *lines, Blame *b) {
        char text[FORWARD_TEXT_MAX];

        b->key = "Forward";
        for (size_t i = 0; i < c->n_forwards; i++)
                if (c->forwards[i].family == FORWARD_IPV6) {
                        b->line = lines->forward[i];
                        return refuse(b->ret_why,
                                      "%s is for IPv6, which the guest does not have; set "
                                      "HostAddress6= and GuestAddress6=",
                                      forward_format(&c->forwards[i], text));
                }
        return 0;
}

static int check_ipv6(const Config *c, const ConfigLines *lines, Blame *b) {
        bool host = !IN6_IS_ADDR_UNSPECIFIED(&c->host_address6), guest = config_has_ipv6(c);

        if (!host && !guest)
                return check_forwards_without_ipv6(c, lines, b);
        blame(b, lines, "Network", "GuestAddress6", "HostAddress6");
        if (host != guest)
                return refuse(b->ret_why,
                              "IPv6 requires both addresses; set %s= as well, in the same network",
                              host ? "GuestAddress6" : "HostAddress6");
        if (memcmp(&c->host_address6, &c->guest_address6, sizeof(c->host_address6)) == 0)
                return refuse(b->ret_why,
                              "host and guest cannot both have this address; use another one");
        if (!same_network6(&c->host_address6, &c->guest_address6, c->host_prefix6))
                return refuse(
                        b->ret_why,
                        "the address is not in the network of HostAddress6=; use one that is");
        if (c->mtu > 0 && c->mtu < CONFIG_MTU_MIN_IPV6) {
                blame(b, lines, "Network", "MTU", "MTU");
                return refuse(b->ret_why, "IPv6 requires an MTU of at least %d",
                              CONFIG_MTU_MIN_IPV6);
        }
        return 0;
}

static int check_uplink(const Config *c, const ConfigLines *lines, Blame *b) {
        if (!c->tap[0] ||
            (!uplinks_have(&c->uplinks, c->tap) && !uplinks_have(&c->uplinks6, c->tap)))
                return 0;
        blame(b, lines, "Network", "Tap", "Uplink");
        return refuse(b->ret_why,
                      "%s cannot be both Tap= and Uplink=; use another name for the tap", c->tap);
}

static int check_snat(const Config *c, const ConfigLines *lines, Blame *b) {
        const Masquerade wanted[] = {
                c->masquerade,
                c->masquerade6 == MASQUERADE_AUTO ? c->masquerade : c->masquerade6,
        };

        for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
                if (!ip_address_is_any(&c->snat_addresses[i]) &&
                    (wanted[i] == MASQUERADE_MASQUERADE || wanted[i] == MASQUERADE_NO)) {
                        blame(b, lines, "Network", "SNATAddress", "Masquerade");
                        return refuse(b->ret_why,
                                      "has no effect with Masquerade%s=%s; use Masquerade%s=snat",
                                      i > 0 && c->masquerade6 != MASQUERADE_AUTO ? "6" : "",
                                      masquerade_to_string(wanted[i]),
                                      i > 0 && c->masquerade6 != MASQUERADE_AUTO ? "6" : "");
                }
        return 0;
}

static int check_forwards(const Config *c, const ConfigLines *lines, Blame *b) {
        char mine[FORWARD_TEXT_MAX], other[FORWARD_TEXT_MAX];

        for (size_t i = 0; i < c->n_forwards; i++)
                for (size_t j = 0; j < i; j++) {
                        if (!forward_overlaps(&c->forwards[i], &c->forwards[j]) ||
                            forward_is_all(&c->forwards[i]) != forward_is_all(&c->forwards[j]))
                                continue; /* "all" only takes the ports that no other forward has */
                        b->key = "Forward";
                        b->line = lines->forward[i];
                        return refuse(b->ret_why,
                                      "%s overlaps %s on %s; a port can be used only once",
                                      forward_format(&c->forwards[i], mine),
                                      forward_format(&c->forwards[j], other),
                                      OTHER_PLACE(lines, lines->forward[j], b->line));
                }
        return 0;
}

/* Does one of the list use a port of this relay? "all" excludes relayed ports. */
static int check_proxy(const Forward *proxy, const Forward *list, size_t n, const char *key,
                       Blame *b) {
        char mine[FORWARD_TEXT_MAX], other[FORWARD_TEXT_MAX];

        for (size_t i = 0; i < n; i++)
                if (forward_overlaps(proxy, &list[i]) && !forward_is_all(&list[i]))
                        return refuse(b->ret_why, "%s overlaps %s=%s; a port can be used only once",
                                      forward_format(proxy, mine), key,
                                      forward_format(&list[i], other));
        return 0;
}

static int check_proxies(const Config *c, const ConfigLines *lines, Blame *b) {
        unsigned ports = 0;

        b->key = "Proxy";
        for (size_t i = 0; i < c->n_proxies; i++) {
                const Forward *proxy = &c->proxies[i];
                int r;

                b->line = lines->proxy[i];
                if ((r = check_proxy(proxy, c->forwards, c->n_forwards, "Forward", b)) < 0 ||
                    (r = check_proxy(proxy, c->reserved, c->n_reserved, "Reserve", b)) < 0 ||
                    (r = check_proxy(proxy, c->proxies, i, "Proxy", b)) < 0)
                        return r;
                ports += proxy->host_last - proxy->host_first + 1U;
                if (ports > CONFIG_PROXIES_MAX)
                        return refuse(b->ret_why,
                                      "more than %d ports to relay, each of which needs a socket "
                                      "and a process; use Forward= instead",
                                      CONFIG_PROXIES_MAX);
        }
        return 0;
}

/* Are both the same path, apart from repeated slashes? */
static bool same_path(const char *a, const char *b) {
        if (!a || !b)
                return false;
        for (;; a++, b++) {
                while (a[0] == '/' && a[1] == '/')
                        a++;
                while (b[0] == '/' && b[1] == '/')
                        b++;
                if (*a != *b)
                        return false;
                if (!*a)
                        return true;
        }
}

/* Returns a file that both disks use; a shared base image of two copy-on-write files does not
 * count. */
static const char *shared_file(const Disk *a, const Disk *b) {
        if (same_path(a->path, b->path) && !(a->cow && b->cow))
                return a->path;
        if (same_path(a->cow, b->path) || same_path(a->cow, b->cow))
                return a->cow;
        return same_path(a->path, b->cow) ? a->path : NULL;
}

static int check_disks(const Config *c, const ConfigLines *lines, Blame *b) {
        b->key = "Disk";
        for (size_t i = 0; i < c->n_disks; i++) {
                b->line = lines->disk[i];
                if (same_path(c->disks[i].path, c->disks[i].cow))
                        return refuse(b->ret_why,
                                      "%s is both the disk and its copy-on-write file; use another "
                                      "file for cow=",
                                      c->disks[i].path);
                for (size_t j = 0; j < i; j++) {
                        const char *file = shared_file(&c->disks[i], &c->disks[j]);

                        if (file)
                                return refuse(b->ret_why,
                                              "%s is already used on %s; each disk needs a file "
                                              "of its own",
                                              file, OTHER_PLACE(lines, lines->disk[j], b->line));
                }
        }
        return 0;
}

/* Is the one the other, or below it? What is mounted in a directory would be made in it first. */
static bool overlap(const char *a, const char *b) {
        size_t n = strlen(a), m = strlen(b), least = MIN(n, m);

        return strncmp(a, b, least) == 0 && (n == m || (n < m ? b[n] : a[m]) == '/');
}

static int check_hostfs(const Config *c, const ConfigLines *lines, Blame *b) {
        const char *all[CONFIG_SHARES_MAX + 1];
        size_t n = 0;

        if (!config_has_hostfs(c))
                return 0;
        blame(b, lines, "Guest", c->root_dir ? "Root" : "Share", "Share");
        if (c->root_dir)
                all[n++] = c->root_dir;
        for (size_t i = 0; i < c->shares.n; i++)
                all[n++] = c->shares.v[i];
        for (size_t i = 0; i < c->shares_read_only.n; i++)
                all[n++] = c->shares_read_only.v[i];
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        if (overlap(all[i], all[j]))
                                return refuse(b->ret_why,
                                              "%s and %s are the same, or one contains the other; "
                                              "name the outer one only",
                                              all[j], all[i]);
        if (config_has_layer(c, CONFINE_ROOT))
                return 0;
        return refuse(b->ret_why, "with PrivateRoot=no hostfs would show all of the host; remove "
                                  "one of the two");
}

static int check_restart(const Config *c, const ConfigLines *lines, Blame *b) {
        if (c->restart_delay_max >= c->restart_delay)
                return 0;
        blame(b, lines, "Supervise", "RestartDelayMax", "RestartDelay");
        return refuse(
                b->ret_why,
                "RestartDelayMax=%s is shorter than RestartDelay=%s; make it at least as long",
                FORMAT_TIMESPAN(c->restart_delay_max), FORMAT_TIMESPAN(c->restart_delay));
}

static int check_probes(const Config *c, const ConfigLines *lines, Blame *b) {
        if (c->n_probes == 0 || c->hang_check > 0)
                return 0;
        b->key = "Probe";
        b->line = config_line_of(lines, "Supervise", "Probe");
        return refuse(b->ret_why,
                      "hangs are not detected with HangCheck=0; set HangCheck= as well");
}

static int check_confinement(const Config *c, const ConfigLines *lines, Blame *b) {
        for (int i = 0; i < CONFINE_MAX; i++) {
                if (!(c->required & CONFINE_BIT(i)) || config_has_layer(c, (ConfineLayer) i))
                        continue;
                blame(b, lines, "Confine", "Required", confine_table[i].key);
                return refuse(b->ret_why, "the layer %s is switched off by %s=; remove one of them",
                              confine_table[i].name, confine_table[i].key);
        }
        return 0;
}

int config_check(const Config *c, const ConfigLines *lines, unsigned *ret_line,
                 const char **ret_key, char **ret_why) {
        static int (*const checks[])(const Config *c, const ConfigLines *lines, Blame *b) = {
                check_disks,   check_hostfs, check_addresses,   check_ipv6,
                check_uplink,  check_snat,   check_forwards,    check_proxies,
                check_restart, check_probes, check_confinement,
        };
        Blame b = { .ret_why = ret_why };

        FOREACH_ELEMENT (check, checks) {
                int r = (*check)(c, lines, &b);

                if (r < 0) {
                        *ret_line = b.line;
                        *ret_key = b.key;
                        return r;
                }
        }
        return 0;
}
