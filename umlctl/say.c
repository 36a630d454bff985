/* SPDX-License-Identifier: GPL-2.0-or-later */
/* say.c - messages to the user, and text made safe for a terminal. */

#include <stdio.h>

#include "basic/string-util.h"
#include "umlctl/say.h"

enum {
        MESSAGE_MAX = 2048, /* longer ones are cut; none of our messages needs more */
};

static const char ellipsis[] = "…";

static bool quiet = false;

void say_set_quiet(bool q) {
        quiet = q;
}

char *safe_text(const char *s, size_t max) {
        static const char hex[] = "0123456789abcdef";
        char *out = malloc(max + sizeof(ellipsis));
        size_t n = 0;

        if (!out)
                return NULL;
        while (*s) {
                unsigned char c = (unsigned char) *s;
                bool plain = c >= ' ' && c < 0x7f, dots = startswith(s, ellipsis);
                size_t need = plain ? 1 : dots ? strlen(ellipsis) : 4;

                if (n + need > max) {
                        strcpy(out + n, ellipsis);
                        return out;
                }
                if (plain)
                        out[n++] = (char) c;
                else if (dots) {
                        memcpy(out + n, ellipsis, need);
                        n += need;
                } else {
                        out[n++] = '\\';
                        out[n++] = 'x';
                        out[n++] = hex[c >> 4];
                        out[n++] = hex[c & 15];
                }
                s += dots ? need : 1;
        }
        out[n] = '\0';
        return out;
}

static void _printf_(1, 0) say(const char *format, va_list ap) {
        _cleanup_free_ char *text = strfmtv(format, ap),
                            *safe = text ? safe_text(text, MESSAGE_MAX) : NULL;

        (void) fflush(stdout); /* keep the order with what was printed before */
        fprintf(stderr, "umlctl: %s\n", safe ?: "out of memory");
}

int fail_with(int code, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        say(format, ap);
        va_end(ap);
        return code;
}

void note(const char *format, ...) {
        va_list ap;

        if (quiet)
                return;
        va_start(ap, format);
        say(format, ap);
        va_end(ap);
}
