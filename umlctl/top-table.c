/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top-table.c - the columns of top, and the orders in which it shows guests. */

#include <stdlib.h>

#include "api/bus-names.h"
#include "api/guest-state.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/rates.h"
#include "umlctl/status-value.h"
#include "umlctl/top-table.h"

/* ---- columns ---- */

static char *cell_cpu(const json_t *props, usec_t now) {
        if (!json_object_get(props, RATE_PROP_CPU))
                return strdup("-");
        return strfmt("%.1f%%", 100.0 * (double) prop_number(props, RATE_PROP_CPU) / USEC_PER_SEC);
}

static char *cell_rate(const json_t *props, const char *name) {
        if (!json_object_get(props, name))
                return strdup("-");
        return strfmt("%s/s", FORMAT_SIZE(prop_number(props, name)));
}

static char *cell_sent(const json_t *props, usec_t now) {
        return cell_rate(props, RATE_PROP_SENT);
}

static char *cell_received(const json_t *props, usec_t now) {
        return cell_rate(props, RATE_PROP_RECEIVED);
}

/* Of those without a cell, list knows all the rest. */
static const Column table[] = {
        { .key = "name" },
        { .key = "state" },
        { .key = "uptime" },
        { .key = "cpu", .title = "CPU", .right = true, .cell = cell_cpu },
        { .key = "memory" },
        { .key = "sent", .title = "SENT", .right = true, .cell = cell_sent },
        { .key = "received", .title = "RECEIVED", .right = true, .cell = cell_received },
        { .key = "tcp" },
        { .key = "load" },
        { .key = "status" },
};
static_assert(ARRAY_SIZE(table) <= COLUMNS_MAX, "room for all columns");

int top_columns(const Column *ret[static COLUMNS_MAX], size_t *ret_n) {
        for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
                ret[i] = table[i].cell ? &table[i] : columns_find(table[i].key);
                if (!ret[i])
                        return -ENOENT;
        }
        *ret_n = ARRAY_SIZE(table);
        return 0;
}

/* ---- order ---- */

static double number_of(const json_t *props, const char *name) {
        return (double) prop_number(props, name);
}

static double weigh_cpu(const json_t *props) {
        return number_of(props, RATE_PROP_CPU);
}

static double weigh_memory(const json_t *props) {
        return number_of(props, UMLD_PROP_MEMORY_USED);
}

static double weigh_traffic(const json_t *props) {
        return number_of(props, RATE_PROP_SENT) + number_of(props, RATE_PROP_RECEIVED);
}

/* The one that was started last comes first, and before all those that do not run. */
static double weigh_start(const json_t *props) {
        return prop_number(props, UMLD_PROP_PID) > 0 ? number_of(props, UMLD_PROP_STARTED) : 0;
}

static const TopOrder orders[] = {
        { 'c', "cpu", weigh_cpu },
        { 'm', "memory", weigh_memory },
        { 't', "traffic", weigh_traffic },
        { 's', "start", weigh_start },
        { 'n', "name", NULL },
};

const TopOrder *top_orders(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(orders);
        return orders;
}

const TopOrder *top_order_by_name(const char *name) {
        FOREACH_ELEMENT (o, orders)
                if (streq(o->name, name))
                        return o;
        return NULL;
}

const TopOrder *top_order_by_letter(char letter) {
        FOREACH_ELEMENT (o, orders)
                if (o->letter == letter)
                        return o;
        return NULL;
}

typedef struct Ordering {
        const TopOrder *order;
        bool reverse;
} Ordering;

static int compare(const void *a, const void *b, void *userdata) {
        const json_t *one = ((const Snapshot *) a)->props, *other = ((const Snapshot *) b)->props;
        const Ordering *by = userdata;
        double x = by->order->weight ? by->order->weight(one) : 0,
               y = by->order->weight ? by->order->weight(other) : 0;
        int r = x > y ? -1 : x < y ? 1 : 0;

        if (r == 0)
                r = strcmp(prop_string(one, UMLD_PROP_NAME) ?: "",
                           prop_string(other, UMLD_PROP_NAME) ?: "");
        return by->reverse ? -r : r;
}

void top_sort(Snapshot *s, size_t n, const TopOrder *order, bool reverse) {
        qsort_r(s, n, sizeof(*s), compare, &(Ordering){ order, reverse });
}

/* ---- all guests together ---- */

static uint64_t sum(const Snapshot *s, size_t n, const char *name) {
        uint64_t all = 0;

        for (size_t i = 0; i < n; i++)
                all += prop_number(s[i].props, name);
        return all;
}

static size_t count_running(const Snapshot *s, size_t n) {
        size_t running = 0;

        for (size_t i = 0; i < n; i++)
                running += streq(prop_string(s[i].props, UMLD_PROP_STATE) ?: "",
                                 guest_state_to_string(GUEST_RUNNING));
        return running;
}

char *top_summary(const Snapshot *s, size_t n) {
        return strfmt("%zu guest%s, %zu running; CPU %.1f%%, memory %s, sent %s/s, received %s/s",
                      n, n == 1 ? "" : "s", count_running(s, n),
                      100.0 * (double) sum(s, n, RATE_PROP_CPU) / USEC_PER_SEC,
                      FORMAT_SIZE(sum(s, n, UMLD_PROP_MEMORY_USED)),
                      FORMAT_SIZE(sum(s, n, RATE_PROP_SENT)),
                      FORMAT_SIZE(sum(s, n, RATE_PROP_RECEIVED)));
}

/* ---- JSON ---- */

/* A new reference; null if it is not known. */
static json_t *known(const json_t *props, const char *name) {
        json_t *v = json_object_get(props, name);

        return v ? json_incref(v) : json_null();
}

static json_t *one_to_json(const json_t *props, usec_t now) {
        usec_t started =
                prop_number(props, UMLD_PROP_PID) > 0 ? prop_number(props, UMLD_PROP_STARTED) : 0;

        return json_pack(
                "{s:o, s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o}", "name",
                known(props, UMLD_PROP_NAME), "state", known(props, UMLD_PROP_STATE), "uptime",
                started > 0 ? json_real((double) usec_sub(now, started) / USEC_PER_SEC)
                            : json_null(),
                "cpu",
                json_object_get(props, RATE_PROP_CPU)
                        ? json_real((double) prop_number(props, RATE_PROP_CPU) / USEC_PER_SEC)
                        : json_null(),
                "memory", "used", known(props, UMLD_PROP_MEMORY_USED), "size",
                known(props, UMLD_PROP_MEMORY_SIZE), "sent", known(props, RATE_PROP_SENT),
                "received", known(props, RATE_PROP_RECEIVED));
}

json_t *top_json(const Snapshot *s, size_t n, usec_t now) {
        json_auto_t *list = json_array();

        for (size_t i = 0; i < n; i++)
                if (json_array_append_new(list, one_to_json(s[i].props, now)) < 0)
                        return NULL;
        return json_incref(list);
}
