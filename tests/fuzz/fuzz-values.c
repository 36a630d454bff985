/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-values.c - any text as each kind of value, as words of a shell line, and shown to a person.
 */

#include "fuzz.h"

#include <stdlib.h>

#include "basic/nearest.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

static void check_numbers(const char *s) {
        uint64_t v = 4711;
        usec_t t = 4711;
        uint16_t port = 4711;
        bool b;

        (void) parse_bool(s, &b);
        assert(parse_unsigned(s, 10, 20, &v) < 0 ? v == 4711 : v >= 10 && v <= 20);
        v = 4711;
        assert(parse_size(s, &v) >= 0 || v == 4711);
        assert(parse_timespan(s, &t) >= 0 || t == 4711);
        assert(strlen(FORMAT_TIMESPAN(t)) < FORMAT_TIMESPAN_MAX);
        assert(parse_port(s, &port) < 0 ? port == 4711 : port > 0);
}

static void check_names(const char *s) {
        struct in_addr address;
        unsigned prefix = 99;

        (void) parse_ipv4(s, &address);
        assert(parse_ipv4_prefix(s, &address, &prefix) < 0 ? prefix == 99 : prefix <= 32);
        assert(!guest_name_valid(s) || ifname_valid(s));
        assert(slips_between(s, "Memory") <= 2 && slips_between("Memory", s) >= -1);
        assert(slips_between(s, s) == (strlen(s) <= 32 ? 0 : -1));
}

static void check_words(const char *s) {
        _cleanup_strv_ Strv words = { 0 };
        size_t length = 0;

        (void) strv_split_shell(&words, s);
        for (size_t i = 0; i < words.n; i++)
                length += strlen(words.v[i]);
        assert(length <= strlen(s) && words.n <= strlen(s) && (!words.v || !words.v[words.n]));
}

static void check_shown(const uint8_t *data, size_t size) {
        size_t max = size > 0 ? data[0] : 7;
        _cleanup_free_ char *shown = escape_text(data, size, max);

        assert(shown && strlen(shown) <= max + strlen("…"));
        for (const char *p = shown; *p; p++)
                assert((*p >= ' ' && *p < 0x7f) || streq(p, "…") || p[-1] == '\xe2' ||
                       p[-2] == '\xe2');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size);

        assert(s);
        check_numbers(s);
        check_names(s);
        check_words(s);
        check_shown(data, size);
        return 0;
}
