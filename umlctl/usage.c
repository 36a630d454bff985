/* SPDX-License-Identifier: GPL-2.0-or-later */
/* usage.c - CPU time and traffic of a guest, from /proc and /sys. */

#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/usage.h"

static int set(json_t *props, const char *name, uint64_t value) {
        return json_object_set_new(props, name, json_integer((json_int_t) value)) < 0 ? -ENOMEM : 0;
}

/* The kernel of a guest and all processes below it; those that it has waited for count as its own.
 */
static int cpu_ticks(pid_t root, uint64_t *ret) {
        _cleanup_free_ pid_t *list = NULL;
        uint64_t ticks;
        char state;
        int n, r = process_activity(root, &state, ret);

        if (r < 0)
                return r;
        n = process_descendants(root, &list);
        for (int i = 0; i < n; i++)
                if (process_activity(list[i], &state, &ticks) >= 0)
                        *ret += ticks;
        return 0;
}

static int add_cpu(json_t *props) {
        pid_t pid = (pid_t) prop_number(props, UMLD_PROP_PID);
        uint64_t ticks;
        long second = sysconf(_SC_CLK_TCK);

        if (pid <= 0 || second <= 0 || cpu_ticks(pid, &ticks) < 0)
                return 0;
        return set(props, USAGE_PROP_CPU, ticks * (USEC_PER_SEC / (uint64_t) second));
}

static int add_bytes(json_t *props, const char *tap, const char *counter, const char *name) {
        _cleanup_free_ char *path = strfmt("/sys/class/net/%s/statistics/%s", tap, counter),
                            *text = NULL;
        uint64_t bytes;

        if (!path)
                return -ENOMEM;
        if (read_first_line(path, &text) < 0 || parse_unsigned(text, 0, INT64_MAX, &bytes) < 0)
                return 0;
        return set(props, name, bytes);
}

/* What the host receives on the tap is what the guest has sent. */
static int add_traffic(json_t *props) {
        const char *tap = prop_string(props, UMLD_PROP_TAP);
        int r;

        if (isempty(tap) || strchr(tap, '/') || streq(tap, ".."))
                return 0;
        r = add_bytes(props, tap, "rx_bytes", USAGE_PROP_SENT);
        return r < 0 ? r : add_bytes(props, tap, "tx_bytes", USAGE_PROP_RECEIVED);
}

int usage_add(json_t *props) {
        int r = add_cpu(props);

        return r < 0 ? r : add_traffic(props);
}
