/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-script.c - formats a guest's chains as nft(8) commands; touches nothing.
 *
 * An nftables table has no built-in chains, so for each hook we create a base chain, which jumps to
 * the same chains as in the legacy tables. Its priority determines the order: one before that of
 * the usual chains, or one after, so that the administrator's own forwards take precedence. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "nat/nft-netlink.h"
#include "nat/nft-script.h"

static const struct {
        NatTable table;
        const char *hook; /* as in a NatChain */
        const char *name, *place;
        bool nat_pair; /* kernels before 4.18 translate replies only if both exist */
} bases[] = {
        { NAT_TABLE_MANGLE, "PREROUTING", "early", "type filter hook prerouting priority -149" },
        { NAT_TABLE_MANGLE, "FORWARD", "mangle", "type filter hook forward priority -149" },
        { NAT_TABLE_FILTER, "FORWARD", "forward", "type filter hook forward priority -1" },
        { NAT_TABLE_FILTER, "INPUT", "input", "type filter hook input priority -1" },
        { NAT_TABLE_FILTER, "OUTPUT", "output-filter", "type filter hook output priority -1" },
        { NAT_TABLE_NAT, "PREROUTING", "prerouting", "type nat hook prerouting priority -99",
          true },
        { NAT_TABLE_NAT, "OUTPUT", "output", "type nat hook output priority -99" },
        { NAT_TABLE_NAT, "POSTROUTING", "postrouting", "type nat hook postrouting priority 101",
          true },
};

static const struct {
        const char *word; /* of tables and addresses */
        const char *nfproto, *icmp;
} family_words[NAT_FAMILY_MAX] = {
        [NAT_IPV4] = { "ip", "meta nfproto ipv4 ", "icmp" },
        [NAT_IPV6] = { "ip6", "meta nfproto ipv6 ", "icmpv6" },
};

typedef struct Script {
        FILE *file;
        const char *table;
        bool inet;
} Script;

char *nft_table_name(const char *guest, char buf[static NFT_TABLE_NAME_MAX]) {
        snprintf(buf, NFT_TABLE_NAME_MAX, NFT_TABLE_PREFIX "%s", guest);
        return buf;
}

char *nft_chain_name(NatFamily family, const char *name, bool inet,
                     char buf[static NFT_CHAIN_NAME_SIZE]) {
        snprintf(buf, NFT_CHAIN_NAME_SIZE, "%s%s", name, inet && family == NAT_IPV6 ? "-ip6" : "");
        return buf;
}

static void put_chain_name(const Script *s, NatFamily family, const char *name) {
        char buf[NFT_CHAIN_NAME_SIZE];

        fputs(nft_chain_name(family, name, s->inet, buf), s->file);
}

static void put_address(const Script *s, NatFamily family, const char *what, const IpAddress *a,
                        uint8_t bits) {
        char text[IP_ADDRESS_TEXT_MAX];

        if (bits == 0 && ip_address_is_any(a))
                return;
        ip_address_format(a, text);
        fprintf(s->file, "%s %s %s", family_words[family].word, what,
                family == NAT_IPV6 && ip_address_is_any(a) ? "::" : text);
        if (bits > 0)
                fprintf(s->file, "/%u", bits);
        fputc(' ', s->file);
}

static void put_interface(const Script *s, const char *what, const char *name) {
        if (name[0])
                fprintf(s->file, "%s \"%s\" ", what, name);
}

static const char *protocol_name(uint8_t protocol) {
        return protocol == IPPROTO_TCP ? "tcp" : "udp";
}

static void put_protocol(const Script *s, const NatRule *rule) {
        const char *name = protocol_name(rule->protocol);

        if (rule->protocol == 0)
                return;
        if (rule->protocol == IPPROTO_ICMP || rule->protocol == IPPROTO_ICMPV6)
                fprintf(s->file, "%s type %u ", family_words[rule->family].icmp, rule->icmp_type);
        else if (rule->protocol != IPPROTO_TCP && rule->protocol != IPPROTO_UDP)
                fprintf(s->file, "meta l4proto %u ", rule->protocol);
        else if (rule->first_port == 0 && rule->last_port == UINT16_MAX)
                fprintf(s->file, "meta l4proto %s ", name);
        else if (rule->first_port == rule->last_port)
                fprintf(s->file, "%s dport %u ", name, rule->first_port);
        else
                fprintf(s->file, "%s dport %u-%u ", name, rule->first_port, rule->last_port);
        if (rule->syn)
                fputs("tcp flags & (syn | rst) == syn ", s->file);
}

static void put_target(const Script *s, const NatRule *rule, const char *target) {
        bool v6 = rule->family == NAT_IPV6;
        char text[IP_ADDRESS_TEXT_MAX];

        fprintf(s->file, "%s %s to ", target, family_words[rule->family].word);
        ip_address_format(&rule->to_address, text);
        if (rule->to_port == 0)
                fputs(text, s->file);
        else
                fprintf(s->file, v6 ? "[%s]:%u" : "%s:%u", text, rule->to_port);
}

static void put_verdict(const Script *s, const NatRule *rule) {
        static const char *const words[] = {
                [NAT_ACCEPT] = "accept",  [NAT_DROP] = "drop",
                [NAT_RETURN] = "return",  [NAT_JUMP] = "jump ",
                [NAT_DNAT] = "dnat",      [NAT_MASQUERADE] = "masquerade",
                [NAT_SNAT] = "snat",      [NAT_CLAMP_MSS] = "tcp option maxseg size set rt mtu",
                [NAT_LOG] = "log group ", [NAT_QUEUE] = "queue num ",
        };

        if (rule->verdict == NAT_DNAT || rule->verdict == NAT_SNAT)
                put_target(s, rule, words[rule->verdict]);
        else
                fputs(words[rule->verdict], s->file);
        if (rule->verdict == NAT_JUMP)
                put_chain_name(s, rule->family, rule->chain);
        if (rule->verdict == NAT_LOG)
                fprintf(s->file, "%u", rule->queue);
        if (rule->verdict == NAT_QUEUE)
                fprintf(s->file, "%u bypass", rule->queue);
}

/* Each command gives the complete place, because that is all that an error message shows. */
static void put_command(const Script *s, NatFamily family, const char *command) {
        fprintf(s->file, "%s %s %s ", command, s->inet ? "inet" : family_words[family].word,
                s->table);
}

static void put_ends(const Script *s, const NatRule *rule) {
        put_interface(s, "iifname", rule->in);
        put_interface(s, "oifname", rule->out);
        if (nat_rule_has_mac(rule))
                fprintf(s->file, "ether saddr != %02x:%02x:%02x:%02x:%02x:%02x ", rule->not_mac[0],
                        rule->not_mac[1], rule->not_mac[2], rule->not_mac[3], rule->not_mac[4],
                        rule->not_mac[5]);
        put_address(s, rule->family, rule->not_source ? "saddr !=" : "saddr", &rule->source,
                    rule->source_bits);
        put_address(s, rule->family, "daddr", &rule->destination, rule->destination_bits);
}

/* The body of a rule; more: an additional match. */
static void put_rule(const Script *s, const NatRule *rule, const char *more) {
        put_ends(s, rule);
        put_protocol(s, rule);
        fputs(more, s->file);
        if (rule->above > 0)
                fprintf(s->file, "ct count over %u ", rule->above);
        if (rule->fresh)
                fputs("quota name \"" NFT_FRESH_QUOTA "\" ", s->file);
        if (rule->verdict != NAT_JUMP)
                fputs("counter ", s->file);
        put_verdict(s, rule);
        fputc('\n', s->file);
}

static void put_rule_place(const Script *s, const NatChain *chain) {
        put_command(s, chain->family, "add rule");
        put_chain_name(s, chain->family, chain->name);
        fputc(' ', s->file);
}

static void put_chain_rule(const Script *s, const NatChain *chain, const NatRule *rule,
                           const char *states) {
        put_rule_place(s, chain);
        put_rule(s, rule, states);
}

/* ---- many forwards ----
 *
 * A forward of a single port is one rule, whose counter counts that port only; but if there are
 * many, creating the rules takes longer than everything else, so they become elements of one map
 * per protocol. */

#define MAP_FROM 8

static const uint8_t map_protocols[] = { IPPROTO_TCP, IPPROTO_UDP };

static bool leads_one_port(const NatRule *r) {
        return r->verdict == NAT_DNAT && r->states == 0 && r->first_port > 0 &&
               r->first_port == r->last_port;
}

static bool same_but_ports(const NatRule *a, const NatRule *b) {
        NatRule other = *a;

        other.protocol = b->protocol;
        other.first_port = b->first_port;
        other.last_port = b->last_port;
        other.to_port = b->to_port;
        return nat_rule_equal(&other, b);
}

/* How many rules, starting with this one, go into maps; 0: it stays a rule. */
static size_t in_maps(const NatChain *chain, size_t from) {
        const NatRule *first = chain->rules + from, *end = chain->rules + chain->n_rules,
                      *r = first;

        while (r < end && leads_one_port(r) && same_but_ports(first, r))
                r++;
        return r - first < MAP_FROM ? 0 : (size_t) (r - first);
}

static bool have_protocol(const NatRule *rules, size_t n, uint8_t protocol) {
        for (size_t i = 0; i < n; i++)
                if (rules[i].protocol == protocol)
                        return true;
        return false;
}

/* The ports of one protocol, in a map to the guest's ports. */
static void put_ports(const Script *s, const NatRule *rules, size_t n, uint8_t protocol, bool map) {
        const char *separator = "{ ";

        for (const NatRule *r = rules; r < rules + n; r++) {
                if (r->protocol != protocol)
                        continue;
                fprintf(s->file, "%s%u", separator, r->first_port);
                if (map)
                        fprintf(s->file, " : %u", r->to_port ?: r->first_port);
                separator = ", ";
        }
        fputs(" }", s->file);
}

/* The first list is for the counter, which would otherwise count ports that are not forwarded. */
static void put_map(const Script *s, const NatChain *chain, const NatRule *rules, size_t n,
                    uint8_t protocol) {
        const char *name = protocol_name(protocol);
        char text[IP_ADDRESS_TEXT_MAX];

        if (!have_protocol(rules, n, protocol))
                return;
        put_rule_place(s, chain);
        put_ends(s, rules);
        fprintf(s->file, "%s dport ", name);
        put_ports(s, rules, n, protocol, false);
        fprintf(s->file,
                chain->family == NAT_IPV6 ? " counter dnat %s to [%s]:%s dport map "
                                          : " counter dnat %s to %s:%s dport map ",
                family_words[chain->family].word, ip_address_format(&rules->to_address, text),
                name);
        put_ports(s, rules, n, protocol, true);
        fputc('\n', s->file);
}

size_t nft_rule_place(const NatChain *chain, size_t n) {
        size_t place = 0, many;

        for (size_t i = 0; i < n; i += MAX(many, (size_t) 1)) {
                const NatRule *rules = chain->rules + i;

                many = in_maps(chain, i);
                if (many == 0)
                        place++;
                FOREACH_ELEMENT (p, map_protocols) {
                        if (i + many > n && rules[n - i].protocol == *p)
                                return place;
                        place += have_protocol(rules, many, *p);
                }
        }
        return place;
}

void nft_rule_places(const NatChain *chain, size_t *ret) {
        size_t place = 0, many;

        for (size_t i = 0; i < chain->n_rules; i += MAX(many, (size_t) 1)) {
                const NatRule *rules = chain->rules + i;

                many = in_maps(chain, i);
                if (many == 0)
                        ret[i] = place++;
                FOREACH_ELEMENT (p, map_protocols) {
                        for (size_t k = 0; k < many; k++)
                                if (rules[k].protocol == *p)
                                        ret[i + k] = place;
                        place += have_protocol(rules, many, *p);
                }
        }
}

/* ---- chains ---- */

/* DNAT is not a state here but a status: matching either takes two rules. */
static void put_chain_rules(const Script *s, const NatChain *chain) {
        static const char *const states[] = {
                [NAT_STATE_ESTABLISHED] = "ct state established ",
                [NAT_STATE_RELATED] = "ct state related ",
                [NAT_STATE_ESTABLISHED | NAT_STATE_RELATED] = "ct state established,related ",
        };
        size_t many;

        for (size_t i = 0; i < chain->n_rules; i += MAX(many, (size_t) 1)) {
                const NatRule *r = chain->rules + i;
                unsigned state = r->states & ~(unsigned) NAT_STATE_DNAT;

                many = in_maps(chain, i);
                FOREACH_ELEMENT (p, map_protocols)
                        put_map(s, chain, r, many, *p);
                if (many == 0 && r->states == 0)
                        put_chain_rule(s, chain, r, "");
                if (state)
                        put_chain_rule(s, chain, r, states[state]);
                if (r->states & NAT_STATE_DNAT)
                        put_chain_rule(s, chain, r, "ct status dnat ");
        }
}

/* Does the rule belong into this table? Tables ip and ip6 take one family, inet both. */
static bool belongs(const Script *s, const NatChain *chain, NatFamily family) {
        return chain->n_rules > 0 && (s->inet || chain->family == family);
}

static bool hangs_on(const NatChain *chain, size_t base) {
        return chain->table == bases[base].table && streq(chain->hook, bases[base].hook);
}

static bool base_needed(const Script *s, const NatChains *chains, NatFamily family, size_t base) {
        for (const NatChain *c = chains->chain; c < chains->chain + NAT_CHAIN_MAX; c++)
                if (belongs(s, c, family) &&
                    (hangs_on(c, base) ||
                     (!s->inet && bases[base].nat_pair && c->table == NAT_TABLE_NAT)))
                        return true;
        return false;
}

static void put_base(const Script *s, const NatChains *chains, NatFamily family, size_t base) {
        char more[64];

        put_command(s, family, "add chain");
        fprintf(s->file, "%s { %s; policy accept; }\n", bases[base].name, bases[base].place);
        for (const NatChain *c = chains->chain; c < chains->chain + NAT_CHAIN_MAX; c++)
                if (belongs(s, c, family) && hangs_on(c, base)) {
                        put_command(s, family, "add rule");
                        fprintf(s->file, "%s ", bases[base].name);
                        snprintf(more, sizeof(more), "%s%s",
                                 s->inet ? family_words[c->family].nfproto : "",
                                 c->jump.states == NAT_STATE_NEW ? "ct state new " : "");
                        put_rule(s, &c->jump, more);
                }
}

static void put_table(const Script *s, const NatChains *chains, NatFamily family) {
        bool empty = true;

        for (const NatChain *c = chains->chain; c < chains->chain + NAT_CHAIN_MAX; c++) {
                if (!belongs(s, c, family))
                        continue;
                if (empty)
                        fprintf(s->file, "add table %s %s\n",
                                s->inet ? "inet" : family_words[family].word, s->table);
                if (empty && chains->fresh > 0) {
                        put_command(s, c->family, "add quota");
                        fprintf(s->file, "%s { until %" PRIu64 " bytes }\n", NFT_FRESH_QUOTA,
                                (uint64_t) chains->fresh * NFT_FRESH_BYTES);
                }
                empty = false;
                put_command(s, c->family, "add chain");
                put_chain_name(s, c->family, c->name);
                fputc('\n', s->file);
        }
        for (const NatChain *c = chains->chain; c < chains->chain + NAT_CHAIN_MAX; c++)
                if (belongs(s, c, family))
                        put_chain_rules(s, c);
        for (size_t base = 0; base < ARRAY_SIZE(bases); base++)
                if (base_needed(s, chains, family, base))
                        put_base(s, chains, family, base);
}

/* There is no way to quote these; '*' would be a wildcard. */
static bool sayable(const NatRule *rule) {
        return !strpbrk(rule->in, "\"*\\") && !strpbrk(rule->out, "\"*\\");
}

static bool all_sayable(const NatChains *chains) {
        for (const NatChain *c = chains->chain; c < chains->chain + NAT_CHAIN_MAX; c++) {
                if (!sayable(&c->jump))
                        return false;
                for (size_t i = 0; i < c->n_rules; i++)
                        if (!sayable(&c->rules[i]))
                                return false;
        }
        return true;
}

int nft_script(const NatChains *chains, const char *table, bool inet, char **ret) {
        _cleanup_free_ char *text = NULL;
        Script s = { .table = table, .inet = inet };
        size_t size = 0;
        int r;

        if (!all_sayable(chains))
                return -EINVAL;
        s.file = open_memstream(&text, &size);
        if (!s.file)
                return -ENOMEM;
        for (NatFamily f = 0; f < (inet ? 1 : NAT_FAMILY_MAX); f++)
                put_table(&s, chains, f);
        r = memstream_close(s.file, &text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

int nft_script_replace(const char *commands, const char *table, unsigned families, bool user,
                       char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&text, &size);
        int r;

        if (!file)
                return -ENOMEM;
        /* Each table is added first, so that it is not an error if it is gone. */
        for (uint8_t f = 0; families >> f; f++)
                if (families & 1U << f)
                        fprintf(file, "table %s %s\ndelete table %s %s\n", nft_family_name(f),
                                table, nft_family_name(f), table);
        if (user)
                fprintf(file,
                        "add table inet %s\nadd chain inet %s %s "
                        "{ type filter hook forward priority %d; policy accept; }\n",
                        NFT_USER_TABLE, NFT_USER_TABLE, NAT_USER_CHAIN, NFT_FORWARD_PRIORITY - 1);
        fputs(commands, file);
        r = memstream_close(file, &text);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}
