/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-top.c - top: guests and what they use, live. */

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "umlctl/bus-client.h"
#include "umlctl/guests.h"
#include "umlctl/json-output.h"
#include "umlctl/rates.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"
#include "umlctl/top-screen.h"
#include "umlctl/top-table.h"
#include "umlctl/verbs.h"

enum {
        INTERVAL = 2, /* seconds */
};

typedef struct Sample {
        Snapshot *s;
        size_t n;
        usec_t when; /* CLOCK_MONOTONIC */
} Sample;

typedef struct Top {
        const Options *options;
        const Column *columns[COLUMNS_MAX];
        size_t n_columns;
        const TopOrder *order;
        bool reverse;
        usec_t interval;
        Sample sample;
} Top;

/* ---- what there is ---- */

static void sample_done(Sample *s) {
        snapshots_free(s->s, s->n);
        *s = (Sample){};
}

/* Guests come and go while it runs, unless some were named. */
static int take_snapshots(const Top *t, Sample *ret) {
        _cleanup_strv_ Strv found = {};
        const Strv *names = t->options->every || t->options->all ? &found : t->options->guests;
        int r = names == &found ? guests_known(&found) : 0;

        if (r >= 0)
                r = snapshots_take(names, NULL, &ret->s);
        if (r < 0)
                return r;
        ret->n = names->n;
        ret->when = now_usec(CLOCK_MONOTONIC);
        return 0;
}

static int take_sample(Top *t) {
        Sample new = {};
        int r = take_snapshots(t, &new);

        for (size_t i = 0; r >= 0 && i < new.n; i++) {
                const char *name = prop_string(new.s[i].props, UMLD_PROP_NAME) ?: "";

                r = rates_add(new.s[i].props, rates_find(t->sample.s, t->sample.n, name),
                              usec_sub(new.when, t->sample.when));
        }
        if (r < 0) {
                sample_done(&new);
                return r;
        }
        sample_done(&t->sample);
        t->sample = new;
        return 0;
}

/* ---- how it is shown ---- */

static int format_table(Top *t, bool coloured, size_t width, char **ret) {
        const ColumnsStyle style = { .headings = !t->options->no_headings,
                                     .coloured = coloured,
                                     .width = width };

        top_sort(t->sample.s, t->sample.n, t->order, t->reverse);
        return columns_format(t->columns, t->n_columns, t->sample.s, t->sample.n,
                              now_usec(CLOCK_REALTIME), &style, ret);
}

static int print_once(Top *t) {
        _cleanup_free_ char *table = NULL;
        int r;

        if (t->options->json) {
                json_auto_t *list = NULL;

                top_sort(t->sample.s, t->sample.n, t->order, t->reverse);
                list = top_json(t->sample.s, t->sample.n, now_usec(CLOCK_REALTIME));
                return list ? json_print_line(list) : -ENOMEM;
        }
        r = format_table(t, false, 0, &table);
        if (r < 0)
                return r;
        fputs(table, stdout);
        return fflush(stdout) != 0 ? -errno : 0;
}

/* "c cpu  m memory  t traffic …  r reverse  q quit", with the order in force between brackets. */
static char *format_keys(const Top *t) {
        size_t n;
        const TopOrder *orders = top_orders(&n);
        char *all = strdup("sort:");

        for (size_t i = 0; all && i < n; i++) {
                _cleanup_free_ char *old = all;
                bool chosen = &orders[i] == t->order;

                all = strfmt("%s  %s%c %s%s", old, chosen ? "[" : "", orders[i].letter,
                             orders[i].name, chosen ? "]" : "");
        }
        if (all) {
                _cleanup_free_ char *old = all;

                all = strfmt("%s  %sr reverse%s;  space: now  q: quit", old, t->reverse ? "[" : "",
                             t->reverse ? "]" : "");
        }
        return all;
}

static int draw(Top *t) {
        _cleanup_free_ char *table = NULL, *summary = NULL, *keys = format_keys(t), *all = NULL;
        int r = format_table(t, terminal_coloured(STDOUT_FILENO), screen_width(), &table);

        if (r < 0)
                return r;
        summary = top_summary(t->sample.s, t->sample.n);
        if (summary && keys)
                all = strfmt("%s\n%s\n\n%s", summary, keys, table);
        if (!all)
                return -ENOMEM;
        screen_draw(all);
        return 0;
}

/* ---- on a terminal ---- */

/* 1: the user quits. */
static int take_key(Top *t, char key, bool *ret_now) {
        const TopOrder *order = top_order_by_letter(key);

        if (order)
                t->order = order;
        t->reverse ^= key == 'r';
        *ret_now = key == ' ';
        return key == 'q' || key == 'Q';
}

/* Returns 0 when the next sample is due, 1 at the end; *ret_signal as screen_wait(). */
static int wait_on_screen(Top *t, int *ret_signal) {
        usec_t due = now_usec(CLOCK_MONOTONIC) + t->interval;
        bool now = false;
        int r = 0;

        while (r == 0 && !now) {
                char key = '\0';
                ScreenEvent e =
                        screen_wait(usec_sub(due, now_usec(CLOCK_MONOTONIC)), &key, ret_signal);

                if (e == SCREEN_END)
                        return 1;
                if (e == SCREEN_TIMEOUT && now_usec(CLOCK_MONOTONIC) + USEC_PER_MSEC >= due)
                        return 0;
                if (e == SCREEN_KEY)
                        r = take_key(t, key, &now);
                if (r == 0 && e != SCREEN_TIMEOUT)
                        r = draw(t);
        }
        return r;
}

static int run_on_screen(Top *t) {
        int signal = 0, r = screen_enter();

        for (uint64_t i = 0; r == 0 && (t->options->count == 0 || i < t->options->count); i++) {
                r = take_sample(t);
                if (r >= 0)
                        r = draw(t);
                if (r >= 0)
                        r = wait_on_screen(t, &signal);
        }
        screen_leave();
        if (r < 0)
                return fail_with(EXIT_FAILED, "cannot show the guests: %s", strerror(-r));
        return signal ? 128 + signal : EXIT_DONE;
}

/* ---- line by line ---- */

/* The first sample is only what the next one is compared with. */
static int run_by_lines(Top *t) {
        uint64_t count = t->options->count ?: terminal_is(STDOUT_FILENO) ? UINT64_MAX : 1;
        int r = take_sample(t);

        for (uint64_t i = 0; r >= 0 && i < count; i++) {
                (void) poll(NULL, 0, (int) (t->interval / USEC_PER_MSEC));
                r = take_sample(t);
                if (r >= 0 && i > 0 && !t->options->json)
                        putchar('\n');
                if (r >= 0)
                        r = print_once(t);
        }
        return r < 0 ? fail_with(EXIT_FAILED, "cannot show the guests: %s", strerror(-r))
                     : EXIT_DONE;
}

static int fail_order(const char *name) {
        _cleanup_free_ char *all = NULL;
        size_t n;
        const TopOrder *orders = top_orders(&n);

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *old = all;

                all = strfmt("%s%s%s", old ?: "", old ? ", " : "", orders[i].name);
        }
        return fail_with(EXIT_USAGE, "--sort=%s: must be one of %s", name, all ?: "");
}

int verb_top(const Options *o, const char *guest) {
        const char *sort = o->sort ?: "cpu";
        Top t = { .options = o,
                  .order = top_order_by_name(sort),
                  .interval = o->interval ?: INTERVAL * USEC_PER_SEC };
        bool on_screen = !o->json && terminal_smart(STDOUT_FILENO) && isatty(STDIN_FILENO);
        int r;

        if (!t.order)
                return fail_order(sort);
        if (o->guests->n == 0)
                note("no guest is configured: there is no %s/NAME.conf", umld_dir(DIR_CONFIG));
        r = top_columns(t.columns, &t.n_columns);
        if (r < 0)
                return fail_with(EXIT_FAILED, "cannot show the guests: %s", strerror(-r));
        r = on_screen ? run_on_screen(&t) : run_by_lines(&t);
        sample_done(&t.sample);
        return r;
}
