/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Values of a status as text for people. Foreign text is made safe for a terminal. */

#include <jansson.h>
#include <stdio.h>

#include "basic/time-util.h"

void put_text(FILE *f, const char *s);
void put_time(FILE *f, usec_t t); /* local time */
void put_age(FILE *f, usec_t then, usec_t now);

/* Prints a piece of text, if there is any, with the separator before all but the first; counts in
 * *n. */
void put_piece(FILE *f, unsigned *n, const char *separator, const char *text);

void put_map(FILE *f, const json_t *map);                        /* "KEY VALUE, KEY VALUE" */
void put_list(FILE *f, const json_t *list, const char *between); /* in one line */
void put_lines(FILE *f, const json_t *list, int indent);         /* one below the other */

/* The caller frees these. now is CLOCK_REALTIME. */
char *status_age_text(usec_t then, usec_t now);   /* "2h 5min", "-" for never */
char *status_until_text(usec_t then, usec_t now); /* "in 59s", to a tenth of a second, or "now" */

/* A size for people: "64M", "1.5G". */
#define FORMAT_SIZE_MAX 16
char *format_size(char buf[static FORMAT_SIZE_MAX], uint64_t size);
#define FORMAT_SIZE(s) format_size((char[FORMAT_SIZE_MAX]){ 0 }, (s))
