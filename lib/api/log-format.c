/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log-format.c - writes and parses the heads of lines in a console log. */

#include <stdio.h>

#include "api/log-format.h"

void log_head_format(usec_t when, LogKind kind, char buf[static LOG_HEAD_SIZE]) {
        time_t seconds = (time_t) (when / USEC_PER_SEC);
        char text[64];
        struct tm tm;

        if (!gmtime_r(&seconds, &tm) || tm.tm_year + 1900 > 9999)
                tm = (struct tm){ .tm_year = 70, .tm_mday = 1 };
        snprintf(text, sizeof(text), "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ%c",
                 (unsigned) tm.tm_year + 1900, (unsigned) tm.tm_mon + 1, (unsigned) tm.tm_mday,
                 (unsigned) tm.tm_hour, (unsigned) tm.tm_min, (unsigned) tm.tm_sec,
                 (unsigned) (when % USEC_PER_SEC / USEC_PER_MSEC), (char) kind);
        memcpy(buf, text, LOG_HEAD_SIZE);
}

/* The number that the digits represent, -1 if one is not a digit. */
static int digits(const char *s, size_t n) {
        int v = 0;

        for (size_t i = 0; i < n; i++) {
                if (s[i] < '0' || s[i] > '9')
                        return -1;
                v = v * 10 + s[i] - '0';
        }
        return v;
}

bool log_head_parse(const char *s, size_t size, usec_t *ret_when, LogKind *ret_kind) {
        static const char form[] = "0000-00-00T00:00:00.000Z";
        int year, month, day, hour, minute, second, milli;
        struct tm tm = {};
        time_t t;

        if (size < LOG_HEAD_SIZE)
                return false;
        for (size_t i = 0; i < strlen(form); i++)
                if (form[i] != '0' && s[i] != form[i])
                        return false;
        year = digits(s, 4);
        month = digits(s + 5, 2);
        day = digits(s + 8, 2);
        hour = digits(s + 11, 2);
        minute = digits(s + 14, 2);
        second = digits(s + 17, 2);
        milli = digits(s + 20, 3);
        if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 ||
            hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60 || milli < 0)
                return false;
        if (s[LOG_HEAD_SIZE - 1] != LOG_LINE && s[LOG_HEAD_SIZE - 1] != LOG_MORE &&
            s[LOG_HEAD_SIZE - 1] != LOG_MARK)
                return false;
        tm.tm_year = year - 1900;
        tm.tm_mon = month - 1;
        tm.tm_mday = day;
        tm.tm_hour = hour;
        tm.tm_min = minute;
        tm.tm_sec = second;
        t = timegm(&tm);
        if (t < 0)
                return false;
        *ret_when = (usec_t) t * USEC_PER_SEC + (usec_t) milli * USEC_PER_MSEC;
        *ret_kind = (LogKind) s[LOG_HEAD_SIZE - 1];
        return true;
}
