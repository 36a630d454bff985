/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics-table.c - THE table of metrics, and where each gets its value. */

#include "api/bus-names.h"
#include "api/guest-state.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/metrics-facts.h"
#include "umlctl/metrics.h"
#include "umlctl/snapshot.h"
#include "umlctl/usage.h"

#define LABELS(...) ((const MetricLabel[]){ __VA_ARGS__, { NULL, NULL } })

#define GETTER_ARGUMENTS MetricsWriter *w, const Metric *m, const json_t *props

/* ---- single numbers ---- */

static bool knows(const json_t *props, const char *property) {
        return json_is_integer(json_object_get(props, property));
}

static bool runs(const json_t *props) {
        return prop_number(props, UMLD_PROP_PID) > 0;
}

static void get_number(GETTER_ARGUMENTS) {
        if (knows(props, m->property))
                metrics_write_integer(w, NULL, prop_number(props, m->property));
}

/* 0 = not known */
static void get_number_if(GETTER_ARGUMENTS) {
        if (prop_number(props, m->property) > 0)
                get_number(w, m, props);
}

static void get_seconds(GETTER_ARGUMENTS) {
        if (knows(props, m->property))
                metrics_write_seconds(w, NULL, prop_number(props, m->property));
}

/* 0 = never */
static void get_time(GETTER_ARGUMENTS) {
        if (prop_number(props, m->property) > 0)
                get_seconds(w, m, props);
}

static void get_uptime(GETTER_ARGUMENTS) {
        usec_t started = prop_number(props, UMLD_PROP_STARTED);

        if (runs(props) && started > 0)
                metrics_write_seconds(w, NULL, usec_sub(metrics_now(w), started));
}

static void get_answers(GETTER_ARGUMENTS) {
        metrics_write_integer(w, NULL,
                              prop_number(props, UMLD_PROP_DAEMON_PID) > 0 &&
                                      !prop_string(props, SNAPSHOT_PROP_ERROR));
}

/* Its umld removes its socket when it ends by itself: one that was killed, or does not answer,
 * leaves a guest that was to run. */
static void get_wanted(GETTER_ARGUMENTS) {
        bool up = streq(prop_string(props, UMLD_PROP_WANTED) ?: "",
                        guest_wanted_to_string(WANTED_UP));

        metrics_write_integer(w, NULL, up || json_object_get(props, FACT_UMLD_LOST));
}

/* The file of the host's kernel that has the number. */
static void get_host(GETTER_ARGUMENTS) {
        _cleanup_free_ char *text = NULL;
        uint64_t value;

        if (read_first_line(m->property, &text) >= 0 &&
            parse_unsigned(text, 0, INT64_MAX, &value) >= 0)
                metrics_write_integer(w, NULL, value);
}

/* The n-th of three load averages, which a guest has told. */
static void get_load(GETTER_ARGUMENTS, unsigned n) {
        const char *text = prop_string(props, UMLD_PROP_GUEST_LOAD) ?: "";

        while (n-- > 0 && *text) {
                text += strcspn(text, " ");
                text += strspn(text, " ");
        }
        if (*text)
                metrics_write_text(w, NULL, text, strcspn(text, " "));
}

static void get_load1(GETTER_ARGUMENTS) {
        get_load(w, m, props, 0);
}

static void get_load5(GETTER_ARGUMENTS) {
        get_load(w, m, props, 1);
}

static void get_load15(GETTER_ARGUMENTS) {
        get_load(w, m, props, 2);
}

/* ---- states and facts ---- */

static void write_set(MetricsWriter *w, const Metric *m, const char *current,
                      const char *(*name)(int i), int n) {
        for (int i = 0; i < n; i++)
                metrics_write_integer(w, LABELS({ m->name, name(i) }), streq(name(i), current));
}

static const char *state_name(int i) {
        return guest_state_to_string((GuestState) i);
}

static const char *health_name(int i) {
        return guest_health_to_string((GuestHealth) i);
}

/* That of a guest without its umld is none of umld's. */
static void get_state(GETTER_ARGUMENTS) {
        const char *state = prop_string(props, UMLD_PROP_STATE) ?: "";

        write_set(w, m, state, state_name, GUEST_STATE_MAX);
        metrics_write_integer(w, LABELS({ m->name, SNAPSHOT_STATE_ORPHAN }),
                              streq(state, SNAPSHOT_STATE_ORPHAN));
}

static void get_health(GETTER_ARGUMENTS) {
        if (runs(props))
                write_set(w, m, prop_string(props, UMLD_PROP_HEALTH) ?: "", health_name,
                          GUEST_HEALTH_MAX);
}

static void get_info(GETTER_ARGUMENTS) {
        static const struct {
                const char *label, *property;
        } facts[] = {
                { "umld", UMLD_PROP_DAEMON_VERSION },
                { "kernel", UMLD_PROP_KERNEL_VERSION },
                { "transport", UMLD_PROP_KERNEL_TRANSPORT },
                { "backing", UMLD_PROP_MEMORY_BACKING },
                { "backing_path", UMLD_PROP_MEMORY_PATH },
                { "rules", UMLD_PROP_BACKEND },
                { "profile", UMLD_PROP_PROFILE },
                { "congestion_control", UMLD_PROP_GUEST_CONGESTION },
                { "qdisc", UMLD_PROP_GUEST_QDISC },
        };
        MetricLabel labels[ARRAY_SIZE(facts) + 1] = {};
        size_t n = 0;

        FOREACH_ELEMENT (f, facts)
                if (!isempty(prop_string(props, f->property)))
                        labels[n++] = (MetricLabel){ f->label, prop_string(props, f->property) };
        metrics_write_integer(w, labels, 1);
}

static json_int_t level_of(const char *state) {
        static const char *const levels[] = { "unknown", "warning", "broken" };

        for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
                if (streq(state, levels[i]))
                        return (json_int_t) i + 1;
        return 0;
}

/* Several of one name: the worst. */
static void get_conditions(GETTER_ARGUMENTS) {
        const json_t *list = json_object_get(props, UMLD_PROP_CONDITIONS), *one;
        json_auto_t *worst = json_object();
        const char *name;
        json_t *level;
        size_t i;

        json_array_foreach(list, i, one) {
                const char *state = json_string_value(json_object_get(one, "state")) ?: "";
                const char *key = json_string_value(json_object_get(one, "name")) ?: "";
                json_int_t v = level_of(state);

                if (v >= json_integer_value(json_object_get(worst, key)))
                        (void) json_object_set_new(worst, key, json_integer(v));
        }
        json_object_foreach(worst, name, level) {
                metrics_write_integer(w, LABELS({ "condition", name }),
                                      (uint64_t) json_integer_value(level));
        }
}

static void get_last_exit(GETTER_ARGUMENTS) {
        usec_t when = prop_number(props, UMLD_PROP_LAST_WHEN);

        if (when > 0)
                metrics_write_seconds(
                        w, LABELS({ "verdict", prop_string(props, UMLD_PROP_LAST_VERDICT) }), when);
}

static void get_last_crash(GETTER_ARGUMENTS) {
        usec_t when = prop_number(props, FACT_CRASH_WHEN);

        if (when > 0)
                metrics_write_seconds(
                        w, LABELS({ "verdict", prop_string(props, FACT_CRASH_VERDICT) }), when);
}

/* ---- rows of figures: name, then numbers ---- */

static uint64_t cell(const json_t *row, size_t i) {
        return (uint64_t) json_integer_value(json_array_get(row, i));
}

static void write_column(MetricsWriter *w, const json_t *props, const char *property,
                         const char *label, size_t column) {
        const json_t *rows = json_object_get(props, property), *row;
        size_t i;

        json_array_foreach(rows, i, row) {
                metrics_write_integer(w,
                                      LABELS({ label, json_string_value(json_array_get(row, 0)) }),
                                      cell(row, column));
        }
}

#define DEFINE_COLUMN(name, property, label, column)                                               \
        static void get_##name(GETTER_ARGUMENTS) {                                                 \
                (void) m;                                                                          \
                write_column(w, props, property, label, column);                                   \
        }                                                                                          \
        struct swallow_semicolon_##name

DEFINE_COLUMN(restarts, UMLD_COUNTER_RESTARTS, "verdict", 1);
DEFINE_COLUMN(forward_packets, UMLD_COUNTER_FORWARDS, "forward", 1);
DEFINE_COLUMN(forward_bytes, UMLD_COUNTER_FORWARDS, "forward", 2);
DEFINE_COLUMN(disk_size, UMLD_COUNTER_DISKS, "disk", 1);
DEFINE_COLUMN(disk_allocated, UMLD_COUNTER_DISKS, "disk", 2);
DEFINE_COLUMN(disk_fs_size, UMLD_COUNTER_DISKS, "disk", 3);
DEFINE_COLUMN(disk_fs_available, UMLD_COUNTER_DISKS, "disk", 4);

/* In seconds, in the one form that OpenMetrics has for it: "0.0025", "1.0". */
static void format_bound(usec_t bound, char buf[static 32]) {
        size_t n = (size_t) snprintf(buf, 32, "%ju.%06ju", (uintmax_t) (bound / USEC_PER_SEC),
                                     (uintmax_t) (bound % USEC_PER_SEC));

        while (buf[n - 1] == '0' && buf[n - 2] != '.')
                buf[--n] = '\0';
}

/* Each bucket has what the smaller ones have as well. */
static void get_heartbeats(GETTER_ARGUMENTS) {
        const json_t *rows = json_object_get(props, UMLD_COUNTER_LATENCIES), *row;
        uint64_t so_far = 0;
        size_t i, n = json_array_size(rows);

        json_array_foreach(rows, i, row) {
                char text[32];

                format_bound(cell(row, 0), text);
                so_far += cell(row, 1);
                metrics_write_integer_as(w, "_bucket", LABELS({ "le", i + 1 < n ? text : "+Inf" }),
                                         so_far);
        }
        if (n == 0)
                return;
        metrics_write_seconds_as(w, "_sum", NULL, prop_number(props, UMLD_COUNTER_LATENCY_SUM));
        metrics_write_integer_as(w, "_count", NULL, so_far);
}

/* ---- THE table ---- */

static const Metric table[] = {
        { "umld_up", METRIC_GAUGE, NULL, "Whether the guest's umld is running and answers", false,
          get_answers, NULL },
        { "umld_guest", METRIC_INFO, NULL, "What the guest runs with", false, get_info, NULL },
        { "umld_guest_state", METRIC_STATESET, NULL, "State of the guest", false, get_state, NULL },
        { "umld_guest_wanted", METRIC_GAUGE, NULL, "Whether the guest is to run", false, get_wanted,
          NULL },
        { "umld_guest_health", METRIC_STATESET, NULL, "Health of the guest's kernel", false,
          get_health, NULL },
        { "umld_guest_condition_level", METRIC_GAUGE, NULL,
          "What the guest relies on: 0 good or not used, 1 unknown, 2 warning, 3 broken", false,
          get_conditions, NULL },
        { "umld_guest_state_since_timestamp_seconds", METRIC_GAUGE, "seconds",
          "When the guest entered its state, in Unix time", false, get_time, UMLD_PROP_SINCE },
        { "umld_guest_uptime_seconds", METRIC_GAUGE, "seconds",
          "How long the guest's kernel has been running", false, get_uptime, NULL },
        { "umld_guest_down_seconds", METRIC_COUNTER, "seconds",
          "Time in which the guest was not ready, since its umld started", false, get_seconds,
          UMLD_COUNTER_DOWN_TIME },
        { "umld_guest_restarts", METRIC_COUNTER, NULL,
          "Restarts that nobody requested, since its umld started, by verdict", false, get_restarts,
          NULL },
        { "umld_guest_last_exit_timestamp_seconds", METRIC_GAUGE, "seconds",
          "When the guest ended last, in Unix time", false, get_last_exit, NULL },
        { "umld_guest_last_crash_timestamp_seconds", METRIC_GAUGE, "seconds",
          "When the guest crashed last, in Unix time", false, get_last_crash, NULL },
        { "umld_guest_cpu_seconds", METRIC_COUNTER, "seconds",
          "CPU time of the host that the guest's kernel has used since it started", false,
          get_seconds, USAGE_PROP_CPU },
        { "umld_daemon_cpu_seconds", METRIC_COUNTER, "seconds",
          "CPU time that the guest's umld has used", false, get_seconds, UMLD_COUNTER_DAEMON_CPU },

        { "umld_guest_memory_limit_bytes", METRIC_GAUGE, "bytes", "Memory of the guest", false,
          get_number_if, UMLD_PROP_MEMORY_SIZE },
        { "umld_guest_memory_promised_bytes", METRIC_GAUGE, "bytes",
          "Memory of the host that the guest may use at most", false, get_number_if,
          UMLD_COUNTER_PROMISED },
        { "umld_guest_memory_used_bytes", METRIC_GAUGE, "bytes",
          "Memory of the host that the guest's memory file uses", false, get_number,
          UMLD_PROP_MEMORY_USED },
        { "umld_guest_memory_peak_bytes", METRIC_GAUGE, "bytes",
          "Maximum memory that the memory file has used since the kernel started", false,
          get_number, UMLD_PROP_MEMORY_PEAK },
        { "umld_guest_memory_balloon_bytes", METRIC_GAUGE, "bytes",
          "Memory of the guest that its balloon holds", false, get_number,
          UMLD_PROP_MEMORY_BALLOON },
        { "umld_guest_memory_backing_size_bytes", METRIC_GAUGE, "bytes",
          "Size of the file system that holds the guest's memory", false, get_number,
          UMLD_COUNTER_BACKING_SIZE },
        { "umld_guest_memory_backing_available_bytes", METRIC_GAUGE, "bytes",
          "Free space of the file system that holds the guest's memory", false, get_number,
          UMLD_COUNTER_BACKING_AVAILABLE },
        { "umld_guest_kernel_memory_bytes", METRIC_GAUGE, "bytes",
          "Memory that the guest's kernel has, as it reports", false, get_number_if,
          UMLD_PROP_GUEST_MEMORY },
        { "umld_guest_kernel_memory_available_bytes", METRIC_GAUGE, "bytes",
          "Memory that is available in the guest, as its kernel reports", false, get_number_if,
          UMLD_PROP_GUEST_AVAILABLE },
        { "umld_guest_load1", METRIC_GAUGE, NULL,
          "Load average of the guest over the last minute, as its kernel reports", false, get_load1,
          NULL },
        { "umld_guest_load5", METRIC_GAUGE, NULL,
          "Load average of the guest over the last five minutes, as its kernel reports", false,
          get_load5, NULL },
        { "umld_guest_load15", METRIC_GAUGE, NULL,
          "Load average of the guest over the last fifteen minutes, as its kernel reports", false,
          get_load15, NULL },
        { "umld_guest_heartbeat_seconds", METRIC_HISTOGRAM, "seconds",
          "How long the guest's kernel took to respond to heartbeats, since its umld started",
          false, get_heartbeats, NULL },

        { "umld_guest_disk_size_bytes", METRIC_GAUGE, "bytes", "Size of a disk image", false,
          get_disk_size, NULL },
        { "umld_guest_disk_allocated_bytes", METRIC_GAUGE, "bytes",
          "Space that a disk image uses on the host", false, get_disk_allocated, NULL },
        { "umld_guest_disk_filesystem_size_bytes", METRIC_GAUGE, "bytes",
          "Size of the host's file system that has the image", false, get_disk_fs_size, NULL },
        { "umld_guest_disk_filesystem_available_bytes", METRIC_GAUGE, "bytes",
          "Free space of the host's file system that has the image", false, get_disk_fs_available,
          NULL },

        { "umld_guest_network_transmit_bytes", METRIC_COUNTER, "bytes",
          "Bytes that the guest has sent through its tap", false, get_number, FACT_SENT_BYTES },
        { "umld_guest_network_transmit_packets", METRIC_COUNTER, NULL,
          "Packets that the guest has sent through its tap", false, get_number, FACT_SENT_PACKETS },
        { "umld_guest_network_transmit_drops", METRIC_COUNTER, NULL,
          "Packets from the guest that its tap has dropped", false, get_number, FACT_SENT_DROPS },
        { "umld_guest_network_receive_bytes", METRIC_COUNTER, "bytes",
          "Bytes that the guest has received through its tap", false, get_number,
          FACT_RECEIVED_BYTES },
        { "umld_guest_network_receive_packets", METRIC_COUNTER, NULL,
          "Packets that the guest has received through its tap", false, get_number,
          FACT_RECEIVED_PACKETS },
        { "umld_guest_network_receive_drops", METRIC_COUNTER, NULL,
          "Packets to the guest that its tap has dropped", false, get_number, FACT_RECEIVED_DROPS },
        { "umld_guest_connections_waiting", METRIC_GAUGE, NULL,
          "New connections that are waiting for the guest to be ready", false, get_number,
          UMLD_PROP_HELD_NOW },
        { "umld_guest_connections_held", METRIC_COUNTER, NULL,
          "Connections that have waited, since its umld started", false, get_number,
          UMLD_PROP_HELD_TOTAL },
        { "umld_guest_connections_dropped", METRIC_COUNTER, NULL,
          "Connections that have waited in vain, or could not wait", false, get_number,
          UMLD_PROP_HELD_DROPPED },
        { "umld_guest_connections_tracked", METRIC_GAUGE, NULL,
          "Connections of the guest that the host tracks, when it was asked last", false,
          get_number, UMLD_COUNTER_CONNECTIONS },
        { "umld_guest_connections_limit", METRIC_GAUGE, NULL,
          "Maximum number of connections that the guest may have; absent if unlimited", false,
          get_number_if, UMLD_COUNTER_CONNECTIONS_LIMIT },
        { "umld_guest_forward_packets", METRIC_COUNTER, NULL,
          "First packets of connections that a rule has forwarded, since it was made", false,
          get_forward_packets, NULL },
        { "umld_guest_forward_bytes", METRIC_COUNTER, "bytes",
          "Bytes of the first packets of connections that a rule has forwarded", false,
          get_forward_bytes, NULL },
        { "umld_guest_rule_repairs", METRIC_COUNTER, NULL,
          "Repairs of firewall rules that others have changed", false, get_number,
          UMLD_PROP_RULE_REPAIRS },

        { "umld_host_connections_tracked", METRIC_GAUGE, NULL, "Connections that the host tracks",
          true, get_host, "/proc/sys/net/netfilter/nf_conntrack_count" },
        { "umld_host_connections_limit", METRIC_GAUGE, NULL,
          "Maximum number of connections that the host can track", true, get_host,
          "/proc/sys/net/netfilter/nf_conntrack_max" },
};

const Metric *metrics_table(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(table);
        return table;
}
