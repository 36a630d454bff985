/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-status.c - list and status. */

#include <langinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "umlctl/bus-client.h"
#include "umlctl/columns.h"
#include "umlctl/json-output.h"
#include "umlctl/log-tail.h"
#include "umlctl/say.h"
#include "umlctl/snapshot.h"
#include "umlctl/status-fields.h"
#include "umlctl/verbs.h"

enum {
        LAST_LINES = 8, /* of the console, after a failure */
};

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

/* What the guest said last, which often is why. */
static void print_last_lines(const json_t *props, bool utf8) {
        const char *path = prop_string(props, UMLD_PROP_CONSOLE_LOG);

        if (!isempty(path))
                log_tail_print(stdout, path, LAST_LINES, "    | ", utf8);
}

static int print_texts(const Snapshot *s, size_t n, usec_t now) {
        bool coloured = terminal_coloured(STDOUT_FILENO),
             utf8 = streq(nl_langinfo(CODESET), "UTF-8");
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++) {
                if (i > 0)
                        putchar('\n');
                r = status_print(stdout, s[i].props, now, coloured, utf8);
                if (r >= 0 && status_has_failed(s[i].props))
                        print_last_lines(s[i].props, utf8);
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

static int print(const Options *o, const Snapshot *s, size_t n, const Column *const *columns,
                 size_t n_columns) {
        usec_t now = now_usec(CLOCK_REALTIME);

        if (o->json)
                return n_columns == 0 && o->single ? print_json_one(s, now)
                                                   : print_json_list(s, n, now);
        if (n_columns > 0)
                return columns_print(columns, n_columns, s, n, now, !o->no_headings);
        return print_texts(s, n, now);
}

/* Where it cannot be told, the status is without it. */
static int add_enabled(const Strv *names, Snapshot *s) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_free_ bool *enabled = calloc(names->n + 1, sizeof(bool));
        const char *failed = NULL;

        if (!enabled)
                return -ENOMEM;
        if (boot_ask_enabled(names, enabled, &failed, &error) < 0)
                return 0;
        for (size_t i = 0; i < names->n; i++)
                if (json_object_set_new(s[i].props, SNAPSHOT_PROP_ENABLED,
                                        json_boolean(enabled[i])) < 0)
                        return -ENOMEM;
        return 0;
}

/* As a table, or without columns as texts. */
static int show(const Options *o, const Column *const *columns, size_t n_columns) {
        const Strv *names = o->guests;
        _cleanup_strv_ Strv only = {};
        bool whole = o->json || n_columns == 0;
        Snapshot *s = NULL;
        int r;

        if (names->n == 0 && !o->json) {
                note("no guest is configured: there is no %s/NAME.conf", umld_dir(DIR_CONFIG));
                return n_columns > 0 ? EXIT_DONE : EXIT_NO_GUEST;
        }
        r = whole ? 0 : columns_needs(columns, n_columns, &only);
        if (r >= 0)
                r = snapshots_take(names, whole ? NULL : &only, &s);
        if (r >= 0 && (whole || columns_ask_boot(columns, n_columns)))
                r = add_enabled(names, s);
        if (r >= 0)
                r = print(o, s, names->n, columns, n_columns);
        r = r < 0 ? fail_with(EXIT_FAILED, "cannot show the guests: %s", strerror(-r))
                  : exit_code(s, names->n, n_columns == 0);
        snapshots_free(s, names->n);
        return r;
}

int verb_list(const Options *o, const char *guest) {
        const Column *columns[COLUMNS_MAX];
        size_t n;
        int r = columns_choose(o->output, columns, &n);

        return r != 0 ? r : show(o, columns, n);
}

int verb_status(const Options *o, const char *guest) {
        return show(o, NULL, 0);
}
