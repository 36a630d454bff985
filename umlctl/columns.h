/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The columns of `umlctl list`. */

#include "basic/time-util.h"
#include "umlctl/snapshot.h"

typedef struct Column {
        const char *key;   /* for --output */
        const char *title; /* above it */
        bool usual;        /* shown without --output */
        bool right, cut;   /* aligned to the right; cut if the terminal is too narrow */
        char *(*cell)(const json_t *props, usec_t now); /* safe for a terminal; caller frees it */
        const char *help;
        const char *needs; /* names of the properties of which it is made */
        bool boot;         /* made of what starts guests at boot */
} Column;

enum {
        COLUMNS_MAX = 24,
};

/* The whole table. */
const Column *columns_table(size_t *ret_n);

/* The usual ones, or those of a comma-separated list; *ret is filled up to *ret_n. Returns 0 or,
 * after an error message, the exit code. */
int columns_choose(const char *list, const Column *ret[static COLUMNS_MAX], size_t *ret_n);

/* Appends the names of the properties from which a line of these columns is made; Name and State
 * are among them in any case. */
int columns_needs(const Column *const *columns, size_t n, Strv *ret);

/* Is any of them made of what starts guests at boot, which has to be asked, too? */
bool columns_ask_boot(const Column *const *columns, size_t n);

/* The column with that key; NULL: there is none. */
const Column *columns_find(const char *key);

typedef struct ColumnsStyle {
        bool headings; /* a line of titles */
        bool coloured;
        size_t width; /* of the terminal; 0: it is none, and may be as wide as it gets */
} ColumnsStyle;

/* A line for each guest; the caller frees *ret. */
int columns_format(const Column *const *columns, size_t n, const Snapshot *s, size_t n_guests,
                   usec_t now, const ColumnsStyle *style, char **ret);

/* Prints a line for each guest, fit to the terminal; with or without a line of titles. */
int columns_print(const Column *const *columns, size_t n, const Snapshot *s, size_t n_guests,
                  usec_t now, bool headings);
