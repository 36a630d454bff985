/* SPDX-License-Identifier: GPL-2.0-or-later */
/* columns-print.c - prints the table of guests with libsmartcols. */

#include <libsmartcols.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
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

int columns_print(const Column *const *columns, size_t n, const Snapshot *s, size_t n_guests,
                  usec_t now, bool headings) {
        struct libscols_table *t = scols_new_table();
        bool coloured = terminal_coloured(STDOUT_FILENO);
        int r = t ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_column(t, columns[i]);
        if (r >= 0)
                r = scols_table_enable_colors(t, coloured);
        if (r >= 0)
                r = scols_table_enable_noheadings(t, !headings);
        if (r >= 0)
                r = scols_table_enable_noencoding(t, 1); /* the cells are already safe */
        for (size_t i = 0; r >= 0 && i < n_guests; i++)
                r = add_line(t, columns, n, s[i].props, now, coloured);
        if (r >= 0)
                r = scols_print_table(t);
        scols_unref_table(t);
        return r;
}
