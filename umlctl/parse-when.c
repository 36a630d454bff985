/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parse-when.c - parses points in time. */

#include "umlctl/parse-when.h"
#include "basic/parse-util.h"

static int from_calendar(struct tm *tm, bool utc, usec_t *ret) {
        struct tm wanted = *tm;
        time_t t;

        tm->tm_isdst = -1;
        t = utc ? timegm(tm) : mktime(tm);
        /* They normalise the 31st of February to a day in March; we reject it. */
        if (t < 0 || tm->tm_mday != wanted.tm_mday || tm->tm_mon != wanted.tm_mon)
                return -EINVAL;
        *ret = (usec_t) t * USEC_PER_SEC;
        return 0;
}

static int day_before(usec_t now, int days, usec_t *ret) {
        time_t t = (time_t) (now / USEC_PER_SEC);
        struct tm tm;

        if (!localtime_r(&t, &tm))
                return -EINVAL;
        tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
        tm.tm_mday -= days;
        tm.tm_isdst = -1;
        t = mktime(&tm);
        if (t < 0)
                return -EINVAL;
        *ret = (usec_t) t * USEC_PER_SEC;
        return 0;
}

int parse_when(const char *s, usec_t now, usec_t *ret) {
        static const struct {
                const char *form;
                bool date, utc;
        } forms[] = {
                { "%Y-%m-%d", true, false },          { "%Y-%m-%d %H:%M", true, false },
                { "%Y-%m-%d %H:%M:%S", true, false }, { "%Y-%m-%dT%H:%M:%S", true, false },
                { "%Y-%m-%dT%H:%M:%SZ", true, true }, { "%H:%M", false, false },
                { "%H:%M:%S", false, false },
        };
        time_t seconds = (time_t) (now / USEC_PER_SEC);
        uint64_t number;
        usec_t span;

        if (s[0] == '@') {
                if (parse_unsigned(s + 1, 0, USEC_INFINITY / USEC_PER_SEC - 1, &number) < 0)
                        return -EINVAL;
                *ret = number * USEC_PER_SEC;
                return 0;
        }
        if (streq(s, "today") || streq(s, "yesterday"))
                return day_before(now, streq(s, "yesterday"), ret);
        FOREACH_ELEMENT (f, forms) {
                struct tm tm = {};
                const char *end;

                if (!f->date && !localtime_r(&seconds, &tm))
                        return -EINVAL;
                tm.tm_sec = 0;
                end = strptime(s, f->form, &tm);
                if (end && *end == '\0')
                        return from_calendar(&tm, f->utc, ret);
        }
        if (parse_timespan(s, &span) < 0 || span > now)
                return -EINVAL;
        *ret = now - span;
        return 0;
}
