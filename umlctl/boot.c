/* SPDX-License-Identifier: GPL-2.0-or-later */
/* boot.c - whether a guest is started at boot. */

#include <stdio.h>
#include <systemd/sd-daemon.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "umlctl/autostart.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/systemd-manager.h"
#include "umlctl/verbs.h"

static int say_enabled(const Options *o, const char *guest, bool enable, bool changed) {
        if (!o->quiet)
                printf("%s %s %sd: it %s at boot\n", guest, changed ? "is" : "was already",
                       enable ? "enable" : "disable", enable ? "starts" : "is not started");
        return EXIT_DONE;
}

static int set_by_manager(const Options *o, const char *guest, bool enable) {
        const char *verb = enable ? "enable" : "disable";
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *manager = NULL;
        int r;

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
        return say_enabled(o, guest, enable, r > 0);
}

static int set_for_script(const Options *o, const char *guest, bool enable) {
        int r = autostart_set(guest, enable);

        if (r < 0)
                return fail_with(r == -EACCES || r == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                                 "cannot %s %s: cannot change %s/autostart: %s",
                                 enable ? "enable" : "disable", guest, umld_dir(DIR_CONFIG),
                                 strerror(-r));
        if (enable && !autostart_has_script())
                note("%s: warning: umld's boot script /etc/init.d/umld is not installed; install "
                     "it, or run `umlctl start %s` at boot",
                     guest, guest);
        return say_enabled(o, guest, enable, r > 0);
}

int boot_set_enabled(const Options *o, const char *guest, bool enable) {
        return sd_booted() > 0 ? set_by_manager(o, guest, enable)
                               : set_for_script(o, guest, enable);
}

/* ---- is it enabled? ---- */

/* Asks about all of them by one connection. On failure *failed is the guest. */
static int ask_manager(const Strv *guests, bool *ret, const char **failed, sd_bus_error *error) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *manager = NULL;
        int r = guests->n > 0 ? manager_open(&manager) : 0;

        if (r >= 0 && manager)
                r = sd_bus_set_method_call_timeout(manager, BUS_ANSWER_LIMIT);
        for (size_t i = 0; i < guests->n; i++) {
                *failed = guests->v[i];
                if (r >= 0)
                        r = manager_enabled(manager, guests->v[i], error);
                if (r < 0)
                        return r;
                ret[i] = r > 0;
        }
        return 0;
}

static int look_for_links(const Strv *guests, bool *ret) {
        for (size_t i = 0; i < guests->n; i++) {
                int r = autostart_get(guests->v[i]);

                if (r < 0)
                        return r;
                ret[i] = r > 0;
        }
        return 0;
}

int boot_ask_enabled(const Strv *guests, bool *ret, const char **failed, sd_bus_error *error) {
        if (manager_usable())
                return ask_manager(guests, ret, failed, error);
        if (sd_booted() <= 0)
                return look_for_links(guests, ret);
        for (size_t i = 0; i < guests->n; i++)
                ret[i] = false; /* no unit has directories of ours */
        return 0;
}

int boot_get_enabled(const Strv *guests, bool *ret) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *failed = NULL;
        int r = boot_ask_enabled(guests, ret, &failed, &error);

        if (r >= 0)
                return 0;
        if (failed)
                return fail_with(bus_error_exit_code(&error, r), "cannot ask systemd about %s: %s",
                                 failed, error.message ?: strerror(-r));
        return fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "cannot look into %s/autostart: %s", umld_dir(DIR_CONFIG), strerror(-r));
}
