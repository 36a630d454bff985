/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-metrics.c - metrics: figures of guests for a monitoring system. */

#include <stdio.h>
#include <stdlib.h>

#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "umlctl/metrics-facts.h"
#include "umlctl/metrics.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

enum {
        FILE_MODE = 0644, /* the collector is another user */
};

/* The caller frees *ret. */
static int format(const Snapshot *s, size_t n, MetricsFormat format, char **ret, size_t *ret_size) {
        _cleanup_free_ const json_t **props = calloc(n + 1, sizeof(*props));
        FILE *f = props ? open_memstream(ret, ret_size) : NULL;
        const Metric *table;
        size_t n_metrics;
        int r, closed;

        if (!f)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                props[i] = s[i].props;
        table = metrics_table(&n_metrics);
        r = metrics_write(f, format, table, n_metrics, props, n, now_usec(CLOCK_REALTIME));
        closed = memstream_close(f, ret);
        return r < 0 ? r : closed;
}

static int collect(const Strv *names, Snapshot **ret) {
        int r = snapshots_take(names, NULL, ret);

        if (r < 0)
                return r;
        r = metrics_facts_add(*ret, names->n);
        if (r < 0)
                snapshots_free(*ret, names->n);
        return r;
}

static int write_out(const Options *o, const char *text, size_t size) {
        int r;

        if (!o->textfile) {
                fputs(text, stdout);
                return EXIT_DONE;
        }
        r = write_file_atomic(o->textfile, text, size, FILE_MODE);
        return r < 0 ? fail_with(EXIT_FAILED, "%s: cannot be written: %s", o->textfile,
                                 strerror(-r))
                     : EXIT_DONE;
}

/* One that may not be asked looks as if it were down, which must not be believed. */
static bool is_forbidden(const Snapshot *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (s[i].error == -EACCES)
                        return true;
        return false;
}

int verb_metrics(const Options *o, const char *guest) {
        _cleanup_free_ char *text = NULL;
        const Strv *names = o->guests;
        Snapshot *s = NULL;
        size_t size = 0;
        bool forbidden;
        int r;

        r = collect(names, &s);
        if (r < 0)
                return fail_with(EXIT_FAILED, "cannot collect the metrics: %s", strerror(-r));
        forbidden = is_forbidden(s, names->n);
        r = forbidden ? 0
                      : format(s, names->n, o->textfile ? METRICS_PROMETHEUS : METRICS_OPENMETRICS,
                               &text, &size);
        snapshots_free(s, names->n);
        if (forbidden)
                return fail_with(EXIT_NOT_PERMITTED,
                                 "not permitted: run it as root or a member of group umld");
        return r < 0 ? fail_with(EXIT_FAILED, "cannot write the metrics: %s", strerror(-r))
                     : write_out(o, text, size);
}
