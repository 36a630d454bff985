/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forwards.c - may the guest have the ports that it wants? Checks the guard, the other guests'
 * umlds and the host's own services.
 *
 * An umld tells the others what it forwards in RUNTIME/NAME/forwards: a line "uplink IFNAME...",
 * "uplink6 IFNAME..." for IPv6, "only ipv4" if its guest has no IPv6, then "forward PORTS", "proxy
 * PORTS" and "reserve PORTS" from its configuration. */

#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/net/forwards.h"

#define CLAIM_MAX (64 * 1024)
/* items in a warning */
#define NAMED_PORTS     8
#define NAMED_ADDRESSES 4

static bool wants_ports(const Config *c) {
        return c->n_forwards > 0 || c->n_proxies > 0;
}

static char *claim_path(const Net *net) {
        return strfmt("%s/forwards", net->host->directory);
}

/* ---- what is refused ---- */

static const ForwardFamily families[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = FORWARD_IPV4,
        [NAT_IPV6] = FORWARD_IPV6,
};

static bool takes_every_port_of(const Config *c, NatFamily family, const IpAddress *address) {
        const Forward tcp = { FORWARD_TCP, 1, UINT16_MAX, 1, families[family], *address };
        Forward left;

        return !forward_common_port(&tcp, &tcp, c->forwards, c->n_forwards, &left);
}

/* Checks each of the host's addresses of that family; if there are none, those that may appear. */
static bool takes_every_tcp_port(const Net *net, NatFamily family) {
        const PublicAddresses *own = &net->public[family];
        static const IpAddress any;

        for (size_t i = 0; i < own->n; i++)
                if (!takes_every_port_of(net->host->config, family, &own->list[i]))
                        return false;
        return own->n > 0 || takes_every_port_of(net->host->config, family, &any);
}

static bool guards_a_tcp_port(const Guard *g) {
        for (size_t i = 0; i < g->n; i++)
                if (g->ports[i].ports.protocols & FORWARD_TCP)
                        return true;
        return false;
}

static int check_guard(Net *net, Fault *f) {
        const Config *c = net->host->config;
        int r;

        if (c->n_forwards == 0) /* there is nothing to guard */
                return 0;
        r = guard_update(&net->guard, c->reserved, c->n_reserved);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "cannot determine which ports the host listens on: %m");
        net->rules_stale |= r > 0;
        if ((takes_every_tcp_port(net, NAT_IPV4) ||
             (net_has_ipv6(net) && takes_every_tcp_port(net, NAT_IPV6))) &&
            !guards_a_tcp_port(&net->guard))
                return fault_set(f, VERDICT_NETWORK, true, -EADDRINUSE,
                                 "Forward=all would leave no port through which to reach this "
                                 "host, because no sshd is listening; start it, or name the port "
                                 "you log in through: Reserve=tcp/22");
        return 0;
}

/* ---- other guests ---- */

typedef struct PortsOf {
        const char *key;
        const Forward *list;
        size_t n;
} PortsOf;

/* The claims of another umld. */
typedef struct Claim {
        char uplinks[NAT_FAMILY_MAX][UPLINKS_TEXT_MAX];
        bool ipv4_only;
        Config ports; /* only its forwards, proxies and reserved ports */
} Claim;

static void claim_done(Claim *c) {
        free(c->ports.forwards);
        free(c->ports.proxies);
        free(c->ports.reserved);
}

static int claim_add(Forward **list, size_t *n, const char *text,
                     int (*parse)(const char *s, Forward *ret, const char **ret_why)) {
        const char *why;
        Forward *grown, f;

        if (parse(text, &f, &why) < 0)
                return -EBADMSG;
        grown = reallocarray(*list, *n + 1, sizeof(f));
        if (!grown)
                return -ENOMEM;
        *list = grown;
        grown[(*n)++] = f;
        return 0;
}

/* -ENOENT: it forwards nothing. */
static int claim_read(const char *path, Claim *ret) {
        _cleanup_(claim_done) Claim c = {};
        _cleanup_free_ char *text = NULL;
        char *rest, *line;
        ssize_t n = read_small_file(path, CLAIM_MAX, &text);
        int r = 0;

        if (n < 0)
                return (int) n;
        for (rest = text; r >= 0 && (line = strsep(&rest, "\n"));) {
                const char *value;

                if ((value = startswith(line, "uplink ")))
                        snprintf(c.uplinks[NAT_IPV4], UPLINKS_TEXT_MAX, "%s", value);
                else if ((value = startswith(line, "uplink6 ")))
                        snprintf(c.uplinks[NAT_IPV6], UPLINKS_TEXT_MAX, "%s", value);
                else if (streq(line, "only ipv4"))
                        c.ipv4_only = true;
                else if ((value = startswith(line, "forward ")))
                        r = claim_add(&c.ports.forwards, &c.ports.n_forwards, value, forward_parse);
                else if ((value = startswith(line, "proxy ")))
                        r = claim_add(&c.ports.proxies, &c.ports.n_proxies, value, forward_parse);
                else if ((value = startswith(line, "reserve ")))
                        r = claim_add(&c.ports.reserved, &c.ports.n_reserved, value, ports_parse);
        }
        if (r < 0)
                return r;
        if (!c.uplinks[NAT_IPV6][0]) /* an older umld */
                memcpy(c.uplinks[NAT_IPV6], c.uplinks[NAT_IPV4], UPLINKS_TEXT_MAX);
        *ret = c;
        c = (Claim){};
        return 0;
}

/* Neither guest uses ports that one of them may not have. */
static int both_reserve(const Config *a, const Config *b, Forward **ret) {
        Forward *both = calloc(a->n_reserved + b->n_reserved + 1, sizeof(*both));

        if (!both)
                return -ENOMEM;
        if (a->n_reserved > 0)
                memcpy(both, a->reserved, a->n_reserved * sizeof(*both));
        if (b->n_reserved > 0)
                memcpy(both + a->n_reserved, b->reserved, b->n_reserved * sizeof(*both));
        *ret = both;
        return 0;
}

/* The port that both want, of the families whose uplink they share. */
static bool both_want(const Forward *mine, const Forward *theirs, ForwardFamily shared,
                      const Forward *except, size_t n_except, Forward *ret) {
        bool plain = mine->family == FORWARD_BOTH && theirs->family == FORWARD_BOTH;
        Forward wanted = *mine;

        if (shared != FORWARD_BOTH) {
                if (mine->family != FORWARD_BOTH && mine->family != shared)
                        return false;
                wanted.family = shared;
        }
        if (!forward_common_port(&wanted, theirs, except, n_except, ret))
                return false;
        if (plain && shared != FORWARD_IPV6) /* neither of them names a family */
                ret->family = FORWARD_BOTH;
        return true;
}

/* Compares one list of ports of each side; both: ports that either side may not have. */
static int check_lists(const Net *net, const char *other, const PortsOf *mine,
                       const PortsOf *theirs, ForwardFamily shared, const Forward *both,
                       size_t n_both, Fault *f) {
        char m[FORWARD_TEXT_MAX], t[FORWARD_TEXT_MAX], port[FORWARD_TEXT_MAX];
        Forward common;

        for (size_t i = 0; i < mine->n; i++)
                for (size_t j = 0; j < theirs->n; j++)
                        if (both_want(&mine->list[i], &theirs->list[j], shared, both, n_both,
                                      &common))
                                return fault_set(f, VERDICT_NETWORK, false, -EADDRINUSE,
                                                 "%s=%s of %s and %s=%s of %s both want %s; a port "
                                                 "can be forwarded to one guest only: remove it "
                                                 "from one of them, or add it to its Reserve=",
                                                 mine->key, forward_format(&mine->list[i], m),
                                                 net->host->config->name, theirs->key,
                                                 forward_format(&theirs->list[j], t), other,
                                                 forward_format(&common, port));
        return 0;
}

static bool share_uplink(const Net *net, const Claim *claim, NatFamily family) {
        char text[UPLINKS_TEXT_MAX], *rest = text, *name;

        strcpy(text, claim->uplinks[family]);
        while ((name = strsep(&rest, " ")))
                if (*name && uplinks_have(&net->uplinks[family], name))
                        return true;
        return false;
}

static int check_against(const Net *net, const char *other, const Claim *claim, Fault *f) {
        _cleanup_free_ Forward *both = NULL;
        const Config *c = net->host->config, *o = &claim->ports;
        const PortsOf mine[] = { { "Forward", c->forwards, c->n_forwards },
                                 { "Proxy", c->proxies, c->n_proxies } };
        const PortsOf theirs[] = { { "Forward", o->forwards, o->n_forwards },
                                   { "Proxy", o->proxies, o->n_proxies } };
        bool share4 = share_uplink(net, claim, NAT_IPV4),
             share6 = !claim->ipv4_only && net_has_ipv6(net) && share_uplink(net, claim, NAT_IPV6);
        ForwardFamily shared = share4 && share6 ? FORWARD_BOTH
                               : share4         ? FORWARD_IPV4
                                                : FORWARD_IPV6;
        int r = 0;

        if (!share4 && !share6)
                return 0;
        if (both_reserve(c, o, &both) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(mine) && r >= 0; i++)
                for (size_t j = 0; j < ARRAY_SIZE(theirs) && r >= 0; j++)
                        r = check_lists(net, other, &mine[i], &theirs[j], shared, both,
                                        c->n_reserved + o->n_reserved, f);
        return r;
}

static int check_guest(const Net *net, const char *other, Fault *f) {
        _cleanup_free_ char *path = strfmt("%s/%s/forwards", net->host->runtime, other);
        _cleanup_(claim_done) Claim claim = {};
        int r;

        if (!path)
                return -ENOMEM;
        r = claim_read(path, &claim);
        if (r == -ENOENT || r == -ENOTDIR || r == -EBADMSG)
                return 0; /* not one of ours, or written by another version */
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r, "cannot read %s: %m", path);
        r = check_against(net, other, &claim, f);
        if (r == -EADDRINUSE && !host_guest_alive(other, net->host->runtime)) {
                fault_done(f);
                r = 0;
        }
        return r;
}

static int print_ports(FILE *file, const char *what, const Forward *list, size_t n) {
        char text[FORWARD_TEXT_MAX];

        for (size_t i = 0; i < n; i++)
                if (fprintf(file, "%s %s\n", what, forward_format(&list[i], text)) < 0)
                        return -ENOMEM;
        return 0;
}

/* NULL: out of memory. */
static char *claim_text(const Net *net) {
        char four[UPLINKS_TEXT_MAX], six[UPLINKS_TEXT_MAX];
        const Config *c = net->host->config;
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);
        int r;

        if (!file)
                return NULL;
        r = fprintf(file, "uplink %s\nuplink6 %s\n%s",
                    uplinks_format(&net->uplinks[NAT_IPV4], four),
                    uplinks_format(&net->uplinks[NAT_IPV6], six),
                    net_has_ipv6(net) ? "" : "only ipv4\n");
        if (r >= 0)
                r = print_ports(file, "forward", c->forwards, c->n_forwards);
        if (r >= 0 && net->held)
                r = print_ports(file, "forward", net->held->forwards, net->held->n_forwards);
        if (r >= 0)
                r = print_ports(file, "proxy", c->proxies, c->n_proxies);
        if (r >= 0)
                r = print_ports(file, "reserve", c->reserved, c->n_reserved);
        return memstream_close(file, &text) >= 0 && r >= 0 ? TAKE_PTR(text) : NULL;
}

/* The other umlds avoid what we have claimed. */
static bool is_claimed(const Net *net) {
        _cleanup_free_ char *text = net->claimed_ports ? claim_text(net) : NULL;

        return text && streq(text, net->claimed_ports);
}

static int check_other_guests(const Net *net, Fault *f) {
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *de;
        int r = 0;

        if (!wants_ports(net->host->config) || is_claimed(net))
                return 0;
        d = opendir(net->host->runtime);
        while (d && r >= 0 && (de = readdir(d)))
                if (de->d_name[0] != '.' && !streq(de->d_name, net->host->config->name))
                        r = check_guest(net, de->d_name, f);
        return r;
}

int net_forwards_check(Net *net, Fault *f) {
        int r = check_guard(net, f);

        return r < 0 ? r : check_other_guests(net, f);
}

int net_forwards_claim(Net *net) {
        _cleanup_free_ char *path = claim_path(net), *text = claim_text(net);
        int r;

        if (!path || !text)
                return -ENOMEM;
        if (!wants_ports(net->host->config) && !net->held) {
                net_forwards_release(net);
                return 0;
        }
        r = write_file_atomic(path, text, strlen(text), 0644);
        if (r < 0)
                return r;
        free(net->claimed_ports);
        net->claimed_ports = TAKE_PTR(text);
        return 0;
}

void net_forwards_release(Net *net) {
        _cleanup_free_ char *path = claim_path(net);

        free(net->claimed_ports);
        net->claimed_ports = NULL;
        if (path)
                (void) unlink_quiet(path);
}

/* ---- what is allowed, but worth a warning ---- */

/* Does the forward take precedence over a service of the host? Services listen once for each
 * family, so a port may be in the list already. */
static bool is_taken(const Net *net, const Forward *f, size_t i) {
        const Guard *g = &net->guard;
        const Listener *l = &g->seen[i];
        const Forward port = { l->protocol, l->port, l->port, l->port, l->family };

        if (!forward_overlaps(f, &port) || guard_find(g, &port) ||
            (l->family == FORWARD_IPV6 && !net_has_ipv6(net)))
                return false;
        for (size_t k = 0; k < i; k++)
                if (g->seen[k].port == l->port && g->seen[k].protocol == l->protocol)
                        return false;
        return true;
}

static void warn_of_listeners(const Net *net, const Forward *f, FILE *file) {
        const Guard *g = &net->guard;
        _cleanup_free_ Listener *taken = calloc(g->n_seen + 1, sizeof(*taken));
        _cleanup_free_ Owner *owners = calloc(g->n_seen + 1, sizeof(*owners));
        char text[FORWARD_TEXT_MAX];
        size_t n = 0;

        for (size_t i = 0; taken && owners && i < g->n_seen; i++)
                if (is_taken(net, f, i))
                        taken[n++] = g->seen[i];
        if (n == 0)
                return;
        (void) listeners_owners(taken, n, NULL, owners);
        fprintf(file,
                "Forward=%s takes precedence over services of the host:", forward_format(f, text));
        for (size_t i = 0; i < MIN(n, (size_t) NAMED_PORTS); i++)
                fprintf(file, "%s %s/%u (%s)", i > 0 ? "," : "",
                        taken[i].protocol == FORWARD_TCP ? "tcp" : "udp", taken[i].port,
                        owners[i].pid > 0 ? owners[i].comm
                                          : "a process that is not visible from here");
        fprintf(file, "%s; Reserve= keeps a port\n", n > NAMED_PORTS ? " and others" : "");
}

/* "all" and the like are not expected to include the guarded ports; a forward that names one is. */
static void warn_of_guard(const Guard *g, const Forward *f, FILE *file) {
        char forward[FORWARD_TEXT_MAX], port[FORWARD_TEXT_MAX];

        if (forward_is_all(f))
                return;
        for (size_t i = 0; i < g->n; i++)
                if (forward_overlaps(&g->ports[i].ports, f) && !streq(g->ports[i].why, "Reserve="))
                        fprintf(file,
                                "Forward=%s: %s is not forwarded, because you reach the host "
                                "through it (%s)\n",
                                forward_format(f, forward),
                                forward_format(&g->ports[i].ports, port), g->ports[i].why);
}

/* An address that will appear later, or was mistyped. */
static void warn_of_address(const Net *net, const Forward *f, FILE *file) {
        NatFamily family = ip_address_is_v6(&f->address) ? NAT_IPV6 : NAT_IPV4;
        char uplinks[UPLINKS_TEXT_MAX];
        char text[FORWARD_TEXT_MAX], address[IP_ADDRESS_TEXT_MAX];
        const PublicAddresses *own = &net->public[family];

        if (ip_address_is_any(&f->address))
                return;
        for (size_t i = 0; i < own->n; i++)
                if (ip_address_equal(&own->list[i], &f->address))
                        return;
        fprintf(file, "Forward=%s: %s does not have this address at present; it has",
                forward_format(f, text), uplinks_format(&net->uplinks[family], uplinks));
        for (size_t i = 0; i < MIN(own->n, (size_t) NAMED_ADDRESSES); i++)
                fprintf(file, "%s %s", i > 0 ? "," : "", ip_address_format(&own->list[i], address));
        fprintf(file, "%s\n",
                own->n == 0                ? " none"
                : own->n > NAMED_ADDRESSES ? " and others"
                                           : "");
}

void net_forwards_warnings(const Net *net, FILE *file) {
        const Config *c = net->host->config;

        for (size_t i = 0; i < c->n_forwards; i++) {
                warn_of_address(net, &c->forwards[i], file);
                warn_of_guard(&net->guard, &c->forwards[i], file);
                warn_of_listeners(net, &c->forwards[i], file);
        }
}
