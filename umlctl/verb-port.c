/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-port.c - checks whether a port of the host reaches a service in the guest. */

#include <stdio.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/each-guest.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"
#include "umlctl/verbs.h"

enum {
        TEXT_MAX = 500, /* of one sentence */
};

static int call(sd_bus *bus, const char *port, sd_bus_message **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           UMLD_METHOD_EXPLAIN_PORT);
        if (r >= 0)
                r = sd_bus_message_append(m, "s", port);
        return r < 0 ? r : sd_bus_call(bus, m, BUS_ORDER_LIMIT, error, ret);
}

/* Returns true, false, or null if unknown. */
static json_t *answer_to_json(const char *answer) {
        return streq(answer, "yes")  ? json_true()
               : streq(answer, "no") ? json_false()
                                     : json_null();
}

/* Converts umld's reply to what --json prints. */
static int read_answer(sd_bus_message *reply, const char *port, json_t **ret) {
        json_auto_t *root = NULL;
        json_t *checks = json_array();
        const char *works, *verdict, *name, *answer, *text;
        int r;

        r = sd_bus_message_read(reply, "ss", &works, &verdict);
        if (r >= 0) {
                root = json_pack("{s:s, s:o, s:s, s:o}", "port", port, "works",
                                 answer_to_json(works), "verdict", verdict, "checks", checks);
                if (!root)
                        return -ENOMEM;
                r = sd_bus_message_enter_container(reply, 'a', "(sss)");
        } else
                json_decref(checks);
        while (r >= 0 && (r = sd_bus_message_read(reply, "(sss)", &name, &answer, &text)) > 0)
                if (json_array_append_new(checks, json_pack("{s:s, s:o, s:s}", "check", name, "ok",
                                                            answer_to_json(answer), "text", text)) <
                    0)
                        return -ENOMEM;
        if (r >= 0)
                *ret = TAKE_PTR(root);
        return r;
}

static void print_check(const json_t *check, bool coloured) {
        const json_t *ok = json_object_get(check, "ok");
        _cleanup_free_ char *name = safe_text(json_string_value(json_object_get(check, "check")),
                                              TEXT_MAX),
                            *text = safe_text(json_string_value(json_object_get(check, "text")),
                                              TEXT_MAX);
        Colour colour = json_is_true(ok)    ? COLOUR_GREEN
                        : json_is_false(ok) ? COLOUR_RED
                                            : COLOUR_YELLOW;

        printf("  %s%-3s%s %-14s %s\n", coloured ? colour_sequence(colour) : "",
               json_is_true(ok)    ? "ok"
               : json_is_false(ok) ? "no"
                                   : "?",
               coloured ? colour_sequence(COLOUR_NONE) : "", name ?: "", text ?: "");
}

static void print_text(const char *guest, const json_t *answer) {
        _cleanup_free_ char *verdict =
                safe_text(json_string_value(json_object_get(answer, "verdict")), TEXT_MAX);
        bool coloured = terminal_coloured(STDOUT_FILENO);
        const json_t *check;
        size_t i;

        printf("%s: %s\n", guest, verdict ?: "");
        json_array_foreach(json_object_get(answer, "checks"), i, check) {
                print_check(check, coloured);
        }
}

static int show(Each *e) {
        const char *guest = e->guest, *port = e->options->words[0];
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *answer = NULL;
        pid_t pid = 0;
        int r;

        r = bus_connect(guest, BUS_ANSWER_LIMIT, &bus, &pid);
        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING,
                                 "%s does not work: %s is not running (umlctl start %s)", port,
                                 guest, guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        r = call(bus, port, &reply, &error);
        if (r < 0)
                return fail_with(sd_bus_error_has_name(&error, SD_BUS_ERROR_INVALID_ARGS)
                                         ? EXIT_USAGE
                                         : bus_error_exit_code(&error, r),
                                 "%s: %s: %s", guest, port, error.message ?: strerror(-r));
        r = read_answer(reply, port, &answer);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: unexpected reply from umld: %s", guest,
                                 strerror(-r));
        if (e->options->json)
                e->document = json_incref(answer);
        else
                print_text(guest, answer);
        return json_is_true(json_object_get(answer, "works")) ? EXIT_DONE : EXIT_FAILED;
}

int verb_port(const Options *o, const char *guest) {
        return each_guest(o, show);
}
