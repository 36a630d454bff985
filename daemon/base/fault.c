/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fault.c - fills in a Fault. */

#include <stdarg.h>

#include "basic/string-util.h"
#include "daemon/base/fault.h"

_printf_(4, 0) static void fill(Fault *f, Verdict verdict, bool retry, const char *format,
                                va_list ap) {
        char *text = strfmtv(format, ap);

        fault_done(f);
        *f = (Fault){ .verdict = verdict, .retry = retry, .text = text };
}

int fault_set(Fault *f, Verdict verdict, bool retry, int error, const char *format, ...) {
        va_list ap;

        errno = error < 0 ? -error : error;
        va_start(ap, format);
        fill(f, verdict, retry, format, ap);
        va_end(ap);
        if (error < 0)
                error = -error;
        return error == EAGAIN ? -EBUSY : -error; /* -EAGAIN is reserved for fault_wait() */
}

int fault_wait(Fault *f, Verdict verdict, int wake_fd, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        fill(f, verdict, true, format, ap);
        va_end(ap);
        f->wake_fd = MAX(wake_fd, 0);
        return -EAGAIN;
}
