/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-history.c - shows what a guest used in the last hour. */

#include <stdio.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/each-guest.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

static int call(sd_bus *bus, sd_bus_message **ret, sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                               UMLD_METHOD_HISTORY);

        return r < 0 ? r : sd_bus_call(bus, m, BUS_ANSWER_LIMIT, error, ret);
}

/* Converts umld's reply to what --json prints. */
static int read_samples(sd_bus_message *reply, json_t **ret) {
        json_auto_t *all = json_array();
        uint64_t when, memory, received, sent;
        int r;

        if (!all)
                return -ENOMEM;
        r = sd_bus_message_enter_container(reply, 'a', "(tttt)");
        while (r >= 0 &&
               (r = sd_bus_message_read(reply, "(tttt)", &when, &memory, &received, &sent)) > 0)
                if (json_array_append_new(all, json_pack("{s:f, s:I, s:I, s:I}", "time",
                                                         (double) when / (double) USEC_PER_SEC,
                                                         "memory", (json_int_t) memory, "received",
                                                         (json_int_t) received, "sent",
                                                         (json_int_t) sent)) < 0)
                        return -ENOMEM;
        if (r >= 0)
                *ret = TAKE_PTR(all);
        return r;
}

static uint64_t number_of(const json_t *sample, const char *key) {
        return (uint64_t) json_integer_value(json_object_get(sample, key));
}

static void print_sample(const json_t *sample) {
        time_t t = (time_t) json_real_value(json_object_get(sample, "time"));
        char when[32] = "?", received[FORMAT_SIZE_MAX], sent[FORMAT_SIZE_MAX];
        struct tm tm;

        if (localtime_r(&t, &tm))
                (void) strftime(when, sizeof(when), "%H:%M:%S", &tm);
        printf("%-8s %8s %12s/s %10s/s\n", when, FORMAT_SIZE(number_of(sample, "memory")),
               format_size(received, number_of(sample, "received")),
               format_size(sent, number_of(sample, "sent")));
}

static void print(Each *e, const json_t *samples) {
        const json_t *sample;
        size_t i;

        if (json_array_size(samples) == 0) {
                note("%s has not run for long enough yet", e->guest);
                return;
        }
        each_title(e);
        printf("%-8s %8s %14s %12s\n", "TIME", "MEMORY", "RECEIVED", "SENT");
        json_array_foreach(samples, i, sample) {
                print_sample(sample);
        }
}

static int show(Each *e) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        json_auto_t *samples = NULL;
        pid_t pid = 0;
        int r;

        r = bus_connect(e->guest, BUS_ANSWER_LIMIT, &bus, &pid);
        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running, so it has no history",
                                 e->guest);
        if (r < 0)
                return bus_connect_fail(e->guest, r, pid);
        r = call(bus, &reply, &error);
        if (r >= 0)
                r = read_samples(reply, &samples);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "%s: %s", e->guest,
                                 error.message ?: strerror(-r));
        if (e->options->json)
                e->document = TAKE_PTR(samples);
        else
                print(e, samples);
        return EXIT_DONE;
}

int verb_history(const Options *o, const char *guest) {
        return each_guest(o, show);
}
