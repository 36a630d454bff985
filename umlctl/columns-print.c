/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns-print.c - prints the table of guests with libsmartcols. */

#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/columns.h"
#include "umlctl/status-fields.h"

static int colour_state(struct libscols_line *line, size_t i, const json_t *props) {
        const char *state = prop_string(props, UMLD_PROP_STATE);

        return state ? scols_cell_set_color(scols_line_get_cell(line, i),
                                            colour_sequence(status_colour(state)))
                     : 0;
}

static int add_line(struct libscols_table *t, const Column *const *columns, size_t n,
                    const json_t *props, usec_t now, bool coloured) {
        struct libscols_line *line = scols_table_new_line(t, NULL);
        int r = line ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                char *text = columns[i]->cell(props, now);

                if (!text || scols_line_refer_data(line, i, text) < 0) {
                        free(text);
                        return -ENOMEM;
                }
                if (coloured && streq(columns[i]->key, "state"))
                        r = colour_state(line, i, props);
        }
        return r;
}

static int add_column(struct libscols_table *t, const Column *c) {
        int flags = (c->right ? SCOLS_FL_RIGHT : 0) | (c->cut ? SCOLS_FL_TRUNC : 0);

        return scols_table_new_column(t, c->title, 0, flags) ? 0 : -ENOMEM;
}

/* The output may go to a pager or to a screen of our own, so libsmartcols is told what it is. */
static int set_style(struct libscols_table *t, const ColumnsStyle *style) {
        int r = scols_table_enable_colors(t, style->coloured);

        if (r >= 0)
                r = scols_table_enable_noheadings(t, !style->headings);
        if (r >= 0)
                r = scols_table_enable_noencoding(t, 1); /* the cells are already safe */
        if (r >= 0)
                r = scols_table_set_termforce(t, style->width > 0 ? SCOLS_TERMFORCE_ALWAYS
                                                                  : SCOLS_TERMFORCE_NEVER);
        return r < 0 || style->width == 0 ? r : scols_table_set_termwidth(t, style->width);
}

int columns_format(const Column *const *columns, size_t n, const Snapshot *s, size_t n_guests,
                   usec_t now, const ColumnsStyle *style, char **ret) {
        struct libscols_table *t = scols_new_table();
        _cleanup_free_ char *text = NULL;
        int r = t ? set_style(t, style) : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_column(t, columns[i]);
        for (size_t i = 0; r >= 0 && i < n_guests; i++)
                r = add_line(t, columns, n, s[i].props, now, style->coloured);
        if (r >= 0)
                r = scols_print_table_to_string(t, &text);
        scols_unref_table(t);
        if (r < 0)
                return r;
        *ret = strfmt("%s%s", text ?: "", isempty(text) ? "" : "\n"); /* the last line has none */
        return *ret ? 0 : -ENOMEM;
}

int columns_print(const Column *const *columns, size_t n, const Snapshot *s, size_t n_guests,
                  usec_t now, bool headings) {
        const ColumnsStyle style = {
                .headings = headings,
                .coloured = terminal_coloured(STDOUT_FILENO),
                .width = terminal_is(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : 0,
        };
        _cleanup_free_ char *text = NULL;
        int r = columns_format(columns, n, s, n_guests, now, &style, &text);

        if (r >= 0)
                fputs(text, stdout);
        return r;
}
