/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns.c - what is shown of a guest in one line. */

#include <inttypes.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/nearest.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/columns.h"
#include "umlctl/foreign-words.h"
#include "umlctl/say.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"
#include "umlctl/usage.h"

enum {
        TEXT_MAX = 200,
};

static char *cell_string(const json_t *props, const char *name) {
        const char *s = prop_string(props, name);

        return safe_text(isempty(s) ? "-" : s, TEXT_MAX);
}

static char *cell_count(const json_t *props, const char *name) {
        return json_object_get(props, name) ? strfmt("%" PRIu64, prop_number(props, name))
                                            : strdup("-");
}

static char *cell_size(const json_t *props, const char *name) {
        return strdup(json_object_get(props, name) ? FORMAT_SIZE(prop_number(props, name)) : "-");
}

static bool runs(const json_t *props) {
        return prop_number(props, UMLD_PROP_PID) > 0;
}

#define DEFINE_CELL(name, format, property)                                                        \
        static char *cell_##name(const json_t *props, usec_t now) {                                \
                (void) now;                                                                        \
                return format(props, property);                                                    \
        }                                                                                          \
        struct swallow_semicolon_##name

DEFINE_CELL(name, cell_string, UMLD_PROP_NAME);
DEFINE_CELL(state, cell_string, UMLD_PROP_STATE);
DEFINE_CELL(restarts, cell_count, UMLD_PROP_RESTARTS);
DEFINE_CELL(tcp, cell_string, UMLD_PROP_GUEST_CONGESTION);
DEFINE_CELL(address, cell_string, UMLD_PROP_GUEST_ADDRESS);
DEFINE_CELL(address6, cell_string, UMLD_PROP_GUEST_ADDRESS6);
DEFINE_CELL(tap, cell_string, UMLD_PROP_TAP);
DEFINE_CELL(health, cell_string, UMLD_PROP_HEALTH);
DEFINE_CELL(kernel, cell_string, UMLD_PROP_KERNEL_VERSION);
DEFINE_CELL(status, cell_string, UMLD_PROP_STATUS_TEXT);
DEFINE_CELL(sent, cell_size, USAGE_PROP_SENT);
DEFINE_CELL(received, cell_size, USAGE_PROP_RECEIVED);

static char *cell_pid(const json_t *props, usec_t now) {
        return runs(props) ? cell_count(props, UMLD_PROP_PID) : strdup("-");
}

static char *cell_since(const json_t *props, usec_t now) {
        return status_age_text(prop_number(props, UMLD_PROP_SINCE), now);
}

static char *cell_uptime(const json_t *props, usec_t now) {
        return status_age_text(runs(props) ? prop_number(props, UMLD_PROP_STARTED) : 0, now);
}

/* "21.3M/64M": how much of the host's memory it uses, of the most that it can. */
static char *cell_memory(const json_t *props, usec_t now) {
        uint64_t size = prop_number(props, UMLD_PROP_MEMORY_SIZE);
        bool known = json_object_get(props, UMLD_PROP_MEMORY_USED);

        if (size == 0)
                return strdup("-");
        return strfmt("%s/%s",
                      runs(props) && known ? FORMAT_SIZE(prop_number(props, UMLD_PROP_MEMORY_USED))
                                           : "-",
                      FORMAT_SIZE(size));
}

/* Since it was started, on average. */
static char *cell_cpu(const json_t *props, usec_t now) {
        usec_t up = usec_sub(now, prop_number(props, UMLD_PROP_STARTED));

        if (!json_object_get(props, USAGE_PROP_CPU) || up == 0)
                return strdup("-");
        return strfmt("%.1f%%", 100.0 * (double) prop_number(props, USAGE_PROP_CPU) / (double) up);
}

/* The first of three: over the last minute. */
static char *cell_load(const json_t *props, usec_t now) {
        char *text = cell_string(props, UMLD_PROP_GUEST_LOAD);

        if (text)
                text[strcspn(text, " ")] = '\0';
        return text;
}

static char *cell_forwards(const json_t *props, usec_t now) {
        const json_t *list = json_object_get(props, UMLD_PROP_FORWARDS), *value;
        char *all = NULL;
        size_t i;

        json_array_foreach(list, i, value) {
                _cleanup_free_ char *safe = safe_text(json_string_value(value) ?: "", TEXT_MAX),
                                    *old = all;

                all = strfmt("%s%s%s", old ?: "", old ? " " : "", safe ?: "?");
                if (!all)
                        return NULL;
        }
        return all ?: strdup("-");
}

static char *cell_enabled(const json_t *props, usec_t now) {
        const json_t *enabled = json_object_get(props, SNAPSHOT_PROP_ENABLED);

        return strdup(json_is_true(enabled) ? "yes" : json_is_false(enabled) ? "no" : "-");
}

static char *cell_last_exit(const json_t *props, usec_t now) {
        const char *error = prop_string(props, SNAPSHOT_PROP_ERROR);
        _cleanup_free_ char *text = NULL;

        if (error)
                return safe_text(error, TEXT_MAX);
        text = status_last_exit_text(props, now);
        return text ? strdup(isempty(text) ? "-" : text) : NULL;
}

static const Column table[] = {
        { "name", "NAME", true, false, false, cell_name, "of the guest", UMLD_PROP_NAME },
        { "state", "STATE", true, false, false, cell_state, "its state", UMLD_PROP_STATE },
        { "since", "FOR", false, false, false, cell_since, "how long it has been in this state",
          UMLD_PROP_SINCE },
        { "uptime", "UPTIME", true, false, false, cell_uptime, "how long its kernel has run",
          UMLD_PROP_PID " " UMLD_PROP_STARTED },
        { "restarts", "RESTARTS", true, true, false, cell_restarts, "since its umld was started",
          UMLD_PROP_RESTARTS },
        { "memory", "MEMORY", true, true, false, cell_memory, "host memory used, of its size",
          UMLD_PROP_PID " " UMLD_PROP_MEMORY_SIZE " " UMLD_PROP_MEMORY_USED },
        { "cpu", "CPU", true, true, false, cell_cpu, "average use of one host CPU since its start",
          UMLD_PROP_PID " " UMLD_PROP_STARTED },
        { "load", "LOAD", false, true, false, cell_load, "its load average of the last minute",
          UMLD_PROP_GUEST_LOAD },
        { "tcp", "TCP", true, false, false, cell_tcp, "its congestion control",
          UMLD_PROP_GUEST_CONGESTION },
        { "address", "ADDRESS", true, false, false, cell_address, "its IPv4 address",
          UMLD_PROP_GUEST_ADDRESS },
        { "address6", "ADDRESS6", false, false, false, cell_address6, "its IPv6 address",
          UMLD_PROP_GUEST_ADDRESS6 },
        { "tap", "TAP", false, false, false, cell_tap, "its tap device", UMLD_PROP_TAP },
        { "sent", "SENT", false, true, false, cell_sent, "bytes it has sent", UMLD_PROP_TAP },
        { "received", "RECEIVED", false, true, false, cell_received, "bytes it has received",
          UMLD_PROP_TAP },
        { "health", "HEALTH", false, false, false, cell_health, "of its kernel", UMLD_PROP_HEALTH },
        { "kernel", "KERNEL", false, false, false, cell_kernel, "version of its kernel",
          UMLD_PROP_KERNEL_VERSION },
        { "pid", "PID", false, true, false, cell_pid, "main process of its kernel", UMLD_PROP_PID },
        { "enabled", "ENABLED", false, false, false, cell_enabled, "is it started at boot?", "",
          true },
        { "forwards", "FORWARDS", true, false, true, cell_forwards, "ports forwarded to it",
          UMLD_PROP_FORWARDS },
        { "last-exit", "LAST EXIT", true, false, true, cell_last_exit, "how it ended last",
          UMLD_PROP_LAST_VERDICT " " UMLD_PROP_LAST_DETAIL " " UMLD_PROP_LAST_WHEN },
        { "status", "STATUS", false, false, true, cell_status, "what is happening",
          UMLD_PROP_STATUS_TEXT },
};
static_assert(ARRAY_SIZE(table) <= COLUMNS_MAX, "room for all columns");

const Column *columns_table(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(table);
        return table;
}

static char *list_keys(void) {
        char *all = strdup(table[0].key);

        for (size_t i = 1; all && i < ARRAY_SIZE(table); i++) {
                _cleanup_free_ char *old = all;

                all = strfmt("%s, %s", old, table[i].key);
        }
        return all;
}

static int fail_key(const char *key) {
        _cleanup_free_ char *all = list_keys();
        const char *nearest = NULL, *ours = foreign_column(key);
        int best = 3;

        if (ours)
                return fail_with(EXIT_USAGE, "--output: unknown column '%s'; use %s", key, ours);
        FOREACH_ELEMENT (c, table) {
                int slips = slips_between(key, c->key);

                if (slips >= 0 && slips < best) {
                        best = slips;
                        nearest = c->key;
                }
        }
        if (nearest)
                return fail_with(EXIT_USAGE, "--output: unknown column '%s'; did you mean %s?", key,
                                 nearest);
        return fail_with(EXIT_USAGE, "--output: unknown column '%s'; there are %s", key, all ?: "");
}

const Column *columns_find(const char *key) {
        FOREACH_ELEMENT (c, table)
                if (streq(c->key, key))
                        return c;
        return NULL;
}

int columns_choose(const char *list, const Column *ret[static COLUMNS_MAX], size_t *ret_n) {
        _cleanup_free_ char *copy = NULL;
        char *rest, *key;

        *ret_n = 0;
        if (!list) {
                FOREACH_ELEMENT (c, table)
                        if (c->usual)
                                ret[(*ret_n)++] = c;
                return 0;
        }
        rest = copy = strdup(list);
        if (!copy)
                return fail_with(EXIT_FAILED, "out of memory");
        while ((key = strsep(&rest, ","))) {
                const Column *c = columns_find(key);

                if (!c)
                        return fail_key(key);
                if (*ret_n == COLUMNS_MAX)
                        return fail_with(EXIT_USAGE, "--output: more than %d columns", COLUMNS_MAX);
                ret[(*ret_n)++] = c;
        }
        return 0;
}

bool columns_ask_boot(const Column *const *columns, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (columns[i]->boot)
                        return true;
        return false;
}

int columns_needs(const Column *const *columns, size_t n, Strv *ret) {
        int r;

        if ((r = strv_push(ret, UMLD_PROP_NAME)) < 0 || (r = strv_push(ret, UMLD_PROP_STATE)) < 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                _cleanup_strv_ Strv needs = {};

                if ((r = strv_split_shell(&needs, columns[i]->needs)) < 0)
                        return r;
                for (size_t k = 0; k < needs.n; k++)
                        if (!strv_holds(ret, needs.v[k]) && (r = strv_push(ret, needs.v[k])) < 0)
                                return r;
        }
        return 0;
}
