/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-boot.c - enable and disable: whether a guest is started at boot. */

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "api/exit-codes.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/systemd-manager.h"
#include "umlctl/verbs.h"

static int set_enabled(const Options *o, const char *guest, bool enable) {
        const char *verb = enable ? "enable" : "disable";
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *manager = NULL;
        int r;

        if (sd_booted() <= 0)
                return fail_with(EXIT_FAILED,
                                 "cannot %s %s: systemd is not PID 1 on this host; run `umlctl "
                                 "start %s` from its boot scripts instead",
                                 verb, guest, guest);
        if (!manager_usable())
                return fail_with(EXIT_FAILED,
                                 "cannot %s %s: its directories are set by UMLD_*_DIR in the "
                                 "environment, which systemd's units do not see",
                                 verb, guest);
        r = manager_open(&manager);
        if (r >= 0)
                r = manager_enable(manager, guest, enable, &error);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "cannot %s %s: %s", verb, guest,
                                 error.message ?: strerror(-r));
        if (!o->quiet)
                printf("%s %s %sd: it %s at boot\n", guest, r > 0 ? "is" : "was already", verb,
                       enable ? "starts" : "is not started");
        return EXIT_DONE;
}

int verb_enable(const Options *o, const char *guest) {
        return set_enabled(o, guest, true);
}

int verb_disable(const Options *o, const char *guest) {
        return set_enabled(o, guest, false);
}
