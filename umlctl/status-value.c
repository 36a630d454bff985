/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-value.c - how single values of a status are printed for people. */

#include <stdlib.h>

#include "basic/string-util.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"

enum {
        TEXT_MAX = 1000, /* of one foreign string */
};

void put_text(FILE *f, const char *s) {
        _cleanup_free_ char *safe = safe_text(s, TEXT_MAX);

        fputs(safe ?: "?", f);
}

char *format_size(char buf[static FORMAT_SIZE_MAX], uint64_t size) {
        static const char units[] = "BKMGTPE";
        double v = (double) size;
        unsigned tenths;
        size_t u = 0;

        for (; v >= 1023.95 && units[u + 1]; u++) /* otherwise it would be printed as 1024.0 */
                v /= 1024;
        tenths = (unsigned) (v * 10 + 0.5);
        if (tenths % 10 == 0)
                snprintf(buf, FORMAT_SIZE_MAX, "%u%c", tenths / 10, units[u]);
        else
                snprintf(buf, FORMAT_SIZE_MAX, "%u.%u%c", tenths / 10, tenths % 10, units[u]);
        return buf;
}

char *status_age_text(usec_t then, usec_t now) {
        usec_t age = usec_sub(now, then) / USEC_PER_SEC * USEC_PER_SEC;

        return strdup(then == 0 ? "-" : age == 0 ? "0s" : FORMAT_TIMESPAN(age));
}

void put_time(FILE *f, usec_t t) {
        time_t seconds = (time_t) (t / USEC_PER_SEC);
        char text[64];
        struct tm tm;

        if (localtime_r(&seconds, &tm) &&
            strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %Z", &tm) > 0)
                fputs(text, f);
}

void put_age(FILE *f, usec_t then, usec_t now) {
        _cleanup_free_ char *age = status_age_text(then, now);

        fputs(age ?: "?", f);
}

char *status_until_text(usec_t then, usec_t now) {
        usec_t left = (usec_sub(then, now) + 50 * USEC_PER_MSEC) / (100 * USEC_PER_MSEC);

        return left == 0 ? strdup("now")
                         : strfmt("in %s", FORMAT_TIMESPAN(left * 100 * USEC_PER_MSEC));
}

void put_piece(FILE *f, unsigned *n, const char *separator, const char *text) {
        if (isempty(text))
                return;
        if ((*n)++ > 0)
                fputs(separator, f);
        put_text(f, text);
}

void put_map(FILE *f, const json_t *map) {
        const json_t *value;
        const char *key;
        unsigned n = 0;

        json_object_foreach((json_t *) map, key, value) {
                if (isempty(json_string_value(value)))
                        continue;
                put_piece(f, &n, ", ", key);
                put_piece(f, &n, " ", json_string_value(value));
        }
}

void put_list(FILE *f, const json_t *list, const char *between) {
        const json_t *value;
        unsigned n = 0;
        size_t i;

        json_array_foreach(list, i, value) {
                put_piece(f, &n, between, json_string_value(value));
        }
}

void put_lines(FILE *f, const json_t *list, int indent) {
        const json_t *value;
        unsigned n = 0;
        size_t i;

        json_array_foreach(list, i, value) {
                if (n > 0)
                        fprintf(f, "\n%*s", indent, "");
                n++;
                put_text(f, json_string_value(value) ?: "");
        }
}
