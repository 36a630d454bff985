/* SPDX-License-Identifier: GPL-2.0-or-later */
/* status-output.c - prints a status by the table of fields, as JSON and as text. */

#include <inttypes.h>
#include <stdlib.h>

#include "api/bus-names.h"
#include "api/guest-state.h"
#include "basic/file-util.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/snapshot.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"

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
        case FIELD_FLAG:
                return json_is_boolean(v) ? json_incref(v) : json_null();
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
                put_text(f, json_string_value(v) ?: "");
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
                put_list(f, v, " ");
                break;
        case FIELD_MAP:
                put_map(f, v);
                break;
        case FIELD_FLAG:
                fputs(json_is_true(v) ? "yes" : json_is_false(v) ? "no" : "", f);
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
        put_text(f, prop_string(props, UMLD_PROP_NAME) ?: "?");
        fprintf(f, " - %s", on);
        put_text(f, state);
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

/* A sequence for each line, because pagers reset colours at its end. */
static void put_coloured(FILE *f, const char *text, Colour colour) {
        while (*text) {
                size_t n = strcspn(text, "\n");

                fprintf(f, "%s%.*s%s", colour_sequence(colour), (int) n, text,
                        colour_sequence(COLOUR_NONE));
                text += n;
                if (*text)
                        fputc(*text++, f);
        }
}

static void print_line(FILE *f, const StatusField *field, const char *text, Colour colour) {
        fprintf(f, "%*s: ", STATUS_LABEL_WIDTH, field->label);
        if (colour == COLOUR_NONE)
                fputs(text, f);
        else
                put_coloured(f, text, colour);
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
                if (memstream_close(line, &text) < 0)
                        return -ENOMEM;
                if (!isempty(text))
                        print_line(f, field, text,
                                   coloured && field->colour ? field->colour(props) : COLOUR_NONE);
        }
        return 0;
}
