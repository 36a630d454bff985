/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-memory.c - shows how much of the host's memory a guest uses, and moves its balloon. */

#include <stdio.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/each-guest.h"
#include "umlctl/say.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

/* The memory part of the status. */
static int show_json(Each *e, const json_t *props) {
        json_auto_t *all = NULL;

        if (status_to_json(props, now_usec(CLOCK_REALTIME), &all) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        e->document = json_incref(json_object_get(all, "memory"));
        return EXIT_DONE;
}

static void print_text(const char *label, const char *text) {
        _cleanup_free_ char *safe = safe_text(text ?: "", 1000);

        if (!isempty(text))
                printf("%-9s %s\n", label, safe ?: "?");
}

static int show_text(Each *e, const json_t *props) {
        static const struct {
                const char *label, *property;
        } sizes[] = {
                { "Size", UMLD_PROP_MEMORY_SIZE },
                { "Used", UMLD_PROP_MEMORY_USED },
                { "Peak", UMLD_PROP_MEMORY_PEAK },
                { "Balloon", UMLD_PROP_MEMORY_BALLOON },
        };

        each_title(e);
        FOREACH_ELEMENT (s, sizes)
                printf("%-9s %s\n", s->label, FORMAT_SIZE(prop_number(props, s->property)));
        print_text("Backing", prop_string(props, UMLD_PROP_MEMORY_BACKING));
        print_text("Path", prop_string(props, UMLD_PROP_MEMORY_PATH));
        print_text("Refused", prop_string(props, UMLD_PROP_MEMORY_REFUSED));
        print_text("Pressure", prop_string(props, UMLD_PROP_MEMORY_PRESSURE));
        return EXIT_DONE;
}

/* Shows the result of moving the balloon. */
static int show_moved(Each *e, uint64_t before, uint64_t after, uint64_t held) {
        if (e->options->json) {
                e->document = json_pack("{s:I, s:I, s:I}", "before", (json_int_t) before, "after",
                                        (json_int_t) after, "balloon", (json_int_t) held);
                return e->document ? EXIT_DONE : fail_with(EXIT_FAILED, "out of memory");
        }
        printf("%s: %s of the host's memory used, was %s; %s in the balloon\n", e->guest,
               FORMAT_SIZE(after), FORMAT_SIZE(before), FORMAT_SIZE(held));
        return EXIT_DONE;
}

static int move(Each *e, sd_bus *bus) {
        const Options *o = e->options;
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
                return fail_with(bus_error_exit_code(&error, r), "%s: %s", e->guest,
                                 error.message ?: strerror(-r));
        return show_moved(e, before, after, held);
}

static int show(Each *e) {
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        const Options *o = e->options;
        json_auto_t *props = NULL;
        pid_t pid = 0;
        int r;

        r = control_ask(e->guest, &bus, &pid, &props);
        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running, so it uses no memory",
                                 e->guest);
        if (r < 0)
                return bus_connect_fail(e->guest, r, pid);
        if (o->shrink > 0 || o->grow > 0)
                return move(e, bus);
        return o->json ? show_json(e, props) : show_text(e, props);
}

int verb_memory(const Options *o, const char *guest) {
        if (o->shrink > 0 && o->grow > 0)
                return fail_with(EXIT_USAGE, "--shrink and --grow cannot be used together");
        return each_guest(o, show);
}
