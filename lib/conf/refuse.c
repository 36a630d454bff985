/* SPDX-License-Identifier: GPL-2.0-or-later */
/* refuse.c - formats the message that goes with -EINVAL. */

#include "conf/refuse.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"

enum {
        SHOWN_MAX = 60, /* bytes shown of a rejected value */
};

int refuse(char **ret_why, const char *format, ...) {
        va_list ap;
        char *why;

        va_start(ap, format);
        why = strfmtv(format, ap);
        va_end(ap);
        if (!why)
                return -ENOMEM;
        *ret_why = why;
        return -EINVAL;
}

int refuse_text(char **ret_why, const char *text, const char *format, ...) {
        _cleanup_free_ char *shown = escape_text(text, strlen(text), SHOWN_MAX), *why = NULL;
        va_list ap;

        va_start(ap, format);
        why = strfmtv(format, ap);
        va_end(ap);
        if (!shown || !why)
                return -ENOMEM;
        return refuse(ret_why, "\"%s\": %s", shown, why);
}

int blame_text(int r, const char *what, char **ret_why) {
        _cleanup_free_ char *why = *ret_why, *shown = NULL;

        *ret_why = NULL;
        if (r == -ENOMEM || !why)
                return r;
        shown = escape_text(what, strlen(what), SHOWN_MAX);
        *ret_why = shown ? strfmt("%s: %s", shown, why) : NULL;
        return *ret_why ? r : -ENOMEM;
}
