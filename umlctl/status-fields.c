/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-fields.c - the table of status fields, and the text and JSON output made from it. */

#include <inttypes.h>
#include <stdlib.h>

#include "api/bus-names.h"
#include "api/guest-state.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/snapshot.h"
#include "umlctl/status-fields.h"

enum {
        TEXT_MAX = 1000, /* of one foreign string */
        LABEL_WIDTH = 12,
};

/* Prints foreign text, made safe for a terminal. */
static void put(FILE *f, const char *s) {
        _cleanup_free_ char *safe = safe_text(s, TEXT_MAX);

        fputs(safe ?: "?", f);
}

char *format_size(char buf[static FORMAT_SIZE_MAX], uint64_t size) {
        static const char units[] = "BKMGTPE";
        double v = (double) size;
        unsigned tenths;
        size_t u = 0;

        for (; v >= 1023.95 && units[u + 1]; u++) /* otherwise it would be printed as 1024.0 */
                v /= 1024;
        tenths = (unsigned) (v * 10 + 0.5);
        if (tenths % 10 == 0)
                snprintf(buf, FORMAT_SIZE_MAX, "%u%c", tenths / 10, units[u]);
        else
                snprintf(buf, FORMAT_SIZE_MAX, "%u.%u%c", tenths / 10, tenths % 10, units[u]);
        return buf;
}

char *status_age_text(usec_t then, usec_t now) {
        usec_t age = usec_sub(now, then) / USEC_PER_SEC * USEC_PER_SEC;

        return strdup(then == 0 ? "-" : age == 0 ? "0s" : FORMAT_TIMESPAN(age));
}

static void put_time(FILE *f, usec_t t) {
        time_t seconds = (time_t) (t / USEC_PER_SEC);
        char text[64];
        struct tm tm;

        if (localtime_r(&seconds, &tm) &&
            strftime(text, sizeof(text), "%a %Y-%m-%d %H:%M:%S %Z", &tm) > 0)
                fputs(text, f);
}

static void put_age(FILE *f, usec_t then, usec_t now) {
        _cleanup_free_ char *age = status_age_text(then, now);

        fputs(age ?: "?", f);
}

static void format_process(FILE *f, const json_t *props, usec_t now) {
        uint64_t pid = prop_number(props, UMLD_PROP_PID);
        uint64_t umld = prop_number(props, UMLD_PROP_DAEMON_PID);

        (void) now;
        if (pid > 0)
                fprintf(f, "%" PRIu64, pid);
        else if (umld > 0)
                fputs("none", f);
        if (umld > 0)
                fprintf(f, ", umld %" PRIu64, umld);
}

/* "panic: Attempted to kill init!" */
static void put_verdict(FILE *f, const json_t *props) {
        const char *detail = prop_string(props, UMLD_PROP_LAST_DETAIL);

        put(f, prop_string(props, UMLD_PROP_LAST_VERDICT));
        if (!isempty(detail)) {
                fputs(": ", f);
                put(f, detail);
        }
}

static bool has_ended(const json_t *props) {
        const char *verdict = prop_string(props, UMLD_PROP_LAST_VERDICT);

        return !isempty(verdict) && !streq(verdict, verdict_to_string(VERDICT_NONE));
}

static void format_last_exit(FILE *f, const json_t *props, usec_t now) {
        usec_t when = prop_number(props, UMLD_PROP_LAST_WHEN);

        if (!has_ended(props))
                return;
        put_verdict(f, props);
        if (when > 0) {
                fputs("; ", f);
                put_age(f, when, now);
                fputs(" ago", f);
        }
}

char *status_last_exit_text(const json_t *props, usec_t now) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        format_last_exit(f, props, now);
        fclose(f);
        return text;
}

char *status_until_text(usec_t then, usec_t now) {
        usec_t left = (usec_sub(then, now) + 50 * USEC_PER_MSEC) / (100 * USEC_PER_MSEC);

        return left == 0 ? strdup("now")
                         : strfmt("in %s", FORMAT_TIMESPAN(left * 100 * USEC_PER_MSEC));
}

static void format_next_start(FILE *f, const json_t *props, usec_t now) {
        usec_t next = prop_number(props, UMLD_PROP_NEXT_START);
        _cleanup_free_ char *text = next > 0 ? status_until_text(next, now) : NULL;

        if (text)
                fputs(text, f);
}

/* Prints a piece of text, with the separator before all but the first. */
static void put_piece(FILE *f, unsigned *n, const char *separator, const char *text) {
        if (isempty(text))
                return;
        if ((*n)++ > 0)
                fputs(separator, f);
        put(f, text);
}

/* "good, last answer took 120us" */
static void format_health(FILE *f, const json_t *props, usec_t now) {
        const char *health = prop_string(props, UMLD_PROP_HEALTH);
        usec_t latency = prop_number(props, UMLD_PROP_LATENCY);

        (void) now;
        if (isempty(health) || streq(health, guest_health_to_string(HEALTH_UNKNOWN)))
                return;
        put(f, health);
        if (latency > 0)
                fprintf(f, ", last response took %s", FORMAT_TIMESPAN(latency));
}

/* "bbr with fq, load 0.12 0.05 0.01, 40M of 52M available" */
static void format_guest(FILE *f, const json_t *props, usec_t now) {
        uint64_t memory = prop_number(props, UMLD_PROP_GUEST_MEMORY);
        unsigned n = 0;

        (void) now;
        put_piece(f, &n, "", prop_string(props, UMLD_PROP_GUEST_CONGESTION));
        put_piece(f, &n, " with ", prop_string(props, UMLD_PROP_GUEST_QDISC));
        put_piece(f, &n, ", load ", prop_string(props, UMLD_PROP_GUEST_LOAD));
        if (memory > 0)
                fprintf(f, "%s%s of %s available", n > 0 ? ", " : "",
                        FORMAT_SIZE(prop_number(props, UMLD_PROP_GUEST_AVAILABLE)),
                        FORMAT_SIZE(memory));
}

static void format_fallback(FILE *f, const json_t *props, usec_t now) {
        const char *why = prop_string(props, UMLD_PROP_FALLBACK_WHY);

        (void) now;
        if (isempty(why))
                return;
        fputs("in use after ", f);
        put(f, why);
}

static void format_kernel(FILE *f, const json_t *props, usec_t now) {
        const char *fix = prop_string(props, UMLD_PROP_KERNEL_CPU_FIX);
        unsigned n = 0;

        (void) now;
        put_piece(f, &n, "", prop_string(props, UMLD_PROP_KERNEL_PATH));
        put_piece(f, &n, ", ", prop_string(props, UMLD_PROP_KERNEL_VERSION));
        put_piece(f, &n, ", ", prop_string(props, UMLD_PROP_KERNEL_TRANSPORT));
        put_piece(f, &n, ", on CPU ", prop_string(props, UMLD_PROP_KERNEL_CPU));
        if (!isempty(fix) && !streq(fix, "not-needed"))
                put_piece(f, &n, ", CPU-state workaround ", fix);
}

static void format_memory(FILE *f, const json_t *props, usec_t now) {
        uint64_t size = prop_number(props, UMLD_PROP_MEMORY_SIZE);
        unsigned n = 1;

        (void) now;
        if (size == 0)
                return;
        fputs(FORMAT_SIZE(size), f);
        put_piece(f, &n, ", ", prop_string(props, UMLD_PROP_MEMORY_BACKING));
        put_piece(f, &n, " ", prop_string(props, UMLD_PROP_MEMORY_PATH));
        if (json_object_get(props, UMLD_PROP_MEMORY_USED))
                fprintf(f, ", %s used", FORMAT_SIZE(prop_number(props, UMLD_PROP_MEMORY_USED)));
        if (prop_number(props, UMLD_PROP_MEMORY_PEAK) > 0)
                fprintf(f, ", peak %s", FORMAT_SIZE(prop_number(props, UMLD_PROP_MEMORY_PEAK)));
        if (prop_number(props, UMLD_PROP_MEMORY_BALLOON) > 0)
                fprintf(f, ", %s in the balloon",
                        FORMAT_SIZE(prop_number(props, UMLD_PROP_MEMORY_BALLOON)));
}

static void format_disks(FILE *f, const json_t *props, usec_t now) {
        usec_t synced = prop_number(props, UMLD_PROP_DISKS_SYNCED);

        if (synced == 0)
                return;
        fputs("synced ", f);
        put_age(f, synced, now);
        fputs(" ago", f);
}

static void format_network(FILE *f, const json_t *props, usec_t now) {
        const char *masquerade = prop_string(props, UMLD_PROP_MASQUERADE),
                   *uplink6 = prop_string(props, UMLD_PROP_UPLINK6);
        unsigned n = 0;

        (void) now;
        put_piece(f, &n, "", prop_string(props, UMLD_PROP_TAP));
        put_piece(f, &n, " ", prop_string(props, UMLD_PROP_HOST_ADDRESS));
        put_piece(f, &n, ", guest ", prop_string(props, UMLD_PROP_GUEST_ADDRESS));
        put_piece(f, &n, ", IPv6 ", prop_string(props, UMLD_PROP_HOST_ADDRESS6));
        put_piece(f, &n, ", guest ", prop_string(props, UMLD_PROP_GUEST_ADDRESS6));
        put_piece(f, &n, ", uplink ", prop_string(props, UMLD_PROP_UPLINK));
        if (!streq(uplink6 ?: "", prop_string(props, UMLD_PROP_UPLINK) ?: ""))
                put_piece(f, &n, ", IPv6 uplink ", uplink6);
        if (!isempty(masquerade))
                put_piece(f, &n, ", ", streq(masquerade, "no") ? "no masquerading" : masquerade);
        put_piece(f, &n, " by ", prop_string(props, UMLD_PROP_BACKEND));
        if (!isempty(prop_string(props, UMLD_PROP_BACKEND_REASON)))
                fprintf(f, " (%s)", prop_string(props, UMLD_PROP_BACKEND_REASON));
        if (prop_number(props, UMLD_PROP_MTU) > 0)
                fprintf(f, ", MTU %" PRIu64, prop_number(props, UMLD_PROP_MTU));
        put_piece(f, &n, ", host access ", prop_string(props, UMLD_PROP_HOST_ACCESS));
}

/* Shows whether a reload is unconfirmed or was reverted. */
static void format_unconfirmed(FILE *f, const json_t *props, usec_t now) {
        const char *state = prop_string(props, UMLD_PROP_UNCONFIRMED) ?: "";
        _cleanup_free_ char *until =
                status_until_text(prop_number(props, UMLD_PROP_CONFIRM_UNTIL), now);

        if (streq(state, "pending"))
                fprintf(f, "the last reload; will be reverted %s", until ?: "soon");
        else if (streq(state, "taken-back"))
                fputs("the configuration file as it is; it was reverted and is not in effect", f);
}

static void format_map(FILE *f, const json_t *map) {
        const json_t *value;
        const char *key;
        unsigned n = 0;

        json_object_foreach((json_t *) map, key, value) {
                if (isempty(json_string_value(value)))
                        continue;
                put_piece(f, &n, ", ", key);
                put_piece(f, &n, " ", json_string_value(value));
        }
}

static void format_list(FILE *f, const json_t *list) {
        const json_t *value;
        unsigned n = 0;
        size_t i;

        json_array_foreach(list, i, value) {
                put_piece(f, &n, " ", json_string_value(value));
        }
}

/* Joins the sentences into one line. */
static void format_sentences(FILE *f, const json_t *list) {
        const json_t *value;
        unsigned n = 0;
        size_t i;

        json_array_foreach(list, i, value) {
                put_piece(f, &n, ". ", json_string_value(value));
        }
}

/* One below the other. */
static void format_lines(FILE *f, const json_t *list) {
        const json_t *value;
        unsigned n = 0;
        size_t i;

        json_array_foreach(list, i, value) {
                if (n > 0)
                        fprintf(f, "\n%*s", LABEL_WIDTH + 2, "");
                n++;
                put(f, json_string_value(value) ?: "");
        }
}

static void format_lacking(FILE *f, const json_t *props, usec_t now) {
        (void) now;
        format_sentences(f, json_object_get(props, UMLD_PROP_LACKING));
}

static void format_warnings(FILE *f, const json_t *props, usec_t now) {
        (void) now;
        format_lines(f, json_object_get(props, UMLD_PROP_WARNINGS));
}

const StatusField status_fields[] = {
        /* JSON path, property, type, label, format */
        { "name", UMLD_PROP_NAME, FIELD_STRING },
        { "state", UMLD_PROP_STATE, FIELD_STRING },
        { "error", SNAPSHOT_PROP_ERROR, FIELD_STRING, "Error" },
        { "wanted", UMLD_PROP_WANTED, FIELD_STRING, "Wanted" },
        { "status", UMLD_PROP_STATUS_TEXT, FIELD_STRING, "Status" },
        { "waiting_for", UMLD_PROP_WAITING_FOR, FIELD_STRING, "Waiting for" },
        { "pid", UMLD_PROP_PID, FIELD_PID, "Process", format_process },
        { "daemon.pid", UMLD_PROP_DAEMON_PID, FIELD_PID },
        { "daemon.version", UMLD_PROP_DAEMON_VERSION, FIELD_STRING },
        { "since", UMLD_PROP_SINCE, FIELD_TIME },
        { "uptime", UMLD_PROP_STARTED, FIELD_AGE, "Uptime" },
        { "health.state", UMLD_PROP_HEALTH, FIELD_STRING, "Health", format_health },
        { "health.latency", UMLD_PROP_LATENCY, FIELD_SPAN },
        { "guest.congestion_control", UMLD_PROP_GUEST_CONGESTION, FIELD_STRING, "Guest",
          format_guest },
        { "guest.qdisc", UMLD_PROP_GUEST_QDISC, FIELD_STRING },
        { "guest.load", UMLD_PROP_GUEST_LOAD, FIELD_STRING },
        { "guest.memory", UMLD_PROP_GUEST_MEMORY, FIELD_SIZE_IF },
        { "guest.memory_available", UMLD_PROP_GUEST_AVAILABLE, FIELD_SIZE_IF },
        { "probe.state", UMLD_PROP_PROBE_STATE, FIELD_STRING },
        { "probe.latency", UMLD_PROP_PROBE_LATENCY, FIELD_SPAN },
        { "probe.services", UMLD_PROP_PROBES, FIELD_MAP, "Probes" },
        { "profile", UMLD_PROP_PROFILE, FIELD_STRING },
        { "fallback", UMLD_PROP_FALLBACK_WHY, FIELD_STRING, "Fallback", format_fallback },
        { "restarts", UMLD_PROP_RESTARTS, FIELD_COUNT, "Restarts" },
        { "last_exit.verdict", UMLD_PROP_LAST_VERDICT, FIELD_STRING, "Last exit",
          format_last_exit },
        { "last_exit.detail", UMLD_PROP_LAST_DETAIL, FIELD_STRING },
        { "last_exit.when", UMLD_PROP_LAST_WHEN, FIELD_TIME },
        { "next_start", UMLD_PROP_NEXT_START, FIELD_TIME, "Next start", format_next_start },
        { "kernel.path", UMLD_PROP_KERNEL_PATH, FIELD_STRING, "Kernel", format_kernel },
        { "kernel.version", UMLD_PROP_KERNEL_VERSION, FIELD_STRING },
        { "kernel.transport", UMLD_PROP_KERNEL_TRANSPORT, FIELD_STRING },
        { "kernel.cpu", UMLD_PROP_KERNEL_CPU, FIELD_STRING },
        { "kernel.cpu_fix", UMLD_PROP_KERNEL_CPU_FIX, FIELD_STRING },
        { "memory.size", UMLD_PROP_MEMORY_SIZE, FIELD_SIZE, "Memory", format_memory },
        { "memory.backing", UMLD_PROP_MEMORY_BACKING, FIELD_STRING },
        { "memory.path", UMLD_PROP_MEMORY_PATH, FIELD_STRING },
        { "memory.used", UMLD_PROP_MEMORY_USED, FIELD_SIZE },
        { "memory.peak", UMLD_PROP_MEMORY_PEAK, FIELD_SIZE },
        { "memory.balloon", UMLD_PROP_MEMORY_BALLOON, FIELD_SIZE },
        { "memory.pressure", UMLD_PROP_MEMORY_PRESSURE, FIELD_STRING, "Pressure" },
        { "memory.refused", UMLD_PROP_MEMORY_REFUSED, FIELD_STRING, "Refused" },
        { "disks.synced", UMLD_PROP_DISKS_SYNCED, FIELD_TIME, "Disks", format_disks },
        { "network.tap", UMLD_PROP_TAP, FIELD_STRING, "Network", format_network },
        { "network.host", UMLD_PROP_HOST_ADDRESS, FIELD_STRING },
        { "network.guest", UMLD_PROP_GUEST_ADDRESS, FIELD_STRING },
        { "network.host6", UMLD_PROP_HOST_ADDRESS6, FIELD_STRING },
        { "network.guest6", UMLD_PROP_GUEST_ADDRESS6, FIELD_STRING },
        { "network.uplink", UMLD_PROP_UPLINK, FIELD_STRING },
        { "network.uplink6", UMLD_PROP_UPLINK6, FIELD_STRING },
        { "network.masquerade", UMLD_PROP_MASQUERADE, FIELD_STRING },
        { "network.backend", UMLD_PROP_BACKEND, FIELD_STRING },
        { "network.backend_reason", UMLD_PROP_BACKEND_REASON, FIELD_STRING },
        { "network.mtu", UMLD_PROP_MTU, FIELD_COUNT },
        { "network.host_access", UMLD_PROP_HOST_ACCESS, FIELD_STRING },
        { "network.repairs", UMLD_PROP_RULE_REPAIRS, FIELD_COUNT },
        { "conditions", UMLD_PROP_CONDITIONS, FIELD_OBJECTS },
        { "network.warnings", UMLD_PROP_WARNINGS, FIELD_STRINGS, "Warnings", format_warnings },
        { "network.lacking", UMLD_PROP_LACKING, FIELD_STRINGS, "Lacking", format_lacking },
        { "network.forwards", UMLD_PROP_FORWARDS, FIELD_STRINGS, "Forwards" },
        { "network.proxies", UMLD_PROP_PROXIES, FIELD_STRINGS, "Relayed" },
        { "network.guarded", UMLD_PROP_GUARDED, FIELD_STRINGS, "Guarded" },
        { "unconfirmed.state", UMLD_PROP_UNCONFIRMED, FIELD_STRING, "Unconfirmed",
          format_unconfirmed },
        { "unconfirmed.until", UMLD_PROP_CONFIRM_UNTIL, FIELD_TIME },
        { "confinement", UMLD_PROP_CONFINEMENT, FIELD_MAP, "Confinement" },
        { "console.log", UMLD_PROP_CONSOLE_LOG, FIELD_STRING, "Console log" },
};
const size_t n_status_fields = ARRAY_SIZE(status_fields);

static json_t *seconds(usec_t t) {
        return json_real((double) t / (double) USEC_PER_SEC);
}

/* Returns a new reference; NULL only if out of memory. */
static json_t *field_to_json(const StatusField *field, const json_t *props, usec_t now) {
        json_t *v = json_object_get(props, field->property);
        usec_t t = prop_number(props, field->property);

        switch (field->type) {
        case FIELD_STRING:
                return isempty(json_string_value(v)) ? json_null() : json_incref(v);
        case FIELD_COUNT:
        case FIELD_SIZE:
                return json_is_integer(v) ? json_incref(v) : json_null();
        case FIELD_PID:
        case FIELD_SIZE_IF:
                return t > 0 ? json_incref(v) : json_null();
        case FIELD_TIME:
                return t > 0 ? seconds(t) : json_null();
        case FIELD_AGE:
                return t > 0 && prop_number(props, UMLD_PROP_PID) > 0 ? seconds(usec_sub(now, t))
                                                                      : json_null();
        case FIELD_SPAN:
                return t > 0 ? seconds(t) : json_null();
        case FIELD_STRINGS:
        case FIELD_OBJECTS:
                return json_is_array(v) ? json_incref(v) : json_array();
        case FIELD_MAP:
                return json_is_object(v) ? json_incref(v) : json_object();
        default:
                return NULL;
        }
}

/* Stores value (and takes its reference) at a path of at most two names. */
static int set_path(json_t *root, const char *path, json_t *value) {
        const char *dot = strchr(path, '.');
        char first[32];
        json_t *sub;

        if (!dot)
                return json_object_set_new(root, path, value) < 0 ? -ENOMEM : 0;
        snprintf(first, sizeof(first), "%.*s", (int) (dot - path), path);
        sub = json_object_get(root, first);
        if (!sub) {
                sub = json_object();
                if (json_object_set_new(root, first, sub) < 0) {
                        json_decref(value);
                        return -ENOMEM;
                }
        }
        return json_object_set_new(sub, dot + 1, value) < 0 ? -ENOMEM : 0;
}

int status_to_json(const json_t *props, usec_t now, json_t **ret) {
        json_auto_t *root = json_object();
        int r = root ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n_status_fields; i++)
                r = set_path(root, status_fields[i].json,
                             field_to_json(&status_fields[i], props, now));
        if (r >= 0)
                *ret = json_incref(root);
        return r;
}

static void format_by_type(FILE *f, const StatusField *field, const json_t *props, usec_t now) {
        const json_t *v = json_object_get(props, field->property);
        uint64_t t = prop_number(props, field->property);

        switch (field->type) {
        case FIELD_STRING:
                put(f, json_string_value(v) ?: "");
                break;
        case FIELD_COUNT:
        case FIELD_PID:
                if (json_is_integer(v))
                        fprintf(f, "%" PRIu64, t);
                break;
        case FIELD_SIZE:
        case FIELD_SIZE_IF:
                if (json_is_integer(v))
                        fputs(FORMAT_SIZE(t), f);
                break;
        case FIELD_TIME:
                if (t > 0)
                        put_time(f, t);
                break;
        case FIELD_AGE:
                if (t > 0 && prop_number(props, UMLD_PROP_PID) > 0)
                        put_age(f, t, now);
                break;
        case FIELD_SPAN:
                if (t > 0)
                        fputs(FORMAT_TIMESPAN(t), f);
                break;
        case FIELD_STRINGS:
                format_list(f, v);
                break;
        case FIELD_MAP:
                format_map(f, v);
                break;
        case FIELD_OBJECTS:
        default:
                break;
        }
}

Colour status_colour(const char *state) {
        static const Colour colours[] = {
                [GUEST_STOPPED] = COLOUR_GREY,    [GUEST_PREPARING] = COLOUR_YELLOW,
                [GUEST_BOOTING] = COLOUR_YELLOW,  [GUEST_RUNNING] = COLOUR_GREEN,
                [GUEST_STOPPING] = COLOUR_YELLOW, [GUEST_BACKOFF] = COLOUR_RED,
                [GUEST_FAILED] = COLOUR_RED,
        };
        static_assert(ARRAY_SIZE(colours) == GUEST_STATE_MAX, "a colour for every state");
        GuestState s = guest_state_from_string(state);

        return (int) s < 0 ? COLOUR_RED : colours[s];
}

/* "● web - running since Fri 2026-01-02 10:00:00 CET; 5min ago" */
static void print_head(FILE *f, const json_t *props, usec_t now, bool coloured, bool utf8) {
        const char *state = prop_string(props, UMLD_PROP_STATE) ?: SNAPSHOT_STATE_UNKNOWN;
        bool down = streq(state, guest_state_to_string(GUEST_STOPPED));
        const char *on = coloured ? colour_sequence(status_colour(state)) : "";
        const char *off = coloured ? colour_sequence(COLOUR_NONE) : "";
        usec_t since = prop_number(props, UMLD_PROP_SINCE);

        fprintf(f, "%s%s%s ", on, !utf8 ? "*" : down ? "○" : "●", off);
        put(f, prop_string(props, UMLD_PROP_NAME) ?: "?");
        fprintf(f, " - %s", on);
        put(f, state);
        fputs(off, f);
        if (since > 0) {
                fputs(" since ", f);
                put_time(f, since);
                fputs("; ", f);
                put_age(f, since, now);
                fputs(" ago", f);
        }
        fputc('\n', f);
}

int status_print(FILE *f, const json_t *props, usec_t now, bool coloured, bool utf8) {
        print_head(f, props, now, coloured, utf8);
        for (size_t i = 0; i < n_status_fields; i++) {
                const StatusField *field = &status_fields[i];
                _cleanup_free_ char *text = NULL;
                size_t size = 0;
                FILE *line;

                if (!field->label)
                        continue;
                line = open_memstream(&text, &size);
                if (!line)
                        return -ENOMEM;
                if (field->format)
                        field->format(line, props, now);
                else
                        format_by_type(line, field, props, now);
                if (fclose(line) != 0)
                        return -ENOMEM;
                if (!isempty(text))
                        fprintf(f, "%*s: %s\n", LABEL_WIDTH, field->label, text);
        }
        return 0;
}
