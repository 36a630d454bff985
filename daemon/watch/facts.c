/* SPDX-License-Identifier: GPL-2.0-or-later */
/* facts.c - asks the guest's kernel what it runs with, and keeps the answers. */

#include "daemon/watch/facts.h"
#include "basic/string-util.h"
#include "daemon/base/timer.h"
#include "daemon/boot/mconsole.h"
#include "host/hostmem.h"

/* The timer's accuracy lets it share wake-ups with the heartbeat and others. A look wakes an idle
 * umld five times, so it is rare while nobody asks. */
#define LOOK_SECOND (3 * USEC_PER_SEC) /* when init may have applied the settings of the image */
#define LOOK_AGAIN  USEC_PER_MINUTE
#define ACCURACY    (2 * USEC_PER_SEC)
#define FRESH       USEC_PER_SEC /* answers that need not be asked for again */

struct FactsWatch {
        sd_event *event;
        sd_event_source *timer;
        GuestProcess *process;
        FactsMayAsk may_ask;
        void *userdata;
        MconsoleCall *call;
        size_t question; /* the one that is being asked */
        usec_t asked;    /* CLOCK_MONOTONIC, the first one */
        GuestFacts facts;
};

/* ---- the questions, and what is made of the answers ---- */

static const char digits[] = "0123456789", small_letters[] = "abcdefghijklmnopqrstuvwxyz";

/* Copies a single word of small letters, digits, "_" and "-". */
static void take_name(char *ret, size_t size, const char *text) {
        char allowed[sizeof(digits) + sizeof(small_letters) + 2];
        size_t n;

        snprintf(allowed, sizeof(allowed), "%s%s_-", digits, small_letters);
        text += strspn(text, "\n");
        n = strspn(text, allowed);
        if (n > 0 && n < size && text[n + strspn(text + n, "\n")] == '\0')
                snprintf(ret, size, "%.*s", (int) n, text);
}

static void take_congestion_control(GuestFacts *f, const char *text) {
        take_name(f->congestion_control, sizeof(f->congestion_control), text);
}

static void take_qdisc(GuestFacts *f, const char *text) {
        take_name(f->qdisc, sizeof(f->qdisc), text);
}

/* The length of "0.12", 0 if it is something else. */
static size_t number_length(const char *text) {
        size_t whole = strspn(text, digits), part;

        if (whole == 0 || text[whole] != '.')
                return 0;
        part = strspn(text + whole + 1, digits);
        return part > 0 ? whole + 1 + part : 0;
}

/* "0.12 0.05 0.01 1/41 191": the first three. */
static void take_load(GuestFacts *f, const char *text) {
        size_t length = 0;

        text += strspn(text, "\n");
        for (unsigned i = 0; i < 3; i++) {
                size_t n = number_length(text + length);

                if (n == 0 || text[length + n] != ' ')
                        return;
                length += n + 1;
        }
        if (length <= sizeof(f->load))
                snprintf(f->load, sizeof(f->load), "%.*s", (int) length - 1, text);
}

static void take_memory(GuestFacts *f, const char *text) {
        uint64_t total, available;

        if (meminfo_field(text, "MemTotal", &total) < 0 ||
            meminfo_field(text, "MemAvailable", &available) < 0)
                return;
        f->memory = total;
        f->memory_available = available;
}

static const struct {
        const char *command;
        void (*take)(GuestFacts *f, const char *text);
} questions[] = {
        { "proc sys/net/ipv4/tcp_congestion_control", take_congestion_control },
        { "proc sys/net/core/default_qdisc", take_qdisc },
        { "proc loadavg", take_load },
        { "proc meminfo", take_memory },
};

void facts_take(GuestFacts *f, const char *command, const char *text) {
        FOREACH_ELEMENT (q, questions)
                if (streq(q->command, command))
                        q->take(f, text);
}

/* ---- asking, one after the other ---- */

static void ask(FactsWatch *w);

static void on_answer(int error, const char *text, size_t size, bool whole, void *userdata) {
        FactsWatch *w = userdata;
        _cleanup_free_ char *copy = error == 0 ? strndup(text, size) : NULL;

        (void) whole;   /* the facts are at the beginning */
        w->call = NULL; /* frees itself */
        if (copy)
                facts_take(&w->facts, questions[w->question].command, copy);
        w->question++;
        if (error != -ETIMEDOUT)
                ask(w);
}

static void ask(FactsWatch *w) {
        int fd;

        if (w->question >= ARRAY_SIZE(questions))
                return;
        fd = guest_process_mconsole(w->process);
        if (fd >= 0) /* if not, there is always a next time */
                (void) mconsole_call(w->event, fd, questions[w->question].command, on_answer, w,
                                     &w->call);
}

static void ask_all(FactsWatch *w) {
        if (w->call || !w->may_ask(w->userdata))
                return;
        w->question = 0;
        w->asked = now_usec(CLOCK_MONOTONIC);
        ask(w);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        ask_all(userdata);
        return timer_arm(s, LOOK_AGAIN);
}

FactsWatch *facts_watch_free(FactsWatch *w) {
        if (!w)
                return NULL;
        mconsole_call_free(w->call);
        sd_event_source_disable_unref(w->timer);
        free(w);
        return NULL;
}

int facts_watch_new(sd_event *event, GuestProcess *p, FactsMayAsk may_ask, void *userdata,
                    FactsWatch **ret) {
        _cleanup_(facts_watch_freep) FactsWatch *w = calloc(1, sizeof(*w));
        int r;

        if (!w)
                return -ENOMEM;
        *w = (FactsWatch){ .event = event, .process = p, .may_ask = may_ask, .userdata = userdata };
        ask(w);
        r = timer_new(event, "guest-facts", LOOK_SECOND, ACCURACY, on_timer, w, &w->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

const GuestFacts *facts_watch_get(FactsWatch *w) {
        static const GuestFacts nothing;

        if (!w)
                return &nothing;
        if (now_usec(CLOCK_MONOTONIC) >= usec_add(w->asked, FRESH))
                ask_all(w);
        return &w->facts;
}
