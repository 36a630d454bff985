/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-crashes.c - crash reports of a guest: a list of all, or one in full. */

#include <libsmartcols.h>
#include <stdio.h>

#include "api/crash-files.h"
#include "api/exit-codes.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "umlctl/crash-reader.h"
#include "umlctl/each-guest.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

enum {
        SHOWN_MAX = 2 * CRASH_REPORTS_MAX, /* there may be more for a moment */
        TEXT_MAX = 1000,
};

static const char *text_of(const json_t *report, const char *key) {
        return json_string_value(json_object_get(report, key)) ?: "";
}

static usec_t time_of(const json_t *report, const char *key) {
        return (usec_t) (json_real_value(json_object_get(report, key)) * (double) USEC_PER_SEC);
}

static char *when_text(const json_t *report) {
        time_t t = (time_t) (time_of(report, "when") / USEC_PER_SEC);
        char buf[64] = "?";
        struct tm tm;

        if (localtime_r(&t, &tm))
                (void) strftime(buf, sizeof(buf), "%Y-%m-%d %H:%M:%S %Z", &tm);
        return safe_text(buf, sizeof(buf));
}

static char *cell_guest(const json_t *report) {
        return safe_text(text_of(report, "guest"), TEXT_MAX);
}

static char *cell_number(const json_t *report) {
        return strfmt("%" JSON_INTEGER_FORMAT, json_integer_value(json_object_get(report, "n")));
}

static char *cell_verdict(const json_t *report) {
        return safe_text(text_of(report, "verdict"), 20);
}

static char *cell_ran(const json_t *report) {
        return strdup(FORMAT_TIMESPAN(time_of(report, "run_time")));
}

static char *cell_detail(const json_t *report) {
        return safe_text(text_of(report, "detail"), TEXT_MAX);
}

static const struct {
        const char *title;
        int flags;
        char *(*cell)(const json_t *report); /* safe for a terminal; the caller frees it */
} columns[] = {
        { "NAME", 0, cell_guest }, /* only where there are several */
        { "N", SCOLS_FL_RIGHT, cell_number },
        { "WHEN", 0, when_text },
        { "VERDICT", 0, cell_verdict },
        { "RAN FOR", SCOLS_FL_RIGHT, cell_ran },
        { "DETAIL", SCOLS_FL_TRUNC, cell_detail },
};

static int add_line(struct libscols_table *table, const json_t *report, size_t first) {
        struct libscols_line *line = scols_table_new_line(table, NULL);

        if (!line)
                return -ENOMEM;
        for (size_t i = first; i < ARRAY_SIZE(columns); i++) {
                char *text = columns[i].cell(report);

                if (!text || scols_line_refer_data(line, i - first, text) < 0) {
                        free(text);
                        return -ENOMEM;
                }
        }
        return 0;
}

static int print_table(const json_t *reports, bool many) {
        struct libscols_table *table = scols_new_table();
        size_t i, first = many ? 0 : 1;
        int r = table ? 0 : -ENOMEM;
        const json_t *report;

        for (size_t c = first; r >= 0 && c < ARRAY_SIZE(columns); c++)
                if (!scols_table_new_column(table, columns[c].title, 0, columns[c].flags))
                        r = -ENOMEM;
        if (r >= 0)
                r = scols_table_enable_noencoding(table, 1); /* the cells are already safe */
        json_array_foreach(reports, i, report) {
                if (r >= 0)
                        r = add_line(table, report, first);
        }
        if (r >= 0)
                r = scols_print_table(table);
        scols_unref_table(table);
        return r;
}

static void print_row(const char *label, const char *text) {
        _cleanup_free_ char *safe = safe_text(text, TEXT_MAX);

        if (!isempty(text))
                printf("%12s: %s\n", label, safe ?: "?");
}

static char *end_text(const json_t *report) {
        const json_t *status = json_object_get(report, "exit_status");
        const json_t *sig = json_object_get(report, "signal");
        const char *before = json_is_false(json_object_get(report, "booted"))
                                     ? ", before the kernel had booted"
                                     : "";

        if (json_is_integer(status))
                return strfmt("exit status %" JSON_INTEGER_FORMAT "%s", json_integer_value(status),
                              before);
        if (json_is_integer(sig))
                return strfmt("signal %" JSON_INTEGER_FORMAT " (%s)%s", json_integer_value(sig),
                              strsignal((int) json_integer_value(sig)), before);
        return strfmt("unknown%s", before);
}

static char *memory_text(const json_t *report) {
        uint64_t size = (uint64_t) json_integer_value(json_object_get(report, "memory_size"));
        uint64_t room = (uint64_t) json_integer_value(json_object_get(report, "memory_room"));
        uint64_t taken = (uint64_t) json_integer_value(json_object_get(report, "memory_taken"));
        const char *path = text_of(report, "memory_path");
        char a[FORMAT_SIZE_MAX], b[FORMAT_SIZE_MAX], c[FORMAT_SIZE_MAX];

        if (isempty(path))
                return strdup(format_size(a, size));
        if (room == 0)
                return strfmt("%s in %s", format_size(a, size), path);
        return strfmt("%s in %s, of whose %s others used %s", format_size(a, size), path,
                      format_size(b, room), format_size(c, taken));
}

static int print_report(const json_t *report) {
        _cleanup_free_ char *when = when_text(report), *end = end_text(report);
        _cleanup_free_ char *memory = memory_text(report);
        _cleanup_free_ char *tap =
                strfmt("%s %s", text_of(report, "tap"), text_of(report, "tap_state"));
        _cleanup_free_ char *kernel =
                strfmt("%s %s", text_of(report, "kernel_path"), text_of(report, "kernel_version"));
        const json_t *line, *console = json_object_get(report, "console");
        size_t i;

        if (!when || !end || !memory || !tap || !kernel)
                return -ENOMEM;
        print_row("When", when);
        print_row("Verdict", text_of(report, "verdict"));
        print_row("Detail", text_of(report, "detail"));
        print_row("Panic", text_of(report, "panic"));
        print_row("End", end);
        print_row("Ran for", FORMAT_TIMESPAN(time_of(report, "run_time")));
        print_row("Kernel", kernel);
        print_row("Memory", memory);
        print_row("Tap", tap);
        if (json_array_size(console) > 0)
                printf("\nLast console output:\n");
        json_array_foreach(console, i, line) {
                _cleanup_free_ char *safe = safe_text(json_string_value(line), TEXT_MAX);

                printf("  %s\n", safe ?: "?");
        }
        return 0;
}

/* Appends the report with its number and file; one that umld removes meanwhile is skipped. */
static int add_report(json_t *all, const char *guest, uint64_t number) {
        _cleanup_free_ char *path = crash_path(guest, number);
        json_auto_t *report = NULL;
        int r = path ? crash_read(path, &report) : -ENOMEM;

        if (r == -ENOENT)
                return 0;
        if (r == -EBADMSG) {
                note("%s: incomplete crash report, skipping it", path);
                return 0;
        }
        if (r < 0)
                return r;
        if (json_object_set_new(report, "n", json_integer((json_int_t) json_array_size(all) + 1)) <
                    0 ||
            json_object_set_new(report, "file", json_string(path)) < 0)
                return -ENOMEM;
        return json_array_append(all, report) < 0 ? -ENOMEM : 0;
}

static int read_reports(const char *guest, json_t *all) {
        _cleanup_free_ char *directory = crash_directory(guest);
        uint64_t numbers[SHOWN_MAX];
        ssize_t n = directory ? crash_files_list(directory, numbers, SHOWN_MAX) : -ENOMEM;

        for (size_t i = 0; n >= 0 && i < MIN((size_t) n, (size_t) SHOWN_MAX); i++) {
                int r = add_report(all, guest, numbers[i]);

                if (r < 0)
                        return r;
        }
        return n < 0 ? (int) n : 0;
}

static int fail_reports(const char *guest, int error) {
        return fail_with(error == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "cannot read the crash reports of %s: %s", guest, strerror(-error));
}

static int fail_show(int error) {
        return fail_with(EXIT_FAILED, "cannot show the crashes: %s", strerror(-error));
}

/* ---- a list for one guest, or one report ---- */

static int show_all(Each *e, json_t *reports) {
        json_t *report;
        size_t i;
        int r;

        if (e->options->json) {
                json_array_foreach(reports, i, report) {
                        (void) json_object_del(report, "console"); /* only in a single report */
                }
                e->document = json_incref(reports);
                return EXIT_DONE;
        }
        if (json_array_size(reports) == 0) {
                note("%s has not crashed so far", e->guest);
                return EXIT_DONE;
        }
        r = print_table(reports, false);
        return r < 0 ? fail_show(r) : EXIT_DONE;
}

static int show_one(Each *e, const json_t *reports, uint64_t n) {
        json_t *report = json_array_get(reports, (size_t) n - 1);
        int r;

        if (!report)
                return fail_with(EXIT_FAILED, "there are only %zu crash reports of %s",
                                 json_array_size(reports), e->guest);
        if (e->options->json) {
                e->document = json_incref(report);
                return EXIT_DONE;
        }
        each_title(e);
        r = print_report(report);
        return r < 0 ? fail_show(r) : EXIT_DONE;
}

/* Which report was asked for, 1 for the newest; 0: the list. Returns 0, or the exit code. */
static int choose(const Options *o, uint64_t *ret) {
        const char *which = o->words[0];

        *ret = 0;
        if (which && parse_unsigned(which, 1, SHOWN_MAX, ret) < 0)
                return fail_with(EXIT_USAGE,
                                 "'%s': invalid crash number; 1 is the newest, %d the oldest",
                                 which, CRASH_REPORTS_MAX);
        return 0;
}

static int show(Each *e) {
        json_auto_t *reports = json_array();
        uint64_t n = 0;
        int r;

        r = choose(e->options, &n);
        if (r != 0)
                return r;
        r = reports ? read_reports(e->guest, reports) : -ENOMEM;
        if (r < 0)
                return fail_reports(e->guest, r);
        return n > 0 ? show_one(e, reports, n) : show_all(e, reports);
}

/* ---- one list for several guests ---- */

/* Where it belongs among those that begin with the newest. */
static size_t place_of(const json_t *all, const json_t *report) {
        size_t i = 0;

        while (i < json_array_size(all) &&
               time_of(json_array_get(all, i), "when") >= time_of(report, "when"))
                i++;
        return i;
}

static int add_reports(json_t *all, const char *guest) {
        json_auto_t *reports = json_array();
        int r = reports ? read_reports(guest, reports) : -ENOMEM;
        json_t *report;
        size_t i;

        json_array_foreach(reports, i, report) {
                if (r >= 0 && (json_object_set_new(report, "guest", json_string(guest)) < 0 ||
                               json_array_insert(all, place_of(all, report), report) < 0))
                        r = -ENOMEM;
        }
        return r;
}

static int list_many(const Strv *guests) {
        json_auto_t *all = json_array();
        int code = EXIT_DONE, r;

        if (!all)
                return fail_show(-ENOMEM);
        for (size_t i = 0; i < guests->n; i++) {
                r = add_reports(all, guests->v[i]);
                if (r < 0) {
                        int failed = fail_reports(guests->v[i], r);

                        code = code ?: failed;
                }
        }
        if (json_array_size(all) == 0) {
                if (code == EXIT_DONE)
                        note("none of the guests has crashed so far");
                return code;
        }
        r = print_table(all, true);
        return r < 0 ? fail_show(r) : code;
}

int verb_crashes(const Options *o, const char *guest) {
        uint64_t n;
        int r = choose(o, &n);

        if (r != 0)
                return r;
        return o->json || o->single || n > 0 || o->guests->n == 0 ? each_guest(o, show)
                                                                  : list_many(o->guests);
}
