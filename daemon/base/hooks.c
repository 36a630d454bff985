/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hooks.c - runs the command of [Notify], and queues what it is to be told meanwhile. */

#include <inttypes.h>

#include "api/notify-protocol.h"
#include "basic/log.h"
#include "basic/spawn.h"
#include "basic/string-table.h"
#include "basic/string-util.h"
#include "daemon/base/companions.h"
#include "daemon/base/helper.h"
#include "daemon/base/hooks.h"
#include "daemon/base/timer.h"

#define WARN_AGAIN USEC_PER_MINUTE     /* not more often than that */
#define LAST_WAIT  (5 * USEC_PER_SEC)  /* at the end of umld */
#define BACKSTOP   (10 * USEC_PER_SEC) /* umld-notify has ended long before */

enum {
        QUEUE_MAX = HOOK_KIND_MAX + HOOK_CONDITIONS_MAX,
        DETAIL_MAX = 1000,
        LINE_MAX_SHOWN = 200,
};

#define HOOK_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct Entry {
        HookKind kind;
        const char *condition;
        char *from, *to, *verdict, *detail;
        usec_t when; /* CLOCK_REALTIME */
        unsigned count;
} Entry;

struct Hooks {
        sd_event *event;
        Config *const *config;
        char *program; /* umld-notify */
        Helper *running;
        Entry queue[QUEUE_MAX]; /* oldest first */
        size_t n;

        struct {
                const char *name;
                char *state;
        } conditions[HOOK_CONDITIONS_MAX]; /* what was told of them last */

        char said[LINE_MAX_SHOWN]; /* the last line of its output */
        usec_t warned;             /* CLOCK_MONOTONIC */
        char *blamed;              /* the command that this was about */
        unsigned unsaid;           /* failures since then */

        sd_event_source *limit; /* while finishing */
        void (*done)(void *userdata);
        void *userdata;
};

static const char *const hook_kind_table[] = {
        [HOOK_STATE] = "state",
        [HOOK_CRASH] = "crash",
        [HOOK_CONDITION] = "condition",
};
DEFINE_STRING_TABLE(hook_kind, HookKind, HOOK_KIND_MAX);

/* ---- the queue ---- */

static void entry_done(Entry *e) {
        free(e->from);
        free(e->to);
        free(e->verdict);
        free(e->detail);
        *e = (Entry){};
}

static void remove_entry(Hooks *h, size_t i) {
        entry_done(&h->queue[i]);
        h->n--;
        memmove(&h->queue[i], &h->queue[i + 1], (h->n - i) * sizeof(Entry));
}

/* One line, and not too long for an environment. */
static char *clean(const char *text) {
        char *copy = strndup(text ?: "", DETAIL_MAX);

        for (char *p = copy; p && *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = ' ';
        return copy;
}

static int entry_fill(Entry *e, const HookEvent *from) {
        *e = (Entry){ .kind = from->kind,
                      .condition = from->condition,
                      .from = clean(from->from),
                      .to = clean(from->to),
                      .verdict = clean(from->verdict),
                      .detail = clean(from->detail),
                      .when = now_usec(CLOCK_REALTIME),
                      .count = 1 };
        if (e->from && e->to && e->verdict && e->detail)
                return 0;
        entry_done(e);
        return -ENOMEM;
}

static bool same_kind(const Entry *e, const HookEvent *event) {
        return e->kind == event->kind &&
               (e->kind != HOOK_CONDITION || streq(e->condition, event->condition));
}

static void add(Hooks *h, const HookEvent *event) {
        unsigned count = 0;
        Entry e;

        if (entry_fill(&e, event) < 0) {
                log_oom();
                return;
        }
        for (size_t i = h->n; i-- > 0;)
                if (same_kind(&h->queue[i], event)) {
                        count += h->queue[i].count;
                        remove_entry(h, i);
                }
        assert(h->n < QUEUE_MAX); /* one for each kind and condition */
        e.count += count;
        h->queue[h->n++] = e;
}

/* ---- running it ---- */

static void go_on(Hooks *h);

/* The first failure of a command is told, and then how many there were. */
static void warn(Hooks *h, const char *why) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        const char *command = (*h->config)->notify_command.v[0];
        bool same = h->blamed && streq(h->blamed, command);

        if (same && usec_sub(now, h->warned) < WARN_AGAIN) {
                h->unsaid++;
                log_debug("Command=%s: %s", command, why);
                return;
        }
        log_warning("Command=%s: %s; failures since the last such message: %u", command, why,
                    h->unsaid + 1);
        (void) free_and_strdup(&h->blamed, command);
        h->warned = now;
        h->unsaid = 0;
}

static char *explain(const Hooks *h, int status) {
        const char *sep = h->said[0] ? ": " : "";

        if (status == HELPER_LATE || status == NOTIFY_LATE)
                return strfmt("killed after Timeout=%s%s%s",
                              FORMAT_TIMESPAN((*h->config)->notify_timeout), sep, h->said);
        if (status == HELPER_KILLED)
                return strfmt("killed%s%s", sep, h->said);
        if (status > NOTIFY_SIGNAL)
                return strfmt("ended by signal %d%s%s", status - NOTIFY_SIGNAL, sep, h->said);
        return strfmt("failed with exit status %d%s%s", status, sep, h->said);
}

static void on_line(const char *text, void *userdata) {
        Hooks *h = userdata;

        snprintf(h->said, sizeof(h->said), "%s", text);
        log_debug("Command=: it says: %s", text);
}

static void on_ended(int status, void *userdata) {
        Hooks *h = userdata;

        h->running = helper_free(h->running);
        if (status != 0 && (*h->config)->notify_command.n > 0) {
                _cleanup_free_ char *why = explain(h, status);

                warn(h, why ?: "failed");
        }
        go_on(h);
}

static int make_environment(const Hooks *h, const Entry *e, Strv *ret) {
        int r;

        if ((r = strv_push(ret, "PATH=" HOOK_PATH)) < 0 ||
            (r = strv_pushf(ret, "UMLD_NAME=%s", (*h->config)->name)) < 0 ||
            (r = strv_pushf(ret, "UMLD_EVENT=%s", hook_kind_to_string(e->kind))) < 0 ||
            (r = strv_pushf(ret, "UMLD_CONDITION=%s", e->condition ?: "")) < 0 ||
            (r = strv_pushf(ret, "UMLD_FROM=%s", e->from)) < 0 ||
            (r = strv_pushf(ret, "UMLD_TO=%s", e->to)) < 0 ||
            (r = strv_pushf(ret, "UMLD_VERDICT=%s", e->verdict)) < 0 ||
            (r = strv_pushf(ret, "UMLD_DETAIL=%s", e->detail)) < 0 ||
            (r = strv_pushf(ret, "UMLD_TIME=%" PRIu64, e->when / USEC_PER_SEC)) < 0)
                return r;
        return strv_pushf(ret, "UMLD_COUNT=%u", e->count);
}

static int make_command(const Config *c, Strv *ret) {
        int r;

        if ((r = strv_push(ret, "umld-notify")) < 0 || (r = strv_push(ret, c->notify_user)) < 0 ||
            (r = strv_pushf(ret, "%" PRIu64, c->notify_timeout)) < 0)
                return r;
        return strv_copy(ret, &c->notify_command);
}

static int start(Hooks *h, const Entry *e) {
        _cleanup_strv_ Strv argv = {}, environment = {};
        const Config *c = *h->config;
        int r;

        if ((r = make_command(c, &argv)) < 0 || (r = make_environment(h, e, &environment)) < 0)
                return r;
        h->said[0] = '\0';
        return helper_start(
                h->event,
                &(const HelperOrder){ .program = h->program,
                                      .argv = argv.v,
                                      .environment = environment.v,
                                      .fd = -EBADF,
                                      .limit = usec_add(c->notify_timeout, NOTIFY_GRACE + BACKSTOP),
                                      .sandbox = true,
                                      .line = on_line,
                                      .ended = on_ended,
                                      .userdata = h },
                &h->running);
}

static void run_first(Hooks *h) {
        int r = start(h, &h->queue[0]);

        if (r < 0) {
                _cleanup_free_ char *why = strfmt("cannot be run: %s", strerror(-r));

                warn(h, why ?: "cannot be run");
        }
        remove_entry(h, 0);
}

static void finished(Hooks *h) {
        void (*done)(void *userdata) = h->done;

        h->done = NULL;
        h->limit = sd_event_source_disable_unref(h->limit);
        if (done)
                done(h->userdata);
}

static void go_on(Hooks *h) {
        while (h->n > 0 && (*h->config)->notify_command.n == 0) /* a reload has removed it */
                remove_entry(h, 0);
        while (h->n > 0 && !h->running)
                run_first(h);
        if (!h->running)
                finished(h);
}

/* ---- what is told ---- */

/* The state that a condition had before; the table knows a state as long as it is not the good one.
 */
static const char *condition_before(Hooks *h, const HookEvent *e, char **ret_free) {
        for (size_t i = 0; i < HOOK_CONDITIONS_MAX; i++) {
                if (h->conditions[i].name && !streq(h->conditions[i].name, e->condition))
                        continue;
                *ret_free = h->conditions[i].state;
                h->conditions[i].name = e->condition;
                h->conditions[i].state = strdup(e->to);
                break;
        }
        return *ret_free ?: "ok";
}

void hooks_tell(Hooks *h, const HookEvent *e) {
        _cleanup_free_ char *before = NULL;
        HookEvent event = *e;

        if (!h)
                return;
        if (e->kind == HOOK_CONDITION)
                event.from = condition_before(h, e, &before);
        if ((*h->config)->notify_command.n == 0)
                return;
        add(h, &event);
        go_on(h);
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
        Hooks *h = userdata;

        (void) s;
        (void) usec;
        if ((*h->config)->notify_command.n > 0)
                warn(h, "still running when umld ended, and killed");
        finished(h);
        return 0;
}

void hooks_finish(Hooks *h, void (*done)(void *userdata), void *userdata) {
        if (!h || !h->running ||
            timer_new(h->event, "last-command", LAST_WAIT, 0, on_limit, h, &h->limit) < 0) {
                done(userdata);
                return;
        }
        h->done = done;
        h->userdata = userdata;
}

/* ---- life ---- */

int hooks_new(sd_event *event, Config *const *config, Hooks **ret) {
        _cleanup_(hooks_freep) Hooks *h = calloc(1, sizeof(*h));
        int r;

        if (!h)
                return -ENOMEM;
        h->event = sd_event_ref(event);
        h->config = config;
        r = companion_find(COMPANION_NOTIFY, &h->program);
        if (r == -ENOMEM) /* if it is missing, that is said when there is a command to be run */
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

Hooks *hooks_free(Hooks *h) {
        if (!h)
                return NULL;
        helper_free(h->running);
        sd_event_source_disable_unref(h->limit);
        while (h->n > 0)
                remove_entry(h, 0);
        FOREACH_ELEMENT (c, h->conditions)
                free(c->state);
        free(h->blamed);
        free(h->program);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}
