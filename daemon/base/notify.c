/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.c - reports the state to the service manager. */

#include <inttypes.h>
#include <systemd/sd-daemon.h>

#include "basic/log.h"
#include "daemon/base/notify.h"

void notify_status(const char *text) {
        (void) sd_notifyf(false, "STATUS=%s", text);
}

void notify_ready(void) {
        int r = sd_notify(false, "READY=1");

        if (r < 0)
                log_warning_errno(r,
                                  "cannot notify the service manager that the guest is ready: %m");
}

void notify_stopping(void) {
        (void) sd_notify(false, "STOPPING=1");
}

void notify_reloading(void) {
        (void) sd_notifyf(false, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, now_usec(CLOCK_MONOTONIC));
}

void notify_extend_timeout(usec_t by) {
        (void) sd_notifyf(false, "EXTEND_TIMEOUT_USEC=%" PRIu64, by);
}
