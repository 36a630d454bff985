/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rates.c - what a guest does in a second. */

#include "umlctl/rates.h"
#include "api/bus-names.h"
#include "umlctl/bus-client.h"
#include "umlctl/usage.h"

static int add_rate(json_t *props, const json_t *before, usec_t elapsed, const char *counter,
                    const char *name) {
        uint64_t old = prop_number(before, counter), new = prop_number(props, counter);
        double rate;

        /* Fewer than before: it counts from the beginning again. */
        if (!json_object_get(before, counter) || !json_object_get(props, counter) || new < old)
                return 0;
        rate = (double) (new - old) * (double) USEC_PER_SEC / (double) elapsed;
        return json_object_set_new(props, name, json_integer((json_int_t) rate)) < 0 ? -ENOMEM : 0;
}

static bool same_kernel(const json_t *a, const json_t *b) {
        return prop_number(a, UMLD_PROP_PID) == prop_number(b, UMLD_PROP_PID) &&
               prop_number(a, UMLD_PROP_STARTED) == prop_number(b, UMLD_PROP_STARTED);
}

int rates_add(json_t *props, const json_t *before, usec_t elapsed) {
        int r = 0;

        if (!before || elapsed == 0)
                return 0;
        if (same_kernel(props, before))
                r = add_rate(props, before, elapsed, USAGE_PROP_CPU, RATE_PROP_CPU);
        if (r >= 0)
                r = add_rate(props, before, elapsed, USAGE_PROP_SENT, RATE_PROP_SENT);
        return r < 0 ? r
                     : add_rate(props, before, elapsed, USAGE_PROP_RECEIVED, RATE_PROP_RECEIVED);
}

const json_t *rates_find(const Snapshot *s, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (streq(prop_string(s[i].props, UMLD_PROP_NAME) ?: "", name))
                        return s[i].props;
        return NULL;
}
