/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse-util.c - strict parsers for values written by people. */

#include <arpa/inet.h>
#include <ctype.h>
#include <net/if.h>

#include "basic/parse-util.h"

int parse_bool(const char *s, bool *ret) {
        static const char *const yes[] = { "yes", "true", "on", "1" }, *const no[] = { "no",
                                                                                       "false",
                                                                                       "off", "0" };

        for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
                if (streq(s, yes[i]) || streq(s, no[i])) {
                        *ret = streq(s, yes[i]);
                        return 0;
                }
        }
        return -EINVAL;
}

/* Parses decimal digits and advances *s. */
static int take_digits(const char **s, uint64_t *ret) {
        const char *p = *s;
        uint64_t v = 0;

        if (!isdigit((unsigned char) *p))
                return -EINVAL;
        for (; isdigit((unsigned char) *p); p++)
                if (__builtin_mul_overflow(v, (uint64_t) 10, &v) ||
                    __builtin_add_overflow(v, (uint64_t) (*p - '0'), &v))
                        return -ERANGE;
        *s = p;
        *ret = v;
        return 0;
}

int parse_unsigned(const char *s, uint64_t min, uint64_t max, uint64_t *ret) {
        uint64_t v;
        int r = take_digits(&s, &v);

        if (r < 0)
                return r;
        if (*s)
                return -EINVAL;
        if (v < min || v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

int parse_size(const char *s, uint64_t *ret) {
        static const char suffixes[] = "KMGT";
        const char *suffix;
        uint64_t v;
        int r = take_digits(&s, &v);

        if (r < 0)
                return r;
        if (*s) {
                suffix = strchr(suffixes, toupper((unsigned char) *s));
                if (!suffix || s[1])
                        return -EINVAL;
                if (__builtin_mul_overflow(v, UINT64_C(1) << (10 * (suffix - suffixes + 1)), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

/* Parses the name of a unit and advances *s; no unit means seconds. */
static usec_t take_unit(const char **s) {
        static const struct {
                const char *name;
                usec_t unit;
        } units[] = {
                /* a name must come before its prefixes */
                { "us", 1 },           { "ms", USEC_PER_MSEC }, { "min", USEC_PER_MINUTE },
                { "s", USEC_PER_SEC }, { "h", USEC_PER_HOUR },  { "d", 24 * USEC_PER_HOUR },
                { "", USEC_PER_SEC },
        };

        FOREACH_ELEMENT (u, units) {
                const char *rest = startswith(*s, u->name);

                if (rest && !isalpha((unsigned char) *rest)) {
                        *s = rest;
                        return u->unit;
                }
        }
        return 0;
}

int parse_timespan(const char *s, usec_t *ret) {
        usec_t sum = 0;

        do {
                uint64_t v, unit;
                int r = take_digits(&s, &v);

                if (r < 0)
                        return r;
                unit = take_unit(&s);
                if (unit == 0)
                        return -EINVAL;
                if (__builtin_mul_overflow(v, unit, &v) || __builtin_add_overflow(sum, v, &sum) ||
                    sum == USEC_INFINITY)
                        return -ERANGE;
                while (*s == ' ')
                        s++;
        } while (*s);
        *ret = sum;
        return 0;
}

int parse_port(const char *s, uint16_t *ret) {
        uint64_t v;
        int r = parse_unsigned(s, 1, UINT16_MAX, &v);

        if (r >= 0)
                *ret = (uint16_t) v;
        return r;
}

int parse_ipv4(const char *s, struct in_addr *ret) {
        struct in_addr a;

        if (inet_pton(AF_INET, s, &a) != 1)
                return -EINVAL;
        *ret = a;
        return 0;
}

int parse_ipv6(const char *s, struct in6_addr *ret) {
        struct in6_addr a;

        if (inet_pton(AF_INET6, s, &a) != 1)
                return -EINVAL;
        *ret = a;
        return 0;
}

/* Splits ADDRESS/PREFIX; address has space for size bytes. */
static int split_prefix(const char *s, char *address, size_t size, unsigned max,
                        unsigned *ret_prefix) {
        const char *slash = strchr(s, '/');
        uint64_t prefix;
        int r;

        if (!slash || (size_t) (slash - s) >= size)
                return -EINVAL;
        memcpy(address, s, (size_t) (slash - s));
        address[slash - s] = '\0';
        r = parse_unsigned(slash + 1, 0, max, &prefix);
        if (r >= 0)
                *ret_prefix = (unsigned) prefix;
        return r;
}

int parse_ipv4_prefix(const char *s, struct in_addr *ret, unsigned *ret_prefix) {
        char address[INET_ADDRSTRLEN];
        unsigned prefix;
        struct in_addr a;
        int p = split_prefix(s, address, sizeof(address), 32, &prefix), r;

        if (p == -EINVAL)
                return p;
        r = parse_ipv4(address, &a);
        if (r < 0 || p < 0)
                return r < 0 ? r : p;
        *ret = a;
        *ret_prefix = prefix;
        return 0;
}

int parse_ipv6_prefix(const char *s, struct in6_addr *ret, unsigned *ret_prefix) {
        char address[INET6_ADDRSTRLEN];
        struct in6_addr a;
        unsigned prefix;
        int p = split_prefix(s, address, sizeof(address), 128, &prefix), r;

        if (p == -EINVAL)
                return p;
        r = parse_ipv6(address, &a);
        if (r < 0 || p < 0)
                return r < 0 ? r : p;
        *ret = a;
        *ret_prefix = prefix;
        return 0;
}

bool ifname_valid(const char *s) {
        size_t n = strlen(s);

        if (n == 0 || n >= IFNAMSIZ || streq(s, ".") || streq(s, ".."))
                return false;
        for (; *s; s++)
                if (!isgraph((unsigned char) *s) || strchr("/:%", *s))
                        return false;
        return true;
}

bool guest_name_valid(const char *s) {
        size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

        return n >= 1 && n <= 15 && !s[n] && s[0] >= 'a' && s[0] <= 'z';
}
