/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-status.c - list and status. */

#include <inttypes.h>
#include <langinfo.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "umlctl/bus-client.h"
#include "umlctl/guests.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"
#include "umlctl/snapshot.h"
#include "umlctl/status-fields.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

static char *cell_string(const json_t *props, const char *name) {
        const char *s = prop_string(props, name);

        return safe_text(isempty(s) ? "-" : s, 200);
}

static char *cell_name(const json_t *props, usec_t now) {
        (void) now;
        return cell_string(props, UMLD_PROP_NAME);
}

static char *cell_state(const json_t *props, usec_t now) {
        (void) now;
        return cell_string(props, UMLD_PROP_STATE);
}

static char *cell_since(const json_t *props, usec_t now) {
        return status_age_text(prop_number(props, UMLD_PROP_SINCE), now);
}

static char *cell_restarts(const json_t *props, usec_t now) {
        (void) now;
        return json_object_get(props, UMLD_PROP_RESTARTS)
                       ? strfmt("%" PRIu64, prop_number(props, UMLD_PROP_RESTARTS))
                       : strdup("-");
}

static char *cell_memory(const json_t *props, usec_t now) {
        uint64_t size = prop_number(props, UMLD_PROP_MEMORY_SIZE);

        (void) now;
        return strdup(size > 0 ? format_size((char[FORMAT_SIZE_MAX]){ 0 }, size) : "-");
}

static char *cell_address(const json_t *props, usec_t now) {
        (void) now;
        return cell_string(props, UMLD_PROP_GUEST_ADDRESS);
}

static char *cell_tcp(const json_t *props, usec_t now) {
        (void) now;
        return cell_string(props, UMLD_PROP_GUEST_CONGESTION);
}

/* The first of three: over the last minute. */
static char *cell_load(const json_t *props, usec_t now) {
        char *text = cell_string(props, UMLD_PROP_GUEST_LOAD);

        (void) now;
        if (text)
                text[strcspn(text, " ")] = '\0';
        return text;
}

static char *cell_last_exit(const json_t *props, usec_t now) {
        const char *error = prop_string(props, SNAPSHOT_PROP_ERROR);
        _cleanup_free_ char *text = NULL;

        if (error)
                return safe_text(error, 200);
        text = status_last_exit_text(props, now);
        return text ? strdup(isempty(text) ? "-" : text) : NULL;
}

/* The columns of `umlctl list` */
static const struct {
        const char *title;
        int flags;
        char *(*cell)(const json_t *props,
                      usec_t now); /* safe for a terminal; the caller frees it */
} columns[] = {
        { "NAME", 0, cell_name },
        { "STATE", 0, cell_state },
        { "FOR", 0, cell_since },
        { "RESTARTS", SCOLS_FL_RIGHT, cell_restarts },
        { "MEMORY", SCOLS_FL_RIGHT, cell_memory },
        { "LOAD", SCOLS_FL_RIGHT, cell_load },
        { "TCP", 0, cell_tcp },
        { "ADDRESS", 0, cell_address },
        { "LAST EXIT", SCOLS_FL_TRUNC, cell_last_exit },
};

enum {
        COLUMN_STATE = 1,
};

static int add_line(struct libscols_table *table, const json_t *props, usec_t now, bool coloured) {
        struct libscols_line *line = scols_table_new_line(table, NULL);
        const char *state = prop_string(props, UMLD_PROP_STATE);

        if (!line)
                return -ENOMEM;
        for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
                char *text = columns[i].cell(props, now);

                if (!text || scols_line_refer_data(line, i, text) < 0) {
                        free(text);
                        return -ENOMEM;
                }
        }
        if (!coloured || !state)
                return 0;
        return scols_cell_set_color(scols_line_get_cell(line, COLUMN_STATE),
                                    colour_sequence(status_colour(state)));
}

static int print_table(const Snapshot *s, size_t n, usec_t now) {
        struct libscols_table *table = scols_new_table();
        bool coloured = terminal_coloured(STDOUT_FILENO);
        int r = table ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(columns); i++)
                if (!scols_table_new_column(table, columns[i].title, 0, columns[i].flags))
                        r = -ENOMEM;
        if (r >= 0)
                r = scols_table_enable_colors(table, coloured);
        if (r >= 0)
                r = scols_table_enable_noencoding(table, 1); /* the cells are already safe */
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_line(table, s[i].props, now, coloured);
        if (r >= 0)
                r = scols_print_table(table);
        scols_unref_table(table);
        return r;
}

static int print_json_list(const Snapshot *s, size_t n, usec_t now) {
        json_auto_t *list = json_array();

        for (size_t i = 0; i < n; i++) {
                json_t *one = NULL;
                int r = status_to_json(s[i].props, now, &one);

                if (r < 0)
                        return r;
                if (json_array_append_new(list, one) < 0)
                        return -ENOMEM;
        }
        return json_print(list);
}

static int print_json_one(const Snapshot *s, usec_t now) {
        json_auto_t *one = NULL;
        int r = status_to_json(s->props, now, &one);

        return r < 0 ? r : json_print(one);
}

static int print_texts(const Snapshot *s, size_t n, usec_t now) {
        bool coloured = terminal_coloured(STDOUT_FILENO),
             utf8 = streq(nl_langinfo(CODESET), "UTF-8");
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (i > 0)
                        putchar('\n');
                r = status_print(stdout, s[i].props, now, coloured, utf8);
        }
        return r;
}

/* The exit code for all of them: every guest must be known and, with `running`, be up. */
static int exit_code(const Snapshot *s, size_t n, bool running) {
        int code = EXIT_DONE;

        for (size_t i = 0; i < n; i++) {
                if (s[i].error == -EACCES)
                        return EXIT_NOT_PERMITTED;
                if (s[i].error < 0)
                        code = EXIT_FAILED;
                else if (running && code == EXIT_DONE &&
                         !streq(prop_string(s[i].props, UMLD_PROP_STATE) ?: "",
                                guest_state_to_string(GUEST_RUNNING)))
                        code = EXIT_NOT_RUNNING;
        }
        return code;
}

/* Chooses the guests to show: the named one, or all. */
static int choose(const char *guest, Strv *ret) {
        int r = guest ? strv_push(ret, guest) : guests_known(ret);

        if (r >= 0)
                return EXIT_DONE;
        return fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "cannot list the guests: %s", strerror(-r));
}

static int show(const Options *o, const char *guest, bool table) {
        usec_t now;
        _cleanup_strv_ Strv names = {};
        Snapshot *s = NULL;
        int r;

        r = choose(guest, &names);
        if (r != EXIT_DONE)
                return r;
        if (names.n == 0 && !o->json) {
                note("no guest is configured: there is no %s/NAME.conf", umld_dir(DIR_CONFIG));
                return table ? EXIT_DONE : EXIT_NO_GUEST;
        }
        r = snapshots_take(&names, &s);
        now = now_usec(CLOCK_REALTIME);
        if (r >= 0) {
                if (o->json)
                        r = guest ? print_json_one(s, now) : print_json_list(s, names.n, now);
                else
                        r = table ? print_table(s, names.n, now) : print_texts(s, names.n, now);
        }
        r = r < 0 ? fail_with(EXIT_FAILED, "cannot show the guests: %s", strerror(-r))
                  : exit_code(s, names.n, !table);
        snapshots_free(s, names.n);
        return r;
}

int verb_list(const Options *o, const char *guest) {
        return show(o, guest, true);
}

int verb_status(const Options *o, const char *guest) {
        return show(o, guest, false);
}
