/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault.c - fills in a Fault. */

#include <stdarg.h>
#include <stdio.h>

#include "daemon/base/fault.h"

int fault_set(Fault *f, Verdict verdict, bool retry, int error, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int n;

        errno = error < 0 ? -error : error;
        va_start(ap, format);
        n = vasprintf(&text, format, ap);
        va_end(ap);
        fault_done(f);
        *f = (Fault){ .verdict = verdict, .retry = retry, .text = n < 0 ? NULL : text };
        return error < 0 ? error : -error;
}
