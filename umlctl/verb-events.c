/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-events.c - events: what happens to guests, one line of JSON for each event.
 *
 * A guest whose umld is not running is looked for when something happens in the directory of its
 * socket and, where that cannot be seen, every second. */

#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/guest-state.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/bus-value.h"
#include "umlctl/guests.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"
#include "umlctl/snapshot.h"
#include "umlctl/verbs.h"

/* How long the process of an umld may take to be replaced by reexec. */
#define REPLACED_WITHIN (2 * USEC_PER_SEC)

typedef struct Events Events;

typedef struct Watch {
        Events *events;
        char *name;
        char *state; /* the last one that was told; NULL: none */
        sd_bus *bus;
        pid_t pid;                  /* of the umld */
        usec_t missed;              /* since when it does not answer, CLOCK_MONOTONIC; 0: it does */
        sd_event_source *directory; /* of its socket */
        struct Watch *next;
} Watch;

struct Events {
        const Options *options;
        sd_event *event;
        sd_event_source *tick, *runtime;
        Watch *watches;
};

static void watch_close(Watch *w) {
        w->bus = sd_bus_close_unref(w->bus);
}

static void events_done(Events *e) {
        while (e->watches) {
                Watch *w = e->watches;

                e->watches = w->next;
                watch_close(w);
                sd_event_source_disable_unref(w->directory);
                free(w->name);
                free(w->state);
                free(w);
        }
        sd_event_source_disable_unref(e->tick);
        sd_event_source_disable_unref(e->runtime);
        sd_event_unref(e->event);
}

/* ---- printing ---- */

typedef struct Event {
        const char *kind, *name, *old, *new, *why; /* all but the first may be NULL */
} Event;

static const char *or_null(const char *s) {
        return isempty(s) ? NULL : s;
}

static int print_event(const char *guest, const Event *e) {
        json_auto_t *line =
                json_pack("{s:f, s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "time",
                          (double) now_usec(CLOCK_REALTIME) / (double) USEC_PER_SEC, "guest", guest,
                          "event", e->kind, "name", or_null(e->name), "old", or_null(e->old), "new",
                          or_null(e->new), "why", or_null(e->why));

        return line ? json_print_line(line) : -ENOMEM;
}

/* Ends the loop if nobody reads what is printed. */
static void tell(Watch *w, const Event *event) {
        if (print_event(w->name, event) < 0)
                (void) sd_event_exit(w->events->event, EXIT_FAILED);
}

static void tell_state(Watch *w, const char *new, const char *why) {
        if (streq(new, w->state ?: ""))
                return;
        tell(w, &(Event){ "state", NULL, w->state, new, why });
        (void) free_and_strdup(&w->state, new);
}

/* ---- one guest ---- */

static int on_state(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *old, *new, *why;

        if (sd_bus_message_read(m, "sss", &old, &new, &why) >= 0)
                tell_state(userdata, new, why);
        return 0;
}

static int on_memory(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *old, *new, *why;

        if (sd_bus_message_read(m, "sss", &old, &new, &why) >= 0)
                tell(userdata, &(Event){ "memory", NULL, old, new, why });
        return 0;
}

static int on_condition(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *name, *state, *why;

        if (sd_bus_message_read(m, "sss", &name, &state, &why) >= 0)
                tell(userdata, &(Event){ "condition", name, NULL, state, why });
        return 0;
}

/* umld says what happens to its guest before it ends, unless it is killed. If it is the same
 * process that answers again, its program was replaced. */
static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        Watch *w = userdata;
        const char *state = w->state ?: "";

        if (w->state && !streq(state, guest_state_to_string(GUEST_STOPPED)) &&
            !streq(state, guest_state_to_string(GUEST_FAILED)))
                w->missed = now_usec(CLOCK_MONOTONIC);
        watch_close(w);
        return 0;
}

static void end_of_miss(Watch *w, bool replaced) {
        w->missed = 0;
        if (replaced)
                return;
        tell(w, &(Event){ "lost", NULL, w->state, NULL, "its umld has ended suddenly" });
        (void) free_and_strdup(&w->state, NULL);
}

static void look_for_missed(Watch *w, bool connected, pid_t pid) {
        if (w->missed == 0)
                return;
        if (connected)
                end_of_miss(w, pid == w->pid);
        else if (now_usec(CLOCK_MONOTONIC) >= usec_add(w->missed, REPLACED_WITHIN))
                end_of_miss(w, false);
}

static int on_properties(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        json_auto_t *props = NULL;
        Watch *w = userdata;

        if (sd_bus_message_get_errno(m) > 0 || bus_read_properties(m, &props) < 0)
                watch_close(w); /* the next tick tries again */
        else if (prop_string(props, UMLD_PROP_STATE))
                tell_state(w, prop_string(props, UMLD_PROP_STATE),
                           prop_string(props, UMLD_PROP_STATUS_TEXT));
        return 0;
}

static int subscribe(Watch *w) {
        static const struct {
                const char *interface, *member;
                sd_bus_message_handler_t handler;
        } signals[] = {
                { UMLD_BUS_INTERFACE, UMLD_SIGNAL_STATE_CHANGED, on_state },
                { UMLD_BUS_INTERFACE, UMLD_SIGNAL_MEMORY_PRESSURE, on_memory },
                { UMLD_BUS_INTERFACE, UMLD_SIGNAL_CONDITION, on_condition },
                { "org.freedesktop.DBus.Local", "Disconnected", on_disconnected },
        };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = 0;

        FOREACH_ELEMENT (s, signals)
                if (r >= 0)
                        r = sd_bus_match_signal(w->bus, NULL, NULL, NULL, s->interface, s->member,
                                                s->handler, w);
        if (r >= 0)
                r = bus_new_get_all(w->bus, &m);
        if (r >= 0)
                r = sd_bus_call_async(w->bus, NULL, m, on_properties, w, 0);
        return r < 0 ? r : sd_bus_attach_event(w->bus, w->events->event, 0);
}

static int connect_to(Watch *w) {
        pid_t pid = 0;
        int r = bus_begin(w->name, &w->bus, &pid);

        look_for_missed(w, r >= 0, pid);
        if (r >= 0) {
                w->pid = pid;
                r = subscribe(w);
        }
        if (r < 0)
                watch_close(w);
        return r == -EACCES || r == -ENOMEM ? r : 0;
}

/* ---- all guests ---- */

static int scan(Events *e);

static int on_directory(sd_event_source *s, const struct inotify_event *i, void *userdata) {
        Watch *w = userdata;

        if (i->mask & IN_IGNORED) { /* it was removed; a new one is found by its parent */
                w->directory = sd_event_source_unref(s);
                return 0;
        }
        return scan(w->events);
}

static int on_runtime(sd_event_source *s, const struct inotify_event *i, void *userdata) {
        Events *e = userdata;

        if (i->mask & IN_IGNORED) {
                e->runtime = sd_event_source_unref(s);
                return 0;
        }
        return scan(e);
}

static int on_tick(sd_event_source *s, uint64_t usec, void *userdata) {
        int r = sd_event_source_set_time(s, usec_add(now_usec(CLOCK_MONOTONIC), USEC_PER_SEC));

        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        return r < 0 ? r : scan(userdata);
}

/* Where it does not exist, or cannot be watched, there is the tick. */
static void watch_directories(Events *e) {
        if (!e->runtime)
                (void) sd_event_add_inotify(e->event, &e->runtime, umld_dir(DIR_RUNTIME),
                                            IN_CREATE | IN_MOVED_TO | IN_ONLYDIR, on_runtime, e);
        for (Watch *w = e->watches; w; w = w->next) {
                _cleanup_free_ char *path = umld_path(DIR_RUNTIME, w->name, NULL);

                if (path && !w->directory)
                        (void) sd_event_add_inotify(e->event, &w->directory, path,
                                                    IN_CREATE | IN_MOVED_TO | IN_ONLYDIR,
                                                    on_directory, w);
        }
}

static Watch *find(const Events *e, const char *name) {
        for (Watch *w = e->watches; w; w = w->next)
                if (streq(w->name, name))
                        return w;
        return NULL;
}

static int add(Events *e, const char *name, const char *state) {
        Watch *w;

        if (find(e, name))
                return 0;
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (Watch){ .events = e, .next = e->watches };
        e->watches = w;
        return free_and_strdup(&w->name, name) < 0 || free_and_strdup(&w->state, state) < 0
                       ? -ENOMEM
                       : 0;
}

/* Connects to each umld that was started meanwhile, also of new guests. */
static int scan(Events *e) {
        _cleanup_strv_ Strv names = {};
        int r = e->options->every ? guests_known(&names) : 0;

        for (size_t i = 0; r >= 0 && i < names.n; i++)
                r = add(e, names.v[i], NULL);
        watch_directories(e);
        for (Watch *w = e->watches; r >= 0 && w; w = w->next)
                if (!w->bus)
                        r = connect_to(w);
        if (r < 0)
                return sd_event_exit(e->event,
                                     fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                                               "cannot ask the umld of a guest: %s", strerror(-r)));
        return 0;
}

/* ---- how it is at the beginning ---- */

static int print_first(Events *e, const Snapshot *s) {
        const char *name = prop_string(s->props, UMLD_PROP_NAME),
                   *state = prop_string(s->props, UMLD_PROP_STATE);
        int r = print_event(name,
                            &(Event){ "state", NULL, NULL, state,
                                      prop_string(s->props, UMLD_PROP_STATUS_TEXT)
                                              ?: prop_string(s->props, SNAPSHOT_PROP_ERROR) });

        return r < 0 ? r : add(e, name, state);
}

static int print_all_first(Events *e) {
        Snapshot *s = NULL;
        int r = snapshots_take(e->options->guests, NULL, &s);

        for (size_t i = 0; r >= 0 && i < e->options->guests->n; i++) {
                r = s[i].error == -EACCES ? -EACCES : print_first(e, &s[i]);
        }
        snapshots_free(s, e->options->guests->n);
        return r;
}

static int follow(Events *e) {
        int r = sd_event_add_time(e->event, &e->tick, CLOCK_MONOTONIC, 0, USEC_PER_MSEC, on_tick,
                                  e);

        return r < 0 ? r : sd_event_loop(e->event);
}

int verb_events(const Options *o, const char *guest) {
        _cleanup_(events_done) Events e = { .options = o };
        int r = sd_event_new(&e.event);

        if (r >= 0)
                r = print_all_first(&e);
        if (r >= 0 && o->follow)
                r = follow(&e);
        return r < 0 ? fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                                 "cannot show events: %s", strerror(-r))
                     : r;
}
