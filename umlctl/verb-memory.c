/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-memory.c - shows how much of the host's memory a guest uses, and moves its balloon. */

#include <inttypes.h>
#include <stdio.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

/* Prints the memory part of the status. */
static int print_json(const json_t *props) {
        json_auto_t *all = NULL;

        if (status_to_json(props, now_usec(CLOCK_REALTIME), &all) < 0 ||
            json_print(json_object_get(all, "memory")) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        return EXIT_DONE;
}

static void print_text(const char *label, const char *text) {
        _cleanup_free_ char *safe = safe_text(text, 1000);

        if (!isempty(text))
                printf("%-9s %s\n", label, safe ?: "?");
}

static int show(const json_t *props) {
        static const struct {
                const char *label, *property;
        } sizes[] = {
                { "Size", UMLD_PROP_MEMORY_SIZE },
                { "Used", UMLD_PROP_MEMORY_USED },
                { "Peak", UMLD_PROP_MEMORY_PEAK },
                { "Balloon", UMLD_PROP_MEMORY_BALLOON },
        };

        FOREACH_ELEMENT (s, sizes)
                printf("%-9s %s\n", s->label, FORMAT_SIZE(prop_number(props, s->property)));
        print_text("Backing", prop_string(props, UMLD_PROP_MEMORY_BACKING));
        print_text("Path", prop_string(props, UMLD_PROP_MEMORY_PATH));
        print_text("Refused", prop_string(props, UMLD_PROP_MEMORY_REFUSED));
        print_text("Pressure", prop_string(props, UMLD_PROP_MEMORY_PRESSURE));
        return EXIT_DONE;
}

/* Prints the result of moving the balloon. */
static int print_moved(const char *guest, bool json, uint64_t before, uint64_t after,
                       uint64_t held) {
        if (json)
                printf("{\"before\": %" PRIu64 ", \"after\": %" PRIu64 ", \"balloon\": %" PRIu64
                       "}\n",
                       before, after, held);
        else
                printf("%s: %s of the host's memory used, was %s; %s in the balloon\n", guest,
                       FORMAT_SIZE(after), FORMAT_SIZE(before), FORMAT_SIZE(held));
        return EXIT_DONE;
}

static int move(const Options *o, const char *guest, sd_bus *bus) {
        int64_t bytes = o->shrink > 0 ? (int64_t) o->shrink : -(int64_t) o->grow;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        uint64_t before, after, held;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           UMLD_METHOD_BALLOON);
        if (r >= 0)
                r = sd_bus_message_append(m, "x", bytes);
        if (r >= 0)
                r = sd_bus_call(bus, m, BUS_ORDER_LIMIT, &error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "ttt", &before, &after, &held);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "%s: %s", guest,
                                 error.message ?: strerror(-r));
        return print_moved(guest, o->json, before, after, held);
}

int verb_memory(const Options *o, const char *guest) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *props = NULL;
        pid_t pid = 0;
        int r;

        if (o->shrink > 0 && o->grow > 0)
                return fail_with(EXIT_USAGE, "--shrink and --grow cannot be used together");
        r = control_ask(guest, &bus, &pid, &props);
        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running, so it uses no memory",
                                 guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        if (o->shrink > 0 || o->grow > 0)
                return move(o, guest, bus);
        return o->json ? print_json(props) : show(props);
}
