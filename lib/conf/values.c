/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values.c - parsers for numbers, keywords and addresses. */

#include <arpa/inet.h>
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

static void *field(const Setting *s, Config *c) {
        return (char *) c + s->fields[0].offset;
}

int setting_parse_bool(const Setting *s, const char *value, Config *c, char **ret_why) {
        if (parse_bool(value, field(s, c)) < 0)
                return refuse_text(ret_why, value, "neither yes nor no");
        return 0;
}

int setting_parse_count(const Setting *s, const char *value, Config *c, char **ret_why) {
        uint64_t v;

        if (parse_unsigned(value, s->min, s->max, &v) < 0)
                return refuse_text(ret_why, value, "not a number from %" PRIu64 " to %" PRIu64,
                                   s->min, s->max);
        *(unsigned *) field(s, c) = (unsigned) v;
        return 0;
}

/* Formats a size with the largest suffix that leaves no remainder. */
static const char *format_size(char *buf, size_t size, uint64_t bytes) {
        const char *suffix = "\0KMGT";
        size_t i = 0;

        for (; i < 4 && bytes > 0 && bytes % 1024 == 0; i++)
                bytes /= 1024;
        snprintf(buf, size, "%" PRIu64 "%.1s", bytes, suffix + i);
        return buf;
}

int setting_parse_size(const Setting *s, const char *value, Config *c, char **ret_why) {
        char text[32];
        uint64_t v;
        int r = parse_size(value, &v);

        if (r == -EINVAL)
                return refuse_text(ret_why, value,
                                   "invalid size; use a number with K, M or G, for example %s",
                                   s->def);
        if (r == -ERANGE || v > s->max)
                return refuse_text(ret_why, value, "too large; at most %s",
                                   format_size(text, sizeof(text), s->max));
        if (v < s->min)
                return refuse_text(ret_why, value, "too small; at least %s",
                                   format_size(text, sizeof(text), s->min));
        if (v % 4096 != 0)
                return refuse_text(ret_why, value, "not a multiple of 4K");
        *(uint64_t *) field(s, c) = v;
        return 0;
}

int setting_parse_span(const Setting *s, const char *value, Config *c, char **ret_why) {
        usec_t v;
        int r = parse_timespan(value, &v);

        if (r == -EINVAL)
                return refuse_text(
                        ret_why, value,
                        "invalid time; use a number with ms, s, min or h, for example %s",
                        streq(s->def, "0") ? "30s" : s->def);
        if (r == -ERANGE || v > s->max)
                return refuse_text(ret_why, value, "too long; at most %s", FORMAT_TIMESPAN(s->max));
        if (v < s->min)
                return refuse_text(ret_why, value, "too short; at least %s",
                                   FORMAT_TIMESPAN(s->min));
        *(usec_t *) field(s, c) = v;
        return 0;
}

int setting_parse_interval(const Setting *s, const char *value, Config *c, char **ret_why) {
        usec_t v;

        if (parse_timespan(value, &v) < 0 || v > 0)
                return setting_parse_span(s, value, c, ret_why);
        *(usec_t *) field(s, c) = 0;
        return 0;
}

/* "a", "a or b", "a, b or c" */
static char *join_choices(const Setting *s) {
        char *joined = NULL;

        for (size_t i = 0; i < s->n_choices; i++) {
                char *longer = strfmt("%s%s%s", joined ?: "",
                                      i == 0                 ? ""
                                      : i + 1 < s->n_choices ? ", "
                                                             : " or ",
                                      s->choices[i]);

                free(joined);
                joined = longer;
                if (!joined)
                        return NULL;
        }
        return joined;
}

static int choose(const Setting *s, const char *value, char **ret_why) {
        _cleanup_free_ char *choices = NULL;

        for (size_t i = 0; i < s->n_choices; i++)
                if (streq(value, s->choices[i]))
                        return (int) i;
        choices = join_choices(s);
        if (!choices)
                return -ENOMEM;
        return refuse_text(ret_why, value, "unknown value; use %s", choices);
}

int setting_parse_choice(const Setting *s, const char *value, Config *c, char **ret_why) {
        int r = choose(s, value, ret_why);

        if (r < 0)
                return r;
        *(int *) field(s, c) = r; /* the choices are the names of the enum values, in order */
        return 0;
}

/* The names of tap and uplink are used in kernel arguments and in names of sysctls, so only plain
 * characters are allowed. */
static int parse_ifname(const char *value, const char *example, char ret[static IFNAMSIZ],
                        char **ret_why) {
        bool plain = ifname_valid(value) && value[0] != '-' && !streq(value, "all") &&
                     !streq(value, "default");

        for (const char *p = value; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("._-", *p))
                        plain = false;
        if (!plain)
                return refuse_text(ret_why, value,
                                   "invalid interface name; use up to 15 letters, digits, '.', '_' "
                                   "and '-', for example %s",
                                   example);
        strcpy(ret, value);
        return 0;
}

int setting_parse_tap(const Setting *s, const char *value, Config *c, char **ret_why) {
        if (!streq(value, "auto"))
                return parse_ifname(value, s->example, c->wanted_tap, ret_why);
        c->wanted_tap[0] = '\0';
        return 0;
}

static int add_uplink(const char *word, Uplinks *to, char **ret_why) {
        const char *label = strchr(word, ':');
        char name[IFNAMSIZ];
        int r;

        /* What ifconfig(8) shows for the second address of an interface. */
        if (label && label > word)
                return refuse_text(ret_why, word,
                                   "an interface's address, not an interface; write %.*s",
                                   (int) (label - word), word);
        r = parse_ifname(word, "eth0", name, ret_why);
        if (r < 0)
                return r;
        for (size_t i = 0; i < to->n; i++)
                if (streq(to->list[i], name))
                        return refuse_text(ret_why, word, "named twice");
        if (to->n == CONFIG_UPLINKS_MAX)
                return refuse_text(ret_why, word, "too many interfaces; use at most %d",
                                   CONFIG_UPLINKS_MAX);
        strcpy(to->list[to->n++], name);
        return 0;
}

int setting_parse_uplinks(const Setting *s, const char *value, Config *c, char **ret_why) {
        _cleanup_free_ char *copy = strdup(value);
        char *rest = copy, *word;
        Uplinks uplinks = {};

        if (!copy)
                return -ENOMEM;
        while (!streq(value, "auto") && (word = strsep(&rest, " \t"))) {
                int r = *word ? add_uplink(word, &uplinks, ret_why) : 0;

                if (r < 0)
                        return r;
        }
        *(Uplinks *) field(s, c) = uplinks;
        return 0;
}

int setting_parse_mtu(const Setting *s, const char *value, Config *c, char **ret_why) {
        if (!streq(value, "auto"))
                return setting_parse_count(s, value, c, ret_why);
        c->mtu = 0;
        return 0;
}

int setting_parse_hostname(const Setting *s, const char *value, Config *c, char **ret_why) {
        size_t n = strlen(value);
        bool good = n <= s->max && isalnum((unsigned char) value[0]) &&
                    isalnum((unsigned char) value[n - 1]);

        for (const char *p = value; *p; p++)
                if (!isalnum((unsigned char) *p) && *p != '-' && (*p != '.' || p[1] == '.'))
                        good = false;
        if (!good)
                return refuse_text(ret_why, value,
                                   "invalid host name; use up to %" PRIu64
                                   " letters, digits, '-' and '.' between them",
                                   s->max);
        return free_and_strdup(&c->hostname, value);
}

/* Can it be the address of a single machine? */
static bool is_unicast(struct in_addr a) {
        uint32_t v = ntohl(a.s_addr);

        return v >> 24 != 0 && v >> 24 != 127 && v >> 24 < 224;
}

int setting_parse_host_address(const Setting *s, const char *value, Config *c, char **ret_why) {
        struct in_addr a;
        uint32_t host_bits;
        unsigned prefix;
        int r;

        if (streq(value, "auto")) {
                c->wanted_host_address.s_addr = 0;
                c->wanted_host_prefix = 0;
                return 0;
        }
        r = parse_ipv4_prefix(value, &a, &prefix);
        if (r == -EINVAL)
                return refuse_text(ret_why, value, "not ADDRESS/PREFIX; use for example %s",
                                   s->example);
        if (r == -ERANGE || prefix < s->min || prefix > s->max)
                return refuse_text(ret_why, value, "prefix length not from %" PRIu64 " to %" PRIu64,
                                   s->min, s->max);
        if (!is_unicast(a))
                return refuse_text(ret_why, value,
                                   "not a unicast address; use a private one, for example %s",
                                   s->example);
        host_bits = UINT32_MAX >> prefix;
        if ((ntohl(a.s_addr) & host_bits) == 0 || (ntohl(a.s_addr) & host_bits) == host_bits)
                return refuse_text(
                        ret_why, value,
                        "this is the network or broadcast address; use one between them");
        c->wanted_host_address = a;
        c->wanted_host_prefix = prefix;
        return 0;
}

int setting_parse_guest_address(const Setting *s, const char *value, Config *c, char **ret_why) {
        struct in_addr a;

        if (streq(value, "auto")) {
                c->wanted_guest_address.s_addr = 0;
                return 0;
        }
        if (parse_ipv4(value, &a) < 0)
                return refuse_text(ret_why, value, "not an IPv4 address; use for example %s",
                                   s->example);
        if (a.s_addr == 0)
                return refuse_text(ret_why, value, "no machine can have this address");
        c->wanted_guest_address = a;
        return 0;
}

int setting_parse_host_address6(const Setting *s, const char *value, Config *c, char **ret_why) {
        IpAddress a = {};
        unsigned prefix;
        int r = parse_ipv6_prefix(value, &a.v6, &prefix);

        if (r == -EINVAL)
                return refuse_text(ret_why, value, "not an IPv6 ADDRESS/PREFIX; use for example %s",
                                   s->example);
        if (r == -ERANGE || prefix < s->min || prefix > s->max)
                return refuse_text(ret_why, value, "prefix length not from %" PRIu64 " to %" PRIu64,
                                   s->min, s->max);
        if (!ip_address_is_v6(&a) || !ip_address_is_unicast(&a))
                return refuse_text(ret_why, value,
                                   "not a unicast address; use a private one, for example %s",
                                   s->example);
        c->host_address6 = a.v6;
        c->host_prefix6 = prefix;
        return 0;
}

int setting_parse_guest_address6(const Setting *s, const char *value, Config *c, char **ret_why) {
        IpAddress a = {};

        if (parse_ipv6(value, &a.v6) < 0 || !ip_address_is_v6(&a) || !ip_address_is_unicast(&a))
                return refuse_text(ret_why, value,
                                   "not an IPv6 unicast address; use for example %s", s->example);
        c->guest_address6 = a.v6;
        return 0;
}

int setting_next_word(const char **text, const char *separators, char **ret) {
        const char *start = *text + strspn(*text, separators);
        size_t n = strcspn(start, separators);

        if (n == 0)
                return 0;
        *ret = strndup(start, n);
        if (!*ret)
                return -ENOMEM;
        *text = start + n;
        return 1;
}

/* A key whose value is a list of ports. */
typedef struct PortList {
        Forward **items;
        size_t *n;
        int (*parse)(const char *word, Forward *ret, const char **ret_why);
        const char *what;
} PortList;

#define PORTS_MEANT_MAX 64

/* Tells what a word was probably meant to be: "22" and "22/tcp", as ufw(8) writes it, are tcp/22.
 * false: nothing. */
static bool ports_meant(const PortList *list, const char *word, char buf[static PORTS_MEANT_MAX]) {
        size_t n = strspn(word, "0123456789-:");
        const char *protocol = word[n] == '/' ? word + n + 1 : "tcp", *why;
        Forward ignored;

        return n > 0 && (word[n] == '\0' || word[n] == '/') &&
               snprintf(buf, PORTS_MEANT_MAX, "%s/%.*s", protocol, (int) n, word) <
                       PORTS_MEANT_MAX &&
               list->parse(buf, &ignored, &why) >= 0;
}

static int add_ports(const PortList *list, const char *word, char **ret_why) {
        const char *why = NULL;
        char meant[PORTS_MEANT_MAX];
        Forward f, *grown;

        if (list->parse(word, &f, &why) < 0)
                return ports_meant(list, word, meant)
                               ? refuse_text(ret_why, word, "invalid %s: did you mean %s?",
                                             list->what, meant)
                               : refuse_text(ret_why, word, "invalid %s: %s", list->what, why);
        if (*list->n == CONFIG_FORWARDS_MAX)
                return refuse_text(ret_why, word,
                                   "too many entries; at most %d are possible, so use ranges",
                                   CONFIG_FORWARDS_MAX);
        grown = realloc(*list->items, (*list->n + 1) * sizeof(Forward));
        if (!grown)
                return -ENOMEM;
        *list->items = grown;
        grown[(*list->n)++] = f;
        return 0;
}

static int parse_port_list(const PortList *list, const Setting *s, const char *value,
                           char **ret_why) {
        size_t before = *list->n;
        const char *rest = value;

        for (;;) {
                _cleanup_free_ char *word = NULL;
                int r = setting_next_word(&rest, " \t,", &word);

                if (r > 0)
                        r = add_ports(list, word, ret_why);
                else if (r == 0)
                        break;
                if (r < 0)
                        return r;
        }
        return *list->n > before
                       ? 0
                       : refuse_text(ret_why, value, "empty list; use a %s, for example %s",
                                     list->what, s->example);
}

int setting_parse_forward(const Setting *s, const char *value, Config *c, char **ret_why) {
        const PortList list = { &c->forwards, &c->n_forwards, forward_parse, "forward" };

        return parse_port_list(&list, s, value, ret_why);
}

static int proxy_parse(const char *s, Forward *ret, const char **ret_why) {
        Forward f;
        int r = forward_parse(s, &f, ret_why);

        if (r < 0)
                return r;
        if (f.protocols != FORWARD_TCP) {
                *ret_why = "only TCP can be relayed; use for example tcp/8080:80";
                return -EINVAL;
        }
        if (f.family != FORWARD_BOTH) {
                *ret_why =
                        "a relay listens on all addresses of the host; use for example tcp/8080:80";
                return -EINVAL;
        }
        *ret = f;
        return 0;
}

int setting_parse_proxy(const Setting *s, const char *value, Config *c, char **ret_why) {
        const PortList list = { &c->proxies, &c->n_proxies, proxy_parse, "relay" };

        return parse_port_list(&list, s, value, ret_why);
}

int setting_parse_reserve(const Setting *s, const char *value, Config *c, char **ret_why) {
        const PortList list = { &c->reserved, &c->n_reserved, ports_parse, "port" };

        return parse_port_list(&list, s, value, ret_why);
}

bool setting_user_name_valid(const char *s) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

        return n <= 31 && s[n] == '\0' && (isalpha((unsigned char) s[0]) || s[0] == '_');
}

int setting_parse_user(const Setting *s, const char *value, Config *c, char **ret_why) {
        uint64_t uid;
        bool number = parse_unsigned(value, 0, UINT32_MAX - 1, &uid) >= 0;

        if (number && uid == 0)
                return refuse_text(ret_why, value,
                                   "this is the superuser; write root if that is intended");
        if (number ? uid == UINT16_MAX
                   : !setting_user_name_valid(value)) /* this is -1 to old system calls */
                return refuse_text(ret_why, value,
                                   "invalid user; use auto, or the name or number of a user");
        return free_and_strdup(&c->user, value);
}
