/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot.c - collects the state of guests. */

#include <stdlib.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/guest-state.h"
#include "api/last-exit.h"
#include "umlctl/bus-client.h"
#include "umlctl/bus-query.h"
#include "umlctl/guests.h"
#include "umlctl/say.h"
#include "umlctl/snapshot.h"
#include "umlctl/usage.h"

/* The contents of a file need not be UTF-8, but JSON strings must be. */
static json_t *foreign_string(const char *s) {
        json_t *v = json_string(s);
        _cleanup_free_ char *safe = NULL;

        if (v)
                return v;
        safe = safe_text(s, strlen(s) * 4);
        return safe ? json_string(safe) : NULL;
}

static int set(json_t *props, const char *name, json_t *value) {
        return json_object_set_new(props, name, value) < 0 ? -ENOMEM : 0;
}

static int add_console_log(json_t *props, const char *name) {
        _cleanup_free_ char *path = umld_path(DIR_LOG, name, "console.log");

        if (!path)
                return -ENOMEM;
        return access(path, F_OK) >= 0 ? set(props, UMLD_PROP_CONSOLE_LOG, foreign_string(path))
                                       : 0;
}

static int add_last_exit(json_t *props, const LastExit *e) {
        int r = set(props, UMLD_PROP_LAST_VERDICT, json_string(verdict_to_string(e->verdict)));

        if (r >= 0 && e->detail)
                r = set(props, UMLD_PROP_LAST_DETAIL, foreign_string(e->detail));
        if (r >= 0)
                r = set(props, UMLD_PROP_LAST_WHEN, json_integer((json_int_t) e->when));
        if (r >= 0)
                r = set(props, UMLD_PROP_SINCE, json_integer((json_int_t) e->when));
        return r;
}

/* umld removes its socket when it exits normally. */
static int add_trouble(json_t *props, const char *name, bool orphan) {
        const char *text = orphan ? "umld was killed, and the guest runs without it; the next "
                                    "start takes it over"
                                  : "umld was killed; the next start cleans up after it";

        if (!orphan && !guest_has_socket(name))
                return 0;
        return set(props, UMLD_PROP_STATUS_TEXT, json_string(text));
}

/* Reads the state of a guest without an umld from its files. */
static int snapshot_offline(const char *name, json_t **ret) {
        _cleanup_(last_exit_done) LastExit e = { .state = GUEST_STOPPED };
        json_auto_t *props = json_object();
        bool orphan = guest_orphaned(name);
        int r;

        (void) last_exit_read(name, &e); /* no file: the guest has never ended */
        r = set(props, UMLD_PROP_NAME, json_string(name));
        if (r >= 0)
                r = set(props, UMLD_PROP_STATE,
                        json_string(orphan ? SNAPSHOT_STATE_ORPHAN
                                           : guest_state_to_string(e.state)));
        if (r >= 0)
                r = set(props, UMLD_PROP_WANTED,
                        json_string(guest_wanted_to_string(orphan ? WANTED_UP : WANTED_DOWN)));
        if (r >= 0)
                r = add_trouble(props, name, orphan);
        if (r >= 0)
                r = add_last_exit(props, &e);
        if (orphan)
                (void) json_object_del(props, UMLD_PROP_SINCE); /* not of its present run */
        if (r >= 0)
                r = add_console_log(props, name);
        if (r >= 0)
                *ret = json_incref(props);
        return r;
}

static int snapshot_unknown(const char *name, int error, pid_t pid, json_t **ret) {
        _cleanup_free_ char *text = bus_connect_error_text(error, pid);
        json_auto_t *props = json_object();

        if (!text || set(props, UMLD_PROP_NAME, json_string(name)) < 0 ||
            set(props, UMLD_PROP_STATE, json_string(SNAPSHOT_STATE_UNKNOWN)) < 0 ||
            set(props, SNAPSHOT_PROP_ERROR, json_string(text)) < 0)
                return -ENOMEM;
        if (pid > 0 && set(props, UMLD_PROP_DAEMON_PID, json_integer(pid)) < 0)
                return -ENOMEM;
        *ret = json_incref(props);
        return 0;
}

static int snapshot_from(BusQuery *q, Snapshot *s) {
        if (q->error >= 0) {
                s->props = json_incref(q->props);
                s->live = true;
                return usage_add(s->props);
        }
        if (q->error == -ENOENT)
                return snapshot_offline(q->name, &s->props);
        s->error = q->error;
        return snapshot_unknown(q->name, q->error, q->pid, &s->props);
}

int snapshots_take(const Strv *names, const Strv *only, Snapshot **ret) {
        BusQuery *queries = calloc(names->n + 1, sizeof(BusQuery));
        Snapshot *s = calloc(names->n + 1, sizeof(Snapshot));
        int r = queries && s ? 0 : -ENOMEM;

        for (size_t i = 0; r >= 0 && i < names->n; i++)
                queries[i] = (BusQuery){ .name = names->v[i], .only = only };
        if (r >= 0)
                r = bus_query(queries, names->n, BUS_ANSWER_LIMIT);
        for (size_t i = 0; r >= 0 && i < names->n; i++)
                r = snapshot_from(&queries[i], &s[i]);
        for (size_t i = 0; queries && i < names->n; i++)
                bus_query_done(&queries[i]);
        free(queries);
        if (r < 0)
                snapshots_free(s, names->n);
        else
                *ret = s;
        return r;
}

void snapshots_free(Snapshot *s, size_t n) {
        for (size_t i = 0; s && i < n; i++)
                json_decref(s[i].props);
        free(s);
}
