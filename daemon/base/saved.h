/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The state that umld leaves to its successor, which may be of another version: text, a first line
 * "umld-state MAJOR MINOR" and then lines KEY=VALUE. Within a major version keys are only added: an
 * unknown one is skipped, and one that is missing has a default. The last key is "end". A state of
 * a newer major version is refused. */

#include <stdio.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

enum {
        SAVED_MAJOR = 1,
        SAVED_MINOR = 0,
        SAVED_SIZE_MAX = 8 * 1024 * 1024,
};

/* ---- to be written ---- */

typedef struct SavedText {
        FILE *stream;
        char *text;
        size_t size;
} SavedText;

int saved_begin(SavedText *t);
/* NULL is the same as a key that is missing. */
void saved_put(const SavedText *t, const char *key, const char *value);
void saved_putf(const SavedText *t, const char *key, const char *format, ...) _printf_(3, 4);
void saved_put_number(const SavedText *t, const char *key, uint64_t value);
/* A descriptor of a file in memory that contains the text, which the caller closes. directory: for
 * hosts that have none. */
int saved_finish(SavedText *t, const char *directory);
void saved_done(SavedText *t);

/* ---- to be read ---- */

typedef struct Saved {
        Strv keys, values;
} Saved;

/* -EBADMSG: it is no state, or only a part of one; -EPROTONOSUPPORT: of a newer major version. */
int saved_parse(const char *text, Saved **ret);
int saved_read(int fd, Saved **ret);
Saved *saved_free(Saved *s);
DEFINE_CLEANUP(Saved *, saved_free)

const char *saved_get(const Saved *s, const char *key); /* NULL: there is none */
uint64_t saved_number(const Saved *s, const char *key, uint64_t otherwise);
bool saved_flag(const Saved *s, const char *key);
/* Replaces *text by a copy of the value; one that is missing, or out of memory: NULL. */
void saved_text(const Saved *s, const char *key, char **text);

/* A moment, as two keys. */
void saved_put_moment(const SavedText *t, const char *key, const Moment *m);
Moment saved_moment(const Saved *s, const char *key, clockid_t clock);
