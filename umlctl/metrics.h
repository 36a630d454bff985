/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* THE table of metrics, and how they are written. The lint test "metrics" compares the manual, the
 * alert rules and the dashboard with it. */

#include <jansson.h>
#include <stdio.h>

#include "basic/time-util.h"

typedef enum MetricType {
        METRIC_GAUGE,
        METRIC_COUNTER,
        METRIC_HISTOGRAM,
        METRIC_STATESET,
        METRIC_INFO,
        METRIC_TYPE_MAX,
} MetricType;

typedef enum MetricsFormat {
        METRICS_OPENMETRICS, /* 1.0.0 */
        METRICS_PROMETHEUS,  /* text format 0.0.4, which a textfile collector reads */
} MetricsFormat;

typedef struct MetricsWriter MetricsWriter;
typedef struct Metric Metric;

struct Metric {
        const char *name; /* without _total and _info, which its type adds; ends with its unit */
        MetricType type;
        const char *unit; /* NULL: none */
        const char *help; /* one sentence */
        bool host;        /* of the host: there are no labels, and get() has no guest */

        /* Writes its samples for one guest, none if it is not known. */
        void (*get)(MetricsWriter *w, const Metric *m, const json_t *props);
        const char *property; /* for getters that several metrics have */
};

const Metric *metrics_table(size_t *ret_n);

/* The name of its samples: "umld_guest_restarts_total". The caller frees it. */
char *metric_sample_name(const Metric *m);

/* ---- for getters ---- */

typedef struct MetricLabel {
        const char *name, *value;
} MetricLabel;

/* One sample. The guest's label is added; labels ends with one without a name, NULL = no further
 * ones. A counter's and an info's suffix is added as well. */
void metrics_write_integer(MetricsWriter *w, const MetricLabel *labels, uint64_t value);
/* value in microseconds, written in seconds */
void metrics_write_seconds(MetricsWriter *w, const MetricLabel *labels, usec_t value);
/* The same with another suffix. */
void metrics_write_integer_as(MetricsWriter *w, const char *suffix, const MetricLabel *labels,
                              uint64_t value);
void metrics_write_seconds_as(MetricsWriter *w, const char *suffix, const MetricLabel *labels,
                              usec_t value);
/* A number as the guest has written it: digits and a point. */
void metrics_write_text(MetricsWriter *w, const MetricLabel *labels, const char *value, size_t n);
usec_t metrics_now(const MetricsWriter *w); /* CLOCK_REALTIME */

/* ---- all of them ---- */

/* table: n_metrics rows. props: what is known of each of n guests. now: CLOCK_REALTIME. */
int metrics_write(FILE *f, MetricsFormat format, const Metric *table, size_t n_metrics,
                  const json_t *const *props, size_t n, usec_t now);
