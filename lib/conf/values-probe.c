/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values-probe.c - parses and formats probes. */

#include <ctype.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

const char *probe_format(const Probe *p, char buf[static PROBE_TEXT_MAX]) {
        snprintf(buf, PROBE_TEXT_MAX, "%s/%u%s", p->kind == PROBE_TCP ? "tcp" : "http", p->port,
                 p->path);
        return buf;
}

/* The path becomes part of the first line of a request. */
static int take_path(Probe *p, const char *value, const char *path, char **ret_why) {
        if (strlen(path) >= sizeof(p->path))
                return refuse_text(ret_why, value,
                                   "too long; a path can have at most %d characters",
                                   PROBE_PATH_MAX - 1);
        for (const char *c = path; *c; c++)
                if (!isgraph((unsigned char) *c))
                        return refuse_text(ret_why, value,
                                           "invalid character in the path; write it as %%XX");
        strcpy(p->path, path);
        return 0;
}

static int parse_probe(Probe *p, const char *value, char **ret_why) {
        _cleanup_free_ char *port = NULL;
        const char *rest, *path;

        if ((rest = startswith(value, "http/")))
                p->kind = PROBE_HTTP;
        else if ((rest = startswith(value, "tcp/")))
                p->kind = PROBE_TCP;
        else
                return refuse_text(
                        ret_why, value,
                        "invalid probe; use tcp/PORT or http/PORT/PATH, for example http/80/");
        path = strchrnul(rest, '/');
        port = strndup(rest, (size_t) (path - rest));
        if (!port)
                return -ENOMEM;
        if (parse_port(port, &p->port) < 0)
                return refuse_text(ret_why, value,
                                   "missing or invalid port; use a port from 1 to 65535");
        if (p->kind == PROBE_TCP && *path)
                return refuse_text(ret_why, value, "only http/ probes have a path");
        return p->kind == PROBE_TCP ? 0 : take_path(p, value, *path ? path : "/", ret_why);
}

static bool same_probe(const Probe *a, const Probe *b) {
        return a->kind == b->kind && a->port == b->port && streq(a->path, b->path);
}

int setting_parse_probe(const Setting *s, const char *value, Config *c, char **ret_why) {
        Probe p = {};
        int r = parse_probe(&p, value, ret_why);

        if (r < 0)
                return r;
        if (c->n_probes == CONFIG_PROBES_MAX)
                return refuse_text(ret_why, value, "too many probes; at most %d are possible",
                                   CONFIG_PROBES_MAX);
        for (size_t i = 0; i < c->n_probes; i++)
                if (same_probe(&c->probes[i], &p))
                        return refuse_text(ret_why, value, "duplicate probe; remove one of them");
        c->probes[c->n_probes++] = p;
        return 0;
}
