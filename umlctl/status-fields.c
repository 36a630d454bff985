/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-fields.c - the table of status fields, and how several are shown in one line. */

#include <inttypes.h>

#include "api/bus-names.h"
#include "api/guest-state.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/snapshot.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"
#include "umlctl/usage.h"

static void format_process(FILE *f, const json_t *props, usec_t now) {
        uint64_t pid = prop_number(props, UMLD_PROP_PID);
        uint64_t umld = prop_number(props, UMLD_PROP_DAEMON_PID);

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

        put_text(f, prop_string(props, UMLD_PROP_LAST_VERDICT));
        if (!isempty(detail)) {
                fputs(": ", f);
                put_text(f, detail);
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
        if (memstream_close(f, &text) < 0) {
                free(text);
                return NULL;
        }
        return text;
}

static void format_next_start(FILE *f, const json_t *props, usec_t now) {
        usec_t next = prop_number(props, UMLD_PROP_NEXT_START);
        _cleanup_free_ char *text = next > 0 ? status_until_text(next, now) : NULL;

        if (text)
                fputs(text, f);
}

/* "good, last answer took 120us" */
static void format_health(FILE *f, const json_t *props, usec_t now) {
        const char *health = prop_string(props, UMLD_PROP_HEALTH);
        usec_t latency = prop_number(props, UMLD_PROP_LATENCY);

        if (isempty(health) || streq(health, guest_health_to_string(HEALTH_UNKNOWN)))
                return;
        put_text(f, health);
        if (latency > 0)
                fprintf(f, ", last response took %s", FORMAT_TIMESPAN(latency));
}

/* "bbr with fq, load 0.12 0.05 0.01, 40M of 52M available" */
static void format_guest(FILE *f, const json_t *props, usec_t now) {
        uint64_t memory = prop_number(props, UMLD_PROP_GUEST_MEMORY);
        unsigned n = 0;

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

        if (isempty(why))
                return;
        fputs("in use after ", f);
        put_text(f, why);
}

static void format_kernel(FILE *f, const json_t *props, usec_t now) {
        const char *fix = prop_string(props, UMLD_PROP_KERNEL_CPU_FIX);
        unsigned n = 0;

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
        put_piece(f, &n, ", reach ", prop_string(props, UMLD_PROP_REACH));
        put_piece(f, &n, ", connections ", prop_string(props, UMLD_PROP_CONNECTIONS));
        put_piece(f, &n, ", reverse path filter ", prop_string(props, UMLD_PROP_REVERSE_PATH));
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

static void format_held(FILE *f, const json_t *props, usec_t now) {
        uint64_t waiting = prop_number(props, UMLD_PROP_HELD_NOW),
                 total = prop_number(props, UMLD_PROP_HELD_TOTAL),
                 dropped = prop_number(props, UMLD_PROP_HELD_DROPPED);

        if (total > 0 || dropped > 0)
                fprintf(f, "%" PRIu64 " now, %" PRIu64 " in all, %" PRIu64 " dropped", waiting,
                        total, dropped);
}

static void format_lacking(FILE *f, const json_t *props, usec_t now) {
        put_list(f, json_object_get(props, UMLD_PROP_LACKING), ". ");
}

static void format_warnings(FILE *f, const json_t *props, usec_t now) {
        put_lines(f, json_object_get(props, UMLD_PROP_WARNINGS), STATUS_LABEL_WIDTH + 2);
}

/* Whoever prints the file to a terminal obeys the guest: the verb does not. */
static void format_console_log(FILE *f, const json_t *props, usec_t now) {
        const char *path = prop_string(props, UMLD_PROP_CONSOLE_LOG),
                   *name = prop_string(props, UMLD_PROP_NAME);

        if (!isempty(path))
                fprintf(f, "%s (raw, with control sequences; read it by umlctl log %s)", path,
                        name ?: "");
}

/* ---- trouble is coloured ---- */

static Colour colour_trouble(const json_t *props) {
        return COLOUR_RED;
}

static Colour colour_warning(const json_t *props) {
        return COLOUR_YELLOW;
}

static bool ended_badly(const json_t *props) {
        const char *verdict = prop_string(props, UMLD_PROP_LAST_VERDICT);
        Verdict v = isempty(verdict) ? VERDICT_NONE : verdict_from_string(verdict);

        return v != VERDICT_NONE && v != VERDICT_POWEROFF && v != VERDICT_REBOOT &&
               v != VERDICT_STOPPED;
}

bool status_has_failed(const json_t *props) {
        return ended_badly(props) && prop_number(props, UMLD_PROP_PID) == 0;
}

static Colour colour_last_exit(const json_t *props) {
        return status_has_failed(props) ? COLOUR_RED
               : ended_badly(props)     ? COLOUR_YELLOW
                                        : COLOUR_NONE;
}

static Colour colour_health(const json_t *props) {
        GuestHealth h = guest_health_from_string(prop_string(props, UMLD_PROP_HEALTH) ?: "");

        return h == HEALTH_GOOD || h == HEALTH_BUSY || h == HEALTH_BOOTING ? COLOUR_NONE
                                                                           : COLOUR_YELLOW;
}

const StatusField status_fields[] = {
        /* JSON path, property, type, label, format, colour */
        { "name", UMLD_PROP_NAME, FIELD_STRING },
        { "state", UMLD_PROP_STATE, FIELD_STRING },
        { "error", SNAPSHOT_PROP_ERROR, FIELD_STRING, "Error", NULL, colour_trouble },
        { "wanted", UMLD_PROP_WANTED, FIELD_STRING, "Wanted" },
        { "enabled", SNAPSHOT_PROP_ENABLED, FIELD_FLAG, "Enabled" },
        { "status", UMLD_PROP_STATUS_TEXT, FIELD_STRING, "Status" },
        { "waiting_for", UMLD_PROP_WAITING_FOR, FIELD_STRING, "Waiting for" },
        { "pid", UMLD_PROP_PID, FIELD_PID, "Process", format_process },
        { "daemon.pid", UMLD_PROP_DAEMON_PID, FIELD_PID },
        { "daemon.version", UMLD_PROP_DAEMON_VERSION, FIELD_STRING },
        { "since", UMLD_PROP_SINCE, FIELD_TIME },
        { "uptime", UMLD_PROP_STARTED, FIELD_AGE, "Uptime" },
        { "health.state", UMLD_PROP_HEALTH, FIELD_STRING, "Health", format_health, colour_health },
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
        { "fallback", UMLD_PROP_FALLBACK_WHY, FIELD_STRING, "Fallback", format_fallback,
          colour_warning },
        { "restarts", UMLD_PROP_RESTARTS, FIELD_COUNT, "Restarts" },
        { "adopted", UMLD_PROP_ADOPTED, FIELD_COUNT },
        { "reexecs", UMLD_PROP_REEXECS, FIELD_COUNT },
        { "last_exit.verdict", UMLD_PROP_LAST_VERDICT, FIELD_STRING, "Last exit", format_last_exit,
          colour_last_exit },
        { "last_exit.detail", UMLD_PROP_LAST_DETAIL, FIELD_STRING },
        { "last_exit.when", UMLD_PROP_LAST_WHEN, FIELD_TIME },
        { "next_start", UMLD_PROP_NEXT_START, FIELD_TIME, "Next start", format_next_start },
        { "cpu.time", USAGE_PROP_CPU, FIELD_SPAN },
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
        { "memory.pressure", UMLD_PROP_MEMORY_PRESSURE, FIELD_STRING, "Pressure", NULL,
          colour_warning },
        { "memory.refused", UMLD_PROP_MEMORY_REFUSED, FIELD_STRING, "Refused", NULL,
          colour_warning },
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
        { "network.reach", UMLD_PROP_REACH, FIELD_STRING },
        { "network.connections", UMLD_PROP_CONNECTIONS, FIELD_STRING },
        { "network.reverse_path_filter", UMLD_PROP_REVERSE_PATH, FIELD_STRING },
        { "network.repairs", UMLD_PROP_RULE_REPAIRS, FIELD_COUNT },
        { "network.sent", USAGE_PROP_SENT, FIELD_SIZE },
        { "network.received", USAGE_PROP_RECEIVED, FIELD_SIZE },
        { "conditions", UMLD_PROP_CONDITIONS, FIELD_OBJECTS },
        { "network.warnings", UMLD_PROP_WARNINGS, FIELD_STRINGS, "Warnings", format_warnings,
          colour_warning },
        { "network.lacking", UMLD_PROP_LACKING, FIELD_STRINGS, "Lacking", format_lacking,
          colour_warning },
        { "network.forwards", UMLD_PROP_FORWARDS, FIELD_STRINGS, "Forwards" },
        { "network.proxies", UMLD_PROP_PROXIES, FIELD_STRINGS, "Relayed" },
        { "network.guarded", UMLD_PROP_GUARDED, FIELD_STRINGS, "Guarded" },
        { "held.now", UMLD_PROP_HELD_NOW, FIELD_COUNT, "Held", format_held },
        { "held.total", UMLD_PROP_HELD_TOTAL, FIELD_COUNT },
        { "held.dropped", UMLD_PROP_HELD_DROPPED, FIELD_COUNT },
        { "unconfirmed.state", UMLD_PROP_UNCONFIRMED, FIELD_STRING, "Unconfirmed",
          format_unconfirmed, colour_warning },
        { "unconfirmed.until", UMLD_PROP_CONFIRM_UNTIL, FIELD_TIME },
        { "confinement", UMLD_PROP_CONFINEMENT, FIELD_MAP, "Confinement" },
        { "console.log", UMLD_PROP_CONSOLE_LOG, FIELD_STRING, "Console log", format_console_log },
};
const size_t n_status_fields = ARRAY_SIZE(status_fields);
