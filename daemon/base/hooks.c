/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hooks.c - runs the command of [Notify], and queues what it is to be told meanwhile. */

#include <inttypes.h>

#include "api/notify-protocol.h"
#include "basic/log.h"
#include "basic/string-table.h"
#include "basic/string-util.h"
#include "daemon/base/companions.h"
#include "daemon/base/hooks-parts.h"
#include "daemon/base/timer.h"

#define WARN_AGAIN USEC_PER_MINUTE     /* not more often than that */
#define LAST_WAIT  (5 * USEC_PER_SEC)  /* at the end of umld */
#define BACKSTOP   (10 * USEC_PER_SEC) /* umld-notify has ended long before */

#define HOOK_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *const hook_kind_table[] = {
        [HOOK_STATE] = "state",
        [HOOK_CRASH] = "crash",
        [HOOK_CONDITION] = "condition",
};
DEFINE_STRING_TABLE(hook_kind, HookKind, HOOK_KIND_MAX);

/* ---- the queue ---- */

static void entry_done(HookEntry *e) {
        free(e->from);
        free(e->to);
        free(e->verdict);
        free(e->detail);
        *e = (HookEntry){};
}

static void remove_entry(Hooks *h, size_t i) {
        entry_done(&h->queue[i]);
        h->n--;
        memmove(&h->queue[i], &h->queue[i + 1], (h->n - i) * sizeof(HookEntry));
}

/* One line, and not too long for an environment. */
static char *clean(const char *text) {
        char *copy = strndup(text ?: "", HOOK_DETAIL_MAX);

        for (char *p = copy; p && *p; p++)
                if ((unsigned char) *p < ' ' || *p == 0x7f)
                        *p = ' ';
        return copy;
}

int hook_entry_fill(HookEntry *e, const HookEvent *from) {
        *e = (HookEntry){ .kind = from->kind,
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

static bool same_kind(const HookEntry *a, const HookEntry *b) {
        return a->kind == b->kind && (a->kind != HOOK_CONDITION || a->condition == b->condition);
}

/* Takes what e owns. */
void hooks_add(Hooks *h, HookEntry *e) {
        for (size_t i = h->n; i-- > 0;)
                if (same_kind(&h->queue[i], e)) {
                        e->count += h->queue[i].count;
                        remove_entry(h, i);
                }
        assert(h->n < HOOK_QUEUE_MAX); /* one for each kind and condition */
        h->queue[h->n++] = *e;
}

static void tell_of_change(const Hooks *h) {
        if (h->changed)
                h->changed(h->changed_userdata);
}

/* Its place in the table of conditions, which gets it if it is new; -ENOSPC. */
int hooks_find_condition(Hooks *h, const char *name) {
        for (int i = 0; i < HOOK_CONDITIONS_MAX; i++) {
                if (!h->conditions[i].name)
                        h->conditions[i].name = strdup(name);
                if (streq(h->conditions[i].name ?: "", name))
                        return i;
        }
        return -ENOSPC;
}

/* ---- running it ---- */

/* The first failure of a command is told, and then how many there were. */
static void warn(Hooks *h, const char *why) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        const char *command = h->command ?: (*h->config)->notify_command.v[0];
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
        entry_done(&h->current);
        tell_of_change(h);
        if (status != 0 && (*h->config)->notify_command.n > 0) {
                _cleanup_free_ char *why = explain(h, status);

                warn(h, why ?: "failed");
        }
        hooks_go_on(h);
}

static int make_environment(const Hooks *h, const HookEntry *e, Strv *ret) {
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

static int start(Hooks *h, const HookEntry *e) {
        _cleanup_strv_ Strv argv = {}, environment = {};
        const Config *c = *h->config;
        int r;

        /* A reload may have another one by the time that this one fails. */
        if ((r = free_and_strdup(&h->command, c->notify_command.v[0])) < 0 ||
            (r = make_command(c, &argv)) < 0 || (r = make_environment(h, e, &environment)) < 0)
                return r;
        h->said[0] = '\0';
        h->until = usec_add(now_usec(CLOCK_MONOTONIC),
                            usec_add(c->notify_timeout, NOTIFY_GRACE + BACKSTOP));
        return helper_start(
                h->event,
                &(const HelperOrder){ .program = h->program,
                                      .argv = argv.v,
                                      .environment = environment.v,
                                      .fd = -EBADF,
                                      .limit = usec_sub(h->until, now_usec(CLOCK_MONOTONIC)),
                                      .sandbox = true,
                                      .line = on_line,
                                      .ended = on_ended,
                                      .userdata = h },
                &h->running);
}

int hooks_adopt_command(Hooks *h, pid_t pid, int output) {
        usec_t left = usec_sub(h->until, now_usec(CLOCK_MONOTONIC));

        return helper_adopt(
                h->event,
                &(const HelperOrder){
                        .limit = left, .line = on_line, .ended = on_ended, .userdata = h },
                pid, output, &h->running);
}

static void run_first(Hooks *h) {
        HookEntry first = h->queue[0];
        int r = start(h, &first);

        h->queue[0] = (HookEntry){}; /* ours now */
        remove_entry(h, 0);
        if (r >= 0) {
                h->current = first;
        } else {
                _cleanup_free_ char *why = strfmt("cannot be run: %s", strerror(-r));

                warn(h, why ?: "cannot be run");
                entry_done(&first);
        }
        tell_of_change(h);
}

static void finished(Hooks *h) {
        void (*done)(void *userdata) = h->done;

        h->done = NULL;
        h->limit = sd_event_source_disable_unref(h->limit);
        if (done)
                done(h->userdata);
}

void hooks_go_on(Hooks *h) {
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
static const char *condition_before(Hooks *h, HookEvent *e, char **ret_free) {
        int i = hooks_find_condition(h, e->condition);

        if (i < 0)
                return "ok";
        *ret_free = h->conditions[i].state;
        h->conditions[i].state = strdup(e->to);
        e->condition = h->conditions[i].name;
        return *ret_free ?: "ok";
}

void hooks_tell(Hooks *h, const HookEvent *e) {
        _cleanup_free_ char *before = NULL;
        HookEvent event = *e;
        HookEntry entry;

        if (!h)
                return;
        if (e->kind == HOOK_CONDITION)
                event.from = condition_before(h, &event, &before);
        tell_of_change(h);
        if ((*h->config)->notify_command.n == 0)
                return;
        if (hook_entry_fill(&entry, &event) < 0) {
                log_oom();
                return;
        }
        hooks_add(h, &entry);
        hooks_go_on(h);
}

static int on_limit(sd_event_source *s, uint64_t usec, void *userdata) {
        Hooks *h = userdata;

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

void hooks_on_change(Hooks *h, void (*changed)(void *userdata), void *userdata) {
        h->changed = changed;
        h->changed_userdata = userdata;
}

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
        free(h->command);
        sd_event_source_disable_unref(h->limit);
        while (h->n > 0)
                remove_entry(h, 0);
        entry_done(&h->current);
        FOREACH_ELEMENT (c, h->conditions) {
                free(c->name);
                free(c->state);
        }
        free(h->blamed);
        free(h->program);
        sd_event_unref(h->event);
        free(h);
        return NULL;
}
