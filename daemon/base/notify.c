/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c - reports the state to the service manager. */

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/base/notify.h"

/* An umld that umlctl has detached reports to it until it is ready; then nobody is left to report
 * to. A service manager that is to be fed (WatchdogSec=) is always there. */
static bool listener_is_gone(int error) {
        return (error == -ECONNREFUSED || error == -ENOENT) && !getenv("WATCHDOG_USEC");
}

static int report(const char *text) {
        int r = sd_notify(false, text);

        if (!listener_is_gone(r))
                return r;
        log_debug_errno(r, "nobody is listening to notifications any more: %m");
        (void) unsetenv("NOTIFY_SOCKET");
        return 0;
}

void notify_status(const char *text) {
        _cleanup_free_ char *line = strfmt("STATUS=%s", text);

        if (line)
                (void) report(line);
}

void notify_ready(void) {
        int r = report("READY=1");

        if (r < 0)
                log_warning_errno(r,
                                  "cannot notify the service manager that the guest is ready: %m");
}

void notify_stopping(void) {
        (void) report("STOPPING=1");
}

void notify_reloading(void) {
        _cleanup_free_ char *lines =
                strfmt("RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_usec(CLOCK_MONOTONIC));

        if (lines)
                (void) report(lines);
}

void notify_extend_timeout(usec_t by) {
        _cleanup_free_ char *line = strfmt("EXTEND_TIMEOUT_USEC=%" PRIu64, by);

        if (line)
                (void) report(line);
}
