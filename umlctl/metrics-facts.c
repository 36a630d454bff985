/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics-facts.c - collects what metrics need beside the properties of guests. */

#include <stdlib.h>

#include "api/bus-names.h"
#include "api/crash-files.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/bus-query.h"
#include "umlctl/crash-reader.h"
#include "umlctl/guests.h"
#include "umlctl/metrics-facts.h"

/* ---- figures that umld counts ---- */

static int new_counters(sd_bus *bus, sd_bus_message **ret) {
        return sd_bus_message_new_method_call(bus, ret, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                              UMLD_METHOD_COUNTERS);
}

static int add_counters(Snapshot *s, size_t n) {
        _cleanup_free_ BusQuery *queries = calloc(n + 1, sizeof(BusQuery));
        _cleanup_free_ size_t *of = calloc(n + 1, sizeof(size_t));
        size_t live = 0;
        int r;

        if (!queries || !of)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (s[i].live) {
                        of[live] = i;
                        queries[live].name = prop_string(s[i].props, UMLD_PROP_NAME);
                        queries[live++].request = new_counters;
                }
        r = bus_query(queries, live, BUS_ANSWER_LIMIT);
        for (size_t i = 0; i < live; i++) {
                if (r >= 0 && queries[i].props &&
                    json_object_update_missing(s[of[i]].props, queries[i].props) < 0)
                        r = -ENOMEM;
                bus_query_done(&queries[i]);
        }
        return r;
}

/* ---- the tap ---- */

/* What the host receives on the tap is what the guest has sent. */
static int add_traffic(json_t *props) {
        static const struct {
                const char *file, *name;
        } counters[] = {
                { "rx_bytes", FACT_SENT_BYTES },         { "rx_packets", FACT_SENT_PACKETS },
                { "rx_dropped", FACT_SENT_DROPS },       { "tx_bytes", FACT_RECEIVED_BYTES },
                { "tx_packets", FACT_RECEIVED_PACKETS }, { "tx_dropped", FACT_RECEIVED_DROPS },
        };
        const char *tap = prop_string(props, UMLD_PROP_TAP);

        if (isempty(tap) || strchr(tap, '/') || streq(tap, ".."))
                return 0;
        FOREACH_ELEMENT (c, counters) {
                _cleanup_free_ char *path = strfmt("/sys/class/net/%s/statistics/%s", tap, c->file),
                                    *text = NULL;
                uint64_t value;

                if (!path)
                        return -ENOMEM;
                if (read_first_line(path, &text) < 0 ||
                    parse_unsigned(text, 0, INT64_MAX, &value) < 0)
                        continue;
                if (json_object_set_new(props, c->name, json_integer((json_int_t) value)) < 0)
                        return -ENOMEM;
        }
        return 0;
}

/* ---- the last crash ---- */

/* Reports say it of guests that are down, too. */
static int add_crash(json_t *props) {
        const char *name = prop_string(props, UMLD_PROP_NAME), *verdict;
        _cleanup_free_ char *directory = crash_directory(name), *path = NULL;
        json_auto_t *report = NULL;
        uint64_t newest;
        double when;

        if (!directory)
                return -ENOMEM;
        if (crash_files_list(directory, &newest, 1) <= 0)
                return 0;
        path = crash_path(name, newest);
        if (!path)
                return -ENOMEM;
        if (crash_read(path, &report) < 0)
                return 0;
        when = json_number_value(json_object_get(report, "when"));
        verdict = json_string_value(json_object_get(report, "verdict"));
        if (json_object_set_new(props, FACT_CRASH_WHEN,
                                json_integer((json_int_t) (when * (double) USEC_PER_SEC))) < 0 ||
            json_object_set_new(props, FACT_CRASH_VERDICT, json_string(verdict ?: "")) < 0)
                return -ENOMEM;
        return 0;
}

static int add_loss(const Snapshot *s) {
        const char *name = prop_string(s->props, UMLD_PROP_NAME);

        if (s->live || !guest_has_socket(name))
                return 0;
        return json_object_set_new(s->props, FACT_UMLD_LOST, json_true()) < 0 ? -ENOMEM : 0;
}

int metrics_facts_add(Snapshot *s, size_t n) {
        int r = add_counters(s, n);

        for (size_t i = 0; r >= 0 && i < n; i++) {
                r = add_traffic(s[i].props);
                if (r >= 0)
                        r = add_crash(s[i].props);
                if (r >= 0)
                        r = add_loss(&s[i]);
        }
        return r;
}
