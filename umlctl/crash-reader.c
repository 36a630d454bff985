/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crash-reader.c - parses umld's crash reports. */

#include "umlctl/crash-reader.h"
#include "api/crash-files.h"
#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"

typedef enum CrashType {
        CRASH_TEXT,
        CRASH_INTEGER,
        CRASH_TIME, /* microseconds in the file, seconds in the JSON */
        CRASH_BOOL,
} CrashType;

static const struct {
        const char *key, *json;
        CrashType type;
} fields[] = {
        { CRASH_WHEN, "when", CRASH_TIME },
        { CRASH_VERDICT, "verdict", CRASH_TEXT },
        { CRASH_DETAIL, "detail", CRASH_TEXT },
        { CRASH_PANIC, "panic", CRASH_TEXT },
        { CRASH_RUN_TIME, "run_time", CRASH_TIME },
        { CRASH_BOOTED, "booted", CRASH_BOOL },
        { CRASH_EXIT_STATUS, "exit_status", CRASH_INTEGER },
        { CRASH_SIGNAL, "signal", CRASH_INTEGER },
        { CRASH_KERNEL_PATH, "kernel_path", CRASH_TEXT },
        { CRASH_KERNEL_VERSION, "kernel_version", CRASH_TEXT },
        { CRASH_MEMORY_SIZE, "memory_size", CRASH_INTEGER },
        { CRASH_MEMORY_PATH, "memory_path", CRASH_TEXT },
        { CRASH_MEMORY_ROOM, "memory_room", CRASH_INTEGER },
        { CRASH_MEMORY_TAKEN, "memory_taken", CRASH_INTEGER },
        { CRASH_TAP, "tap", CRASH_TEXT },
        { CRASH_TAP_STATE, "tap_state", CRASH_TEXT },
};

/* Returns a new reference; NULL if the value does not have that type. */
static json_t *value_to_json(CrashType type, const char *value) {
        uint64_t number;
        bool yes;

        switch (type) {
        case CRASH_TEXT:
                return json_string(value);
        case CRASH_INTEGER:
                return parse_unsigned(value, 0, INT64_MAX, &number) < 0
                               ? NULL
                               : json_integer((json_int_t) number);
        case CRASH_TIME:
                return parse_unsigned(value, 0, INT64_MAX, &number) < 0
                               ? NULL
                               : json_real((double) number / (double) USEC_PER_SEC);
        case CRASH_BOOL:
                return parse_bool(value, &yes) < 0 ? NULL : json_boolean(yes);
        default:
                return NULL;
        }
}

static int take_line(const char *key, const char *value, json_t *report) {
        json_t *v;

        if (streq(key, CRASH_CONSOLE))
                return json_array_append_new(json_object_get(report, "console"),
                                             json_string(value)) < 0
                               ? -EBADMSG
                               : 0;
        FOREACH_ELEMENT (f, fields) {
                if (!streq(key, f->key))
                        continue;
                v = value_to_json(f->type, value);
                return v && json_object_set_new(report, f->json, v) < 0 ? -ENOMEM : 0;
        }
        return 0;
}

static json_t *new_report(void) {
        json_auto_t *report = json_object();

        FOREACH_ELEMENT (f, fields)
                if (json_object_set_new(report, f->json, json_null()) < 0)
                        return NULL;
        return json_object_set_new(report, "console", json_array()) < 0 ? NULL
                                                                        : json_incref(report);
}

int crash_parse(const char *text, json_t **ret) {
        _cleanup_free_ char *copy = strdup(text);
        json_auto_t *report = new_report();
        char *rest = copy, *line;

        if (!copy || !report)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n"))) {
                char *value = strchr(line, '=');
                int r;

                if (!value)
                        continue;
                *value++ = '\0';
                r = take_line(line, value, report);
                if (r < 0)
                        return r;
        }
        if (!json_is_real(json_object_get(report, "when")) ||
            !json_is_string(json_object_get(report, "verdict")))
                return -EBADMSG;
        *ret = json_incref(report);
        return 0;
}

int crash_read(const char *path, json_t **ret) {
        _cleanup_free_ char *text = NULL;
        ssize_t n = read_file(path, CRASH_REPORT_SIZE_MAX, &text);

        return n < 0 ? (int) n : crash_parse(text, ret);
}
