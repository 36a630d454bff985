/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The fields of a guest's status: one table drives the text and the JSON of `umlctl status`. */

#include <jansson.h>
#include <stdio.h>

#include "basic/time-util.h"
#include "umlctl/terminal.h"

enum {
        STATUS_LABEL_WIDTH = 12,
};

typedef enum FieldType {
        FIELD_STRING,  /* JSON: string; null if empty or unknown */
        FIELD_COUNT,   /* integer */
        FIELD_PID,     /* integer; null for 0 */
        FIELD_SIZE,    /* integer, bytes */
        FIELD_SIZE_IF, /* the same, 0 = not known */
        FIELD_TIME,    /* seconds since 1970, fractional; null for never */
        FIELD_AGE,     /* seconds since that time; null if no kernel is running */
        FIELD_SPAN,    /* seconds, fractional; null for 0 */
        FIELD_STRINGS, /* array, [] if unknown */
        FIELD_OBJECTS, /* array of objects, [] if unknown; never shown by itself */
        FIELD_MAP,     /* object, {} if unknown */
        FIELD_FLAG,    /* boolean; null if unknown */
} FieldType;

typedef struct StatusField {
        const char *json;     /* path in the JSON object, "kernel.version" */
        const char *property; /* name on the bus */
        FieldType type;
        const char *label; /* of its line in the text; NULL: shown as part of another line */

        /* Prints the value for people, nothing if there is nothing to show; NULL: according to the
         * type. */
        void (*format)(FILE *f, const json_t *props, usec_t now);

        /* The colour of its line; NULL: none. */
        Colour (*colour)(const json_t *props);
} StatusField;

extern const StatusField status_fields[];
extern const size_t n_status_fields;

/* now is CLOCK_REALTIME. */
int status_to_json(const json_t *props, usec_t now, json_t **ret);

/* Prints the text of `umlctl status`; foreign text in it is safe for a terminal. */
int status_print(FILE *f, const json_t *props, usec_t now, bool coloured, bool utf8);

/* Has the guest ended in a way that nobody asked for, and is not running again? */
bool status_has_failed(const json_t *props);

/* The colour in which a state is shown. */
Colour status_colour(const char *state);

/* "panic: Attempted to kill init!; 5min ago"; the caller frees it. */
char *status_last_exit_text(const json_t *props, usec_t now);
