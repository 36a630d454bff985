/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics-write.c - writes metrics in the formats of OpenMetrics and Prometheus. */

#include <inttypes.h>

#include "api/bus-names.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/metrics.h"

struct MetricsWriter {
        FILE *f;
        MetricsFormat format;
        const Metric *metric;
        const char *guest; /* NULL: of the host */
        usec_t now;
};

/* What is only in OpenMetrics is the nearest thing of the older format there. */
static const struct {
        const char *open, *prometheus;
        const char *suffix; /* of its samples */
} types[METRIC_TYPE_MAX] = {
        [METRIC_GAUGE] = { "gauge", "gauge", "" },
        [METRIC_COUNTER] = { "counter", "counter", "_total" },
        [METRIC_HISTOGRAM] = { "histogram", "histogram", "" },
        [METRIC_STATESET] = { "stateset", "gauge", "" },
        [METRIC_INFO] = { "info", "gauge", "_info" },
};

char *metric_sample_name(const Metric *m) {
        return strfmt("%s%s", m->name, types[m->type].suffix);
}

usec_t metrics_now(const MetricsWriter *w) {
        return w->now;
}

/* ---- a sample ---- */

static void put_escaped(FILE *f, const char *text) {
        for (const char *p = text; *p; p++)
                if (*p == '\n')
                        fputs("\\n", f);
                else if (*p == '\\' || *p == '"')
                        fprintf(f, "\\%c", *p);
                else
                        fputc(*p, f);
}

static void put_label(FILE *f, unsigned *n, const MetricLabel *label) {
        fprintf(f, "%s%s=\"", (*n)++ == 0 ? "{" : ",", label->name);
        put_escaped(f, label->value ?: "");
        fputc('"', f);
}

static void begin_sample(MetricsWriter *w, const char *suffix, const MetricLabel *labels) {
        unsigned n = 0;

        fprintf(w->f, "%s%s", w->metric->name, suffix);
        if (w->guest)
                put_label(w->f, &n, &(const MetricLabel){ "guest", w->guest });
        for (const MetricLabel *l = labels; l && l->name; l++)
                put_label(w->f, &n, l);
        fputs(n > 0 ? "} " : " ", w->f);
}

void metrics_write_integer_as(MetricsWriter *w, const char *suffix, const MetricLabel *labels,
                              uint64_t value) {
        begin_sample(w, suffix, labels);
        fprintf(w->f, "%" PRIu64 "\n", value);
}

void metrics_write_seconds_as(MetricsWriter *w, const char *suffix, const MetricLabel *labels,
                              usec_t value) {
        begin_sample(w, suffix, labels);
        fprintf(w->f, "%" PRIu64 ".%06" PRIu64 "\n", value / USEC_PER_SEC, value % USEC_PER_SEC);
}

void metrics_write_integer(MetricsWriter *w, const MetricLabel *labels, uint64_t value) {
        metrics_write_integer_as(w, types[w->metric->type].suffix, labels, value);
}

void metrics_write_seconds(MetricsWriter *w, const MetricLabel *labels, usec_t value) {
        metrics_write_seconds_as(w, types[w->metric->type].suffix, labels, value);
}

void metrics_write_text(MetricsWriter *w, const MetricLabel *labels, const char *value, size_t n) {
        begin_sample(w, types[w->metric->type].suffix, labels);
        fprintf(w->f, "%.*s\n", (int) n, value);
}

/* ---- all of them ---- */

/* In the older format a counter is called like its samples. */
static void write_head(const MetricsWriter *w) {
        const Metric *m = w->metric;
        bool open = w->format == METRICS_OPENMETRICS;
        const char *suffix = open ? "" : types[m->type].suffix;

        fprintf(w->f, "# TYPE %s%s %s\n", m->name, suffix,
                open ? types[m->type].open : types[m->type].prometheus);
        if (open && m->unit)
                fprintf(w->f, "# UNIT %s %s\n", m->name, m->unit);
        fprintf(w->f, "# HELP %s%s %s.\n", m->name, suffix, m->help);
}

int metrics_write(FILE *f, MetricsFormat format, const Metric *table, size_t n_metrics,
                  const json_t *const *props, size_t n, usec_t now) {
        MetricsWriter w = { .f = f, .format = format, .now = now };

        for (w.metric = table; w.metric < table + n_metrics; w.metric++) {
                write_head(&w);
                w.guest = NULL;
                if (w.metric->host)
                        w.metric->get(&w, w.metric, NULL);
                for (size_t i = 0; i < n && !w.metric->host; i++) {
                        w.guest = prop_string(props[i], UMLD_PROP_NAME) ?: "";
                        w.metric->get(&w, w.metric, props[i]);
                }
        }
        if (format == METRICS_OPENMETRICS)
                fputs("# EOF\n", f);
        return ferror(f) ? -EIO : 0;
}
