/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What `umlctl top` shows of guests, and by what it sorts them. */

#include "umlctl/columns.h"

typedef struct TopOrder {
        char letter;                           /* the key that chooses it */
        const char *name;                      /* for --sort, and shown */
        double (*weight)(const json_t *props); /* the greatest comes first; NULL: by name */
} TopOrder;

const TopOrder *top_orders(size_t *ret_n);
const TopOrder *top_order_by_name(const char *name); /* NULL: there is none */
const TopOrder *top_order_by_letter(char letter);

/* All that are equal in that are sorted by name. */
void top_sort(Snapshot *s, size_t n, const TopOrder *order, bool reverse);

/* The columns. */
int top_columns(const Column *ret[static COLUMNS_MAX], size_t *ret_n);

/* "3 guests, 2 running; CPU 12.5%, memory 61M, sent 1.2M/s, received 13K/s"; the caller frees it.
 */
char *top_summary(const Snapshot *s, size_t n);

/* A new reference. */
json_t *top_json(const Snapshot *s, size_t n, usec_t now);
