/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-reexec.c - has the umld of a running guest replaced by the installed one. */

#include <stdio.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

#define ORDER_LIMIT (90 * USEC_PER_SEC)
#define TAKEN_LIMIT (30 * USEC_PER_SEC)
#define GONE_AFTER  (5 * USEC_PER_SEC)
#define LOOK_EVERY  (20 * USEC_PER_MSEC)

/* When the new one has the guest: what it says of itself; NULL: there is none in time, or nobody
 * for longer than the execution takes. */
static json_t *wait_for_new(const char *guest, uint64_t reexecs, uint64_t adopted) {
        usec_t until = usec_add(now_usec(CLOCK_MONOTONIC), TAKEN_LIMIT), seen = 0;

        do {
                _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
                json_t *props = NULL;
                pid_t pid;
                int r = control_ask(guest, &bus, &pid, &props);

                if (r != -ENOENT || seen == 0)
                        seen = now_usec(CLOCK_MONOTONIC);
                else if (now_usec(CLOCK_MONOTONIC) > usec_add(seen, GONE_AFTER))
                        return NULL;
                if (r >= 0 && (prop_number(props, UMLD_PROP_REEXECS) > reexecs ||
                               prop_number(props, UMLD_PROP_ADOPTED) > adopted))
                        return props;
                json_decref(props);
                (void) usleep(LOOK_EVERY);
        } while (now_usec(CLOCK_MONOTONIC) < until);
        return NULL;
}

static int report(const Options *o, const char *guest, const json_t *before, const json_t *now) {
        const char *from = prop_string(before, UMLD_PROP_DAEMON_VERSION) ?: "?",
                   *to = prop_string(now, UMLD_PROP_DAEMON_VERSION) ?: "?";

        if (prop_number(now, UMLD_PROP_DAEMON_PID) != prop_number(before, UMLD_PROP_DAEMON_PID))
                return fail_with(
                        EXIT_FAILED,
                        "%s: the new umld has failed, and another one, %s, has adopted the "
                        "guest, which runs on (umlctl log %s)",
                        guest, to, guest);
        if (!o->quiet)
                printf("%s: umld %s has taken over from %s\n", guest, to, from);
        return EXIT_DONE;
}

/* A guest that ends meanwhile is started by the new one the next time. */
static bool is_gone(const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *props = NULL;
        pid_t pid;

        return control_ask(guest, &bus, &pid, &props) == -ENOENT;
}

static int say_gone(const char *guest) {
        note("%s has stopped; its next start uses the new umld", guest);
        return EXIT_DONE;
}

static int say_refused(const char *guest, int r, const sd_bus_error *error) {
        if (is_gone(guest))
                return say_gone(guest);
        if (r == -ETIMEDOUT)
                return fail_with(EXIT_FAILED,
                                 "%s: the host is still being set up for the guest; its umld is "
                                 "replaced as soon as that is done (umlctl status %s)",
                                 guest, guest);
        return fail_with(bus_error_exit_code(error, r), "%s: reexec refused: %s", guest,
                         error->message ?: strerror(-r));
}

/* The answer comes when nothing is in progress that cannot be carried over, and the new umld has
 * been tried. */
static int order(sd_bus *bus, sd_bus_error *ret_error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                               UMLD_METHOD_REEXEC);

        if (r >= 0)
                r = sd_bus_call(bus, m, ORDER_LIMIT, ret_error, NULL);
        return r < 0 ? bus_fold_hangup(r) : 0;
}

int verb_reexec(const Options *o, const char *guest) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *before = NULL, *now = NULL;
        pid_t pid = 0;
        int r = control_ask(guest, &bus, &pid, &before);

        if (r == -ENOENT) {
                note("%s is not running", guest);
                return EXIT_DONE;
        }
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        r = order(bus, &error);
        if (r < 0 && r != -ECONNRESET)
                return say_refused(guest, r, &error);
        now = wait_for_new(guest, prop_number(before, UMLD_PROP_REEXECS),
                           prop_number(before, UMLD_PROP_ADOPTED));
        if (!now && is_gone(guest))
                return say_gone(guest);
        if (!now)
                return fail_with(EXIT_FAILED,
                                 "%s: the new umld does not answer; start it with umlctl start %s: "
                                 "it takes over the guest, which runs on for AdoptTimeout=",
                                 guest, guest);
        return report(o, guest, before, now);
}
