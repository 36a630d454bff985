/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-reload.c - reload, and confirm. */

#include <stdio.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

/* Connects to a running umld. Returns 0 or the exit code. */
static int connect_to(const char *guest, const char *not_running, sd_bus **ret) {
        json_auto_t *props = NULL;
        pid_t pid = 0;
        int r = control_ask(guest, ret, &pid, &props);

        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running; %s", guest, not_running);
        return r < 0 ? bus_connect_fail(guest, r, pid) : EXIT_DONE;
}

static int reload_on_trial(const Options *o, const char *guest, sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        bus_hand_over_session(bus);
        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           UMLD_METHOD_RELOAD_CONFIRM);
        if (r >= 0)
                r = sd_bus_message_append(m, "t", o->confirm);
        if (r >= 0)
                r = sd_bus_call(bus, m, BUS_ORDER_LIMIT, &error, NULL);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "%s: reload refused: %s", guest,
                                 error.message ?: strerror(-r));
        if (!o->quiet)
                printf("%s reloaded; the changes will be reverted in %s unless confirmed: umlctl "
                       "confirm %s\n",
                       guest, FORMAT_TIMESPAN(o->confirm), guest);
        return EXIT_DONE;
}

int verb_reload(const Options *o, const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r = connect_to(guest, "it will read the configuration when it is started", &bus);

        if (r != EXIT_DONE)
                return r;
        return o->confirm > 0 ? reload_on_trial(o, guest, bus)
                              : control_order(bus, guest, UMLD_METHOD_RELOAD);
}

int verb_confirm(const Options *o, const char *guest) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        int r = connect_to(guest, "unconfirmed changes were dropped when umld ended", &bus);

        if (r != EXIT_DONE)
                return r;
        r = bus_call_method(bus, UMLD_METHOD_CONFIRM, &error);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "%s: %s", guest,
                                 error.message ?: strerror(-r));
        if (!o->quiet)
                printf("%s: reload confirmed\n", guest);
        return EXIT_DONE;
}
