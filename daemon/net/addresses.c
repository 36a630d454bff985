/* SPDX-License-Identifier: GPL-2.0-or-later */
/* addresses.c - the guest's network and the name of its tap: chosen or checked, claimed, kept. */

#include <arpa/inet.h>
#include <dirent.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/host/share.h"
#include "daemon/net/addresses.h"
#include "daemon/net/free-network.h"

#define SETTING "network"

enum {
        NAMED_TAPS = 1000, /* names tried, from tap0 on */
        /* Wider routes (0.0.0.0/1) are parts of a default route, and say nothing about what is in
           use. */
        NETWORK_PREFIX_MIN = 8,
        WHY_MAX = 200,
        KEPT_MAX = 256, /* bytes of the file */
};

/* ---- claims ---- */

static const char nothing[] = "-"; /* stands for no network or no tap */

void network_claim_format(const NetworkClaim *c, char buf[static NETWORK_CLAIM_TEXT_MAX]) {
        char address[INET_ADDRSTRLEN];

        if (c->prefix > 0)
                snprintf(buf, NETWORK_CLAIM_TEXT_MAX, "%s/%u %s",
                         inet_ntop(AF_INET, &c->host, address, sizeof(address)), c->prefix,
                         c->tap[0] ? c->tap : nothing);
        else
                snprintf(buf, NETWORK_CLAIM_TEXT_MAX, "%s %s", nothing,
                         c->tap[0] ? c->tap : nothing);
}

int network_claim_parse(const char *text, NetworkClaim *ret) {
        char address[INET_ADDRSTRLEN + 4], tap[IFNAMSIZ + 1], rest;
        NetworkClaim c = {};

        if (sscanf(text, "%19s %16s %c", address, tap, &rest) != 2)
                return -EBADMSG;
        if (!streq(address, nothing) && (parse_ipv4_prefix(address, &c.host, &c.prefix) < 0 ||
                                         c.prefix < NETWORK_PREFIX_MIN || c.prefix > 30))
                return -EBADMSG;
        if (!streq(tap, nothing) && !ifname_valid(tap))
                return -EBADMSG;
        if (!streq(tap, nothing))
                strcpy(c.tap, tap);
        *ret = c;
        return 0;
}

static int read_kept(const char *name, NetworkClaim *ret) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, name, "network"), *text = NULL;
        ssize_t n = path ? read_file(path, KEPT_MAX, &text) : -ENOMEM;

        return n < 0 ? (int) n : network_claim_parse(text, ret);
}

/* Records what was chosen for the guest. What its configuration names is not recorded, because the
 * guest would keep it after it has been removed from the configuration. Without the file the guest
 * may get another network the next time, which is no reason to refuse the start. */
static void keep(const Config *config, const NetworkClaim *c) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, config->name, "network");
        char text[NETWORK_CLAIM_TEXT_MAX + 1], before[NETWORK_CLAIM_TEXT_MAX] = "";
        NetworkClaim chosen = {};
        int r;

        if (!path)
                return;
        if (read_kept(config->name, &chosen) >= 0)
                network_claim_format(&chosen, before);
        if (config_network_is_auto(config)) {
                chosen.host = c->host;
                chosen.prefix = c->prefix;
        }
        if (!config->wanted_tap[0])
                strcpy(chosen.tap, c->tap);
        network_claim_format(&chosen, text);
        if (streq(text, before))
                return;
        strcat(text, "\n");
        r = write_file_atomic(path, text, strlen(text), 0644);
        if (r < 0)
                log_warning_errno(
                        r,
                        "%s: cannot be written, so the guest may get another network next time: %m",
                        path);
}

/* ---- what is in use ---- */

/* The state of the host, for choosing and for checking a claim. */
typedef struct Survey {
        const Config *config;
        NetworkClaim claim; /* what is configured, or was used last; prefix 0, tap "" = nothing */

        FreeNetworks networks;
        Strv taps; /* of other guests */

        /* The most informative one of those that overlap the wanted network. */
        bool taken;
        NetworkUse use;
        char *guest;            /* it belongs to this other guest */
        struct in_addr gateway; /* in the wanted network, 0.0.0.0 = none */
} Survey;

static void survey_done(Survey *s) {
        strv_done(&s->taps);
        free(s->guest);
}

static bool overlaps(const Survey *s, struct in_addr address, unsigned prefix) {
        return s->claim.prefix > 0 && networks_overlap(ntohl(s->claim.host.s_addr), s->claim.prefix,
                                                       ntohl(address.s_addr), prefix);
}

/* An administrator may use a part of a remote network deliberately; umld does not choose one. */
static bool is_division(const Survey *s, const NetworkUse *use) {
        return use->elsewhere && use->prefix < s->claim.prefix &&
               !config_network_is_auto(s->config);
}

static void on_use(const NetworkUse *use, void *userdata) {
        Survey *s = userdata;

        if (use->prefix < NETWORK_PREFIX_MIN)
                return;
        free_networks_take(&s->networks, ntohl(use->network.s_addr), use->prefix);
        if (!overlaps(s, use->network, use->prefix) || is_division(s, use))
                return;
        if (use->kind == NETWORK_OF_GATEWAY)
                s->gateway = use->network;
        /* Of one kind the widest counts, so that an address is reported with its network. */
        if (!s->taken || use->kind < s->use.kind ||
            (use->kind == s->use.kind && use->prefix < s->use.prefix))
                s->use = *use;
        s->taken = true;
}

/* Claims of a killed umld are void. Whether an umld is alive is only checked if that matters,
 * because there may be many. */
static bool is_free(SharedSetting *shared, const Survey *s, const char *guest,
                    const NetworkClaim *c) {
        bool wanted =
                overlaps(s, c->host, c->prefix) || (s->claim.tap[0] && streq(c->tap, s->claim.tap));

        return wanted && !shared_user_lives(shared, guest);
}

static int survey_claims(const Host *h, SharedSetting *shared, Survey *s) {
        _cleanup_strv_ Strv names = {}, texts = {};
        int r = shared ? shared_claims(shared, h->config->name, &names, &texts) : 0;

        for (size_t i = 0; r >= 0 && i < texts.n; i++) {
                NetworkClaim c;

                if (network_claim_parse(texts.v[i], &c) < 0 || is_free(shared, s, names.v[i], &c))
                        continue;
                free_networks_take(&s->networks, ntohl(c.host.s_addr), c.prefix);
                r = strv_push(&s->taps, c.tap);
                if (r < 0 || !overlaps(s, c.host, c.prefix))
                        continue;
                s->taken = true;
                s->use = (NetworkUse){ .network = c.host, .prefix = c.prefix };
                r = free_and_strdup(&s->guest, names.v[i]);
        }
        return r;
}

static int take(Survey *s, const NetworkClaim *c) {
        if (c->prefix > 0)
                free_networks_take(&s->networks, ntohl(c->host.s_addr), c->prefix);
        return c->tap[0] ? strv_push(&s->taps, c->tap) : 0;
}

/* What another guest's configuration names. A configuration that cannot be read does not count,
 * because its guest cannot be started. */
static int survey_config(const char *name, Survey *s) {
        _cleanup_free_ char *path = umld_config_path(name), *error = NULL,
                            *disk = umld_path(DIR_STATE, name, "root.img");
        _cleanup_(config_freep) Config *c = NULL;
        NetworkClaim claim = {};

        if (!path || !disk)
                return -ENOMEM;
        if (config_load(name, path, disk, &c, &error) < 0)
                return 0;
        claim.host = c->host_address;
        claim.prefix = c->host_prefix;
        strcpy(claim.tap, c->tap);
        return take(s, &claim);
}

/* Stopped guests keep what they used last, and what their configuration names. */
static int survey_configured(const Host *h, Survey *s) {
        DIR *dir = opendir(umld_dir(DIR_CONFIG));
        struct dirent *e;
        int r = 0;

        while (dir && r >= 0 && (e = readdir(dir))) {
                char *end = strrchr(e->d_name, '.');
                NetworkClaim kept;

                if (!end || !streq(end, ".conf"))
                        continue;
                *end = '\0';
                if (!guest_name_valid(e->d_name) || streq(e->d_name, h->config->name))
                        continue;
                if (read_kept(e->d_name, &kept) >= 0)
                        r = take(s, &kept);
                if (r >= 0)
                        r = survey_config(e->d_name, s);
        }
        if (dir)
                closedir(dir);
        return r;
}

/* Was that tap created by us, or by a previous umld of this guest? */
static bool link_is_ours(const Net *net, const char *name, const RtnlLink *link) {
        const char *guest = startswith(link->alias, "umld:");

        return guest ? streq(guest, net->host->config->name)
                     : !link->alias[0] && net->host->ledger.tap &&
                               streq(net->host->ledger.tap, name);
}

/* 0 = there is no such tap. */
static int own_tap(const Net *net, const char *name) {
        RtnlLink link;

        return name[0] && net_link_get(net->rtnl, name, &link) >= 0 &&
                               link_is_ours(net, name, &link)
                       ? link.index
                       : 0;
}

/* ---- the network ---- */

static const char *describe(const Survey *s, char buf[static WHY_MAX]) {
        const struct in_addr network = { htonl(
                network_first(ntohl(s->use.network.s_addr), s->use.prefix)) };
        char address[INET_ADDRSTRLEN], via[INET_ADDRSTRLEN], gateway[INET_ADDRSTRLEN],
                what[48] = "gateway", ifname[IFNAMSIZ] = "", with_gateway[40] = "";

        inet_ntop(AF_INET, &network, address, sizeof(address));
        inet_ntop(AF_INET, &s->use.via, via, sizeof(via));
        if (s->guest) {
                snprintf(buf, WHY_MAX, "%s/%u of guest %s", address, s->use.prefix, s->guest);
                return buf;
        }
        if (s->use.kind == NETWORK_OF_ADDRESS)
                snprintf(what, sizeof(what), "address %s", via);
        else if (s->use.kind == NETWORK_OF_ROUTE && s->use.table >= 253)
                strcpy(what, "route");
        else if (s->use.kind == NETWORK_OF_ROUTE)
                snprintf(what, sizeof(what), "route of table %u", s->use.table);
        if (s->use.kind != NETWORK_OF_GATEWAY && s->gateway.s_addr != 0)
                snprintf(with_gateway, sizeof(with_gateway), ", gateway %s",
                         inet_ntop(AF_INET, &s->gateway, gateway, sizeof(gateway)));
        if (s->use.index > 0)
                (void) if_indextoname((unsigned) s->use.index, ifname);
        snprintf(buf, WHY_MAX, "%s/%u%s%s (%s%s)", address, s->use.prefix, ifname[0] ? " of " : "",
                 ifname, what, with_gateway);
        return buf;
}

static int fault_taken(const Survey *s, Fault *f) {
        const Config *c = s->config;
        char why[WHY_MAX], wanted[INET_ADDRSTRLEN], other[INET_ADDRSTRLEN] = "";
        uint32_t free;

        if (free_networks_first(&s->networks, &free) >= 0) {
                struct in_addr a = { htonl(free | (c->wanted_host_prefix == 0 ? 2 : 1)) };

                inet_ntop(AF_INET, &a, other, sizeof(other));
        }
        describe(s, why);
        if (c->wanted_host_prefix == 0)
                return fault_set(f, VERDICT_NETWORK, false, -EADDRINUSE,
                                 "GuestAddress=%s: its network overlaps %s; use %s%sor "
                                 "GuestAddress=auto",
                                 inet_ntop(AF_INET, &c->guest_address, wanted, sizeof(wanted)), why,
                                 other, other[0] ? ", " : "");
        return fault_set(f, VERDICT_NETWORK, false, -EADDRINUSE,
                         "HostAddress=%s/%u: overlaps %s; use %s%sor HostAddress=auto",
                         inet_ntop(AF_INET, &c->host_address, wanted, sizeof(wanted)),
                         c->host_prefix, why, other, other[0] ? "/24, " : "");
}

static int choose_network(Survey *s, Fault *f) {
        char why[WHY_MAX], before[INET_ADDRSTRLEN];
        uint32_t first;

        if (!s->taken && s->claim.prefix > 0)
                return 0;
        if (!config_network_is_auto(s->config))
                return fault_taken(s, f);
        if (free_networks_first(&s->networks, &first) < 0)
                return fault_set(f, VERDICT_NETWORK, true, -ENOSPC,
                                 "HostAddress=auto: the host uses all private networks; set "
                                 "HostAddress= to one that the guest may have");
        if (s->claim.prefix > 0)
                log_notice("the guest's previous network, %s/%u, overlaps %s: using another one",
                           inet_ntop(AF_INET, &s->claim.host, before, sizeof(before)),
                           s->claim.prefix, describe(s, why));
        s->claim.host.s_addr = htonl(first | 1);
        s->claim.prefix = FREE_NETWORK_PREFIX;
        return 0;
}

/* ---- the tap ---- */

static bool tap_is_free(const Net *net, const Survey *s, const char *name) {
        RtnlLink link;

        for (size_t i = 0; i < s->taps.n; i++)
                if (streq(s->taps.v[i], name))
                        return false;
        return !uplinks_have(&net->host->config->uplinks, name) &&
               !uplinks_have(&net->host->config->uplinks6, name) &&
               (net_link_get(net->rtnl, name, &link) == -ENODEV || link_is_ours(net, name, &link));
}

/* A configured tap is checked by the step that creates it. */
static int choose_tap(const Net *net, Survey *s, Fault *f) {
        if (s->config->wanted_tap[0] || (s->claim.tap[0] && tap_is_free(net, s, s->claim.tap)))
                return 0;
        for (unsigned i = 0; i < NAMED_TAPS; i++) {
                snprintf(s->claim.tap, sizeof(s->claim.tap), "tap%u", i);
                if (tap_is_free(net, s, s->claim.tap))
                        return 0;
        }
        return fault_set(f, VERDICT_NETWORK, true, -ENOSPC,
                         "Tap=auto: all of tap0 to tap%u are in use; set Tap=", NAMED_TAPS - 1);
}

/* ---- the step ---- */

/* What is configured, or was chosen the last time. */
static NetworkClaim wanted_claim(const Config *c, const NetworkClaim *kept) {
        NetworkClaim claim = *kept;

        if (!config_network_is_auto(c)) {
                claim.host = c->host_address;
                claim.prefix = c->host_prefix;
        }
        if (c->wanted_tap[0])
                strcpy(claim.tap, c->wanted_tap);
        return claim;
}

/* Networks of stopped guests matter only for a choice, or for a suggestion. */
static bool has_choice(const Survey *s) {
        return s->taken || (config_network_is_auto(s->config) && s->claim.prefix == 0) ||
               !s->claim.tap[0];
}

static int choose(Net *net, SharedSetting *shared, Survey *s, Fault *f) {
        const Config *c = net->host->config;
        NetworkClaim kept = {};
        int r;

        (void) read_kept(c->name, &kept);
        s->config = c;
        s->claim = wanted_claim(c, &kept);
        r = net_networks(net->rtnl, own_tap(net, s->claim.tap), on_use, s);
        if (r >= 0)
                r = survey_claims(net->host, shared, s);
        if (r >= 0 && has_choice(s))
                r = survey_configured(net->host, s);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "cannot see which networks the host uses: %m");
        r = choose_network(s, f);
        return r < 0 ? r : choose_tap(net, s, f);
}

static void resolve(Config *c, const NetworkClaim *claim) {
        c->host_address = claim->host;
        c->host_prefix = claim->prefix;
        config_fill_guest_address(c);
        strcpy(c->tap, claim->tap);
}

void net_addresses_carry(const Config *from, Config *to) {
        NetworkClaim claim = { .host = from->host_address, .prefix = from->host_prefix };

        strcpy(claim.tap, from->tap);
        resolve(to, &claim);
}

static int claim(Net *net, SharedSetting *shared, const NetworkClaim *claim, Fault *f) {
        const Config *c = net->host->config;
        char text[NETWORK_CLAIM_TEXT_MAX];
        int r;

        network_claim_format(claim, text);
        r = shared_join(shared, c->name, text, ""); /* there is nothing to put back */
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot record the guest's network: %m; free some space there",
                                 net->host->shared);
        if (config_network_is_auto(c) || !c->wanted_tap[0])
                keep(c, claim);
        net->claimed = true;
        return 0;
}

int net_addresses_up(Net *net, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *shared = NULL;
        _cleanup_(survey_done) Survey s = {};
        int r;

        if (net->claimed)
                return 0;
        r = host_shared_there(net->host) || !net->host->quiet
                    ? host_shared_open(net->host, SETTING, &shared)
                    : 0;
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, true, r,
                                 "%s: cannot see which networks other guests have: %m",
                                 net->host->shared);
        r = choose(net, shared, &s, f);
        if (r >= 0 && !net->host->quiet)
                r = claim(net, shared, &s.claim, f);
        if (r >= 0)
                resolve(net->host->config, &s.claim);
        return r;
}

static void set_collision(Net *net, char *text) {
        free(net->collision);
        net->collision = text;
}

int net_addresses_down(Net *net, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *shared = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL;
        int r;

        set_collision(net, NULL);
        if (!net->claimed)
                return 0;
        r = host_shared_open(net->host, SETTING, &shared);
        if (r >= 0)
                r = shared_leave(shared, net->host->config->name, &original, &ours);
        net->claimed = r < 0;
        return MIN(r, 0);
}

/* ---- while the host changes ---- */

int net_addresses_look(Net *net) {
        const Config *c = net->host->config;
        _cleanup_(survey_done) Survey s = { .config = c };
        _cleanup_free_ char *now = NULL;
        char why[WHY_MAX];
        bool changed;
        int r;

        s.claim = wanted_claim(
                c, &(NetworkClaim){ .host = c->host_address, .prefix = c->host_prefix });
        r = net_networks(net->rtnl, own_tap(net, c->tap), on_use, &s);
        if (r < 0)
                return r;
        if (s.taken && !(now = strdup(describe(&s, why))))
                return -ENOMEM;
        changed = !streq(now ?: "", net->collision ?: "");
        set_collision(net, TAKE_PTR(now));
        return changed;
}

void net_addresses_warning(const Net *net, FILE *file) {
        const Config *c = net->host->config;
        char address[INET_ADDRSTRLEN];

        if (net->collision)
                fprintf(file,
                        "the guest's network, that of %s/%u on %s, overlaps %s by now: who is "
                        "there cannot be reached",
                        inet_ntop(AF_INET, &c->host_address, address, sizeof(address)),
                        c->host_prefix, c->tap, net->collision);
}
