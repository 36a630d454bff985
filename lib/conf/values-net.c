/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values-net.c - parsers of name servers, of what the guest may reach, and of how many connections.
 */

#include <ctype.h>
#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/parse-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

static const struct {
        const char *word;
        unsigned flag;
} reaches[] = {
        { "internet", REACH_INTERNET },
        { "link", REACH_LINK },
        { "metadata", REACH_METADATA },
        { "neighbours", REACH_NEIGHBOURS },
        { "no", 0 },
};

typedef struct Reach {
        unsigned flags;
        IpPrefix networks[CONFIG_REACHED_MAX];
        size_t n;
        bool no, any;
} Reach;

static bool add_word(Reach *reach, const char *word) {
        FOREACH_ELEMENT (r, reaches)
                if (streq(word, r->word)) {
                        reach->flags |= r->flag;
                        reach->no |= r->flag == 0;
                        return true;
                }
        return false;
}

static int add_reached(Reach *reach, const char *word, char **ret_why) {
        bool other = reach->any;

        reach->any = true;
        if (!add_word(reach, word)) {
                if (reach->n == CONFIG_REACHED_MAX)
                        return refuse_text(ret_why, word,
                                           "too many networks; at most %d are possible",
                                           CONFIG_REACHED_MAX);
                if (ip_prefix_parse(word, &reach->networks[reach->n]) < 0)
                        return refuse_text(ret_why, word,
                                           "use internet, link, metadata, neighbours, no, or "
                                           "networks such as 192.168.0.0/16");
                reach->n++;
        }
        if (reach->no && other)
                return refuse_text(ret_why, word, "\"no\" excludes everything else; remove one");
        return 0;
}

const char *config_reach_format(const Config *c, char buf[static REACH_TEXT_MAX]) {
        char address[IP_ADDRESS_TEXT_MAX];
        size_t n = 0;

        strcpy(buf, "no");
        FOREACH_ELEMENT (r, reaches)
                if (c->reach & r->flag)
                        n += (size_t) snprintf(buf + n, REACH_TEXT_MAX - n, "%s%s",
                                               n > 0 ? " " : "", r->word);
        for (size_t i = 0; i < c->n_reached; i++) {
                n += (size_t) snprintf(buf + n, REACH_TEXT_MAX - n, "%s%s", n > 0 ? " " : "",
                                       ip_address_format(&c->reached[i].address, address));
                if (c->reached[i].bits > 0) /* else it is one address */
                        n += (size_t) snprintf(buf + n, REACH_TEXT_MAX - n, "/%u",
                                               c->reached[i].bits);
        }
        return buf;
}

int setting_parse_reach(const Setting *s, const char *value, Config *c, char **ret_why) {
        Reach reach;

        memset(&reach, 0, sizeof(reach)); /* networks are compared as bytes */
        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = setting_next_word(&value, " \t", &word);

                if (r > 0)
                        r = add_reached(&reach, word, ret_why);
                else if (r == 0)
                        break;
                if (r < 0)
                        return r;
        }
        c->reach = reach.flags;
        memcpy(c->reached, reach.networks, sizeof(c->reached));
        c->n_reached = reach.n;
        return 0;
}

int setting_parse_dns(const Setting *s, const char *value, Config *c, char **ret_why) {
        IpAddress dns[CONFIG_DNS_MAX] = {};
        size_t n = 0;

        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = setting_next_word(&value, " \t", &word);

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (n == CONFIG_DNS_MAX)
                        return refuse_text(ret_why, word,
                                           "too many name servers; at most %d are possible",
                                           CONFIG_DNS_MAX);
                if (ip_address_parse(word, &dns[n]) < 0 || !ip_address_is_unicast(&dns[n]))
                        return refuse_text(ret_why, word,
                                           "not the address of a name server; separate them "
                                           "by spaces, for example %s",
                                           s->def);
                n++;
        }
        memcpy(c->dns, dns, sizeof(dns));
        c->n_dns = n;
        return 0;
}

int setting_parse_connections(const Setting *s, const char *value, Config *c, char **ret_why) {
        if (!streq(value, "auto") && !streq(value, "no"))
                return setting_parse_count(s, value, c, ret_why);
        c->connections = streq(value, "no") ? CONNECTIONS_ANY : 0;
        return 0;
}

/* "100M": powers of 1000, as tc(8) and providers count. */
static int parse_rate(const Setting *s, const char *word, uint64_t *ret, char **ret_why) {
        static const char suffixes[] = "KMG";
        _cleanup_free_ char *number = strdup(word);
        size_t n = number ? strlen(number) : 0;
        const char *suffix = n > 0 && !isdigit((unsigned char) word[n - 1])
                                     ? strchr(suffixes, word[n - 1])
                                     : NULL;
        uint64_t v, unit = 1;

        if (!number)
                return -ENOMEM;
        for (const char *p = suffixes; suffix && p <= suffix; p++)
                unit *= 1000;
        if (suffix)
                number[n - 1] = '\0';
        if (parse_unsigned(number, 0, s->max, &v) < 0 || v > s->max / unit || v * unit < s->min)
                return refuse_text(ret_why, word,
                                   "not a rate from 64K to 32G bits a second; for example %s",
                                   s->example);
        *ret = v * unit;
        return 0;
}

int setting_parse_bandwidth(const Setting *s, const char *value, Config *c, char **ret_why) {
        uint64_t rates[BANDWIDTH_MAX] = {};

        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = setting_next_word(&value, " \t", &word);
                const char *in = r > 0 ? startswith(word, "in:") : NULL,
                           *out = r > 0 ? startswith(word, "out:") : NULL;
                uint64_t rate = 0;

                if (r > 0)
                        r = parse_rate(s, in ?: out ?: word, &rate, ret_why);
                else if (r == 0)
                        break;
                if (r < 0)
                        return r;
                if ((!out && rates[BANDWIDTH_IN] > 0) || (!in && rates[BANDWIDTH_OUT] > 0))
                        return refuse_text(ret_why, word, "a second rate for the same direction");
                if (!out)
                        rates[BANDWIDTH_IN] = rate;
                if (!in)
                        rates[BANDWIDTH_OUT] = rate;
        }
        memcpy(c->bandwidth, rates, sizeof(rates));
        return 0;
}

int setting_parse_snat_address(const Setting *s, const char *value, Config *c, char **ret_why) {
        IpAddress found[2] = {};

        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = setting_next_word(&value, " \t", &word);
                IpAddress a;

                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                if (ip_address_parse(word, &a) < 0 || !ip_address_is_unicast(&a))
                        return refuse_text(ret_why, word,
                                           "not an address of the host; use one, for example %s",
                                           s->example);
                if (!ip_address_is_any(&found[ip_address_is_v6(&a)]))
                        return refuse_text(ret_why, word,
                                           "a second address of the same family; name one of each");
                found[ip_address_is_v6(&a)] = a;
        }
        memcpy(c->snat_addresses, found, sizeof(found));
        return 0;
}

bool uplinks_have(const Uplinks *u, const char *ifname) {
        for (size_t i = 0; i < u->n; i++)
                if (streq(u->list[i], ifname))
                        return true;
        return false;
}
