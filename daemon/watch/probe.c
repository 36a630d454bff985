/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probe.c - probes services in the guest. */

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "daemon/base/probe-http.h"
#include "daemon/base/timer.h"
#include "daemon/watch/probe.h"
#include "host/egress.h"

#define TIMER_ACCURACY (250 * USEC_PER_MSEC)

enum {
        ERROR_MAX = 120,
};

typedef struct Attempt {
        ProbeSet *set;
        Probe probe;
        ProbeGrade grade;
        char error[ERROR_MAX];
        sd_event_source *timer; /* of the next attempt or, during one, of its timeout */
        sd_event_source *io;
        int fd; /* during an attempt */
        usec_t began;
        bool connected;
        bool asked; /* the request has been sent */
        char answer[PROBE_ANSWER_MAX];
        size_t size;
} Attempt;

struct ProbeSet {
        sd_event *event;
        ProbeListener listener;
        ProbeRule rule;
        struct in_addr address;
        char tap[IFNAMSIZ];
        Attempt attempts[CONFIG_PROBES_MAX];
        size_t n;
};

static void set_timer(Attempt *a, usec_t at) {
        int r = sd_event_source_set_time(a->timer, at);

        if (r >= 0)
                r = sd_event_source_set_enabled(a->timer, SD_EVENT_ONESHOT);
        if (r < 0)
                log_error_errno(r, "cannot set a probe's timer: %m");
}

static void close_attempt(Attempt *a) {
        a->io = sd_event_source_disable_unref(a->io);
        a->fd = safe_close(a->fd);
        a->connected = a->asked = false;
        a->size = 0;
}

static void succeed(Attempt *a) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        bool again = a->grade.state == PROBE_FAILING || a->grade.state == PROBE_UNASKED;
        char text[PROBE_TEXT_MAX];

        close_attempt(a);
        probe_answered(&a->grade, a->began, now);
        a->error[0] = '\0';
        if (again)
                log_notice("probe %s: the service answers again", probe_format(&a->probe, text));
        set_timer(a, probe_next(&a->set->rule, a->began, now));
}

/* The host itself is in the way: the guest is not to blame. */
static void put_off(Attempt *a, int error) {
        const char *why = egress_explain(error);
        bool firewall = error == -EPERM || error == -EACCES;
        usec_t now = now_usec(CLOCK_MONOTONIC);
        bool known = a->grade.state == PROBE_UNASKED && streq(a->error, why);
        char text[PROBE_TEXT_MAX];

        close_attempt(a);
        snprintf(a->error, sizeof(a->error), "%s", why);
        probe_unasked(&a->grade, now);
        set_timer(a, probe_next(&a->set->rule, a->began, now));
        if (!known)
                log_warning("probe %s: cannot be asked: %s%s%s%s; the guest is not restarted for "
                            "that",
                            probe_format(&a->probe, text), why,
                            !firewall          ? ""
                            : error == -EACCES ? "; accept what comes in by "
                                               : "; accept what goes out by ",
                            firewall ? a->set->tap : "", firewall ? " there" : "");
}

/* What the host's own stack says to a connection like that; 0 = the guest did not answer it, or
 * this cannot be told. */
static int try_host(const Attempt *a, int error) {
        const IpAddress guest = { .v4 = a->set->address };

        return a->connected ? 0 : egress_judge(a->fd, error, &guest, a->probe.port);
}

/* error: negative errno, or the invalid status. May free the set. */
static void fail(Attempt *a, int error, const char *answer) {
        const ProbeListener *l = &a->set->listener;
        usec_t now = now_usec(CLOCK_MONOTONIC);
        ProbeState before = a->grade.state;
        char text[PROBE_TEXT_MAX], why[PROBE_TEXT_MAX + ERROR_MAX + 64];
        int own = try_host(a, error);
        bool hung;

        if (own < 0) {
                put_off(a, own);
                return;
        }
        close_attempt(a);
        snprintf(a->error, sizeof(a->error), "%s", answer ?: strerror(-error));
        hung = probe_failed(&a->grade, &a->set->rule, a->began, now, l->excused(l->userdata));
        set_timer(a, probe_next(&a->set->rule, a->began, now));
        probe_format(&a->probe, text);
        if (a->grade.state == PROBE_FAILING && before != PROBE_FAILING)
                log_warning("probe %s: %s; if this lasts for %s the guest will be shut down and "
                            "restarted",
                            text, a->error, FORMAT_TIMESPAN(a->set->rule.timeout));
        if (!hung)
                return;
        snprintf(why, sizeof(why), "probe %s failed %u times in %s: %s", text, a->grade.failures,
                 FORMAT_TIMESPAN(a->grade.failing / USEC_PER_MSEC * USEC_PER_MSEC), a->error);
        l->sick(why, l->userdata);
}

static int send_request(Attempt *a) {
        char request[PROBE_REQUEST_MAX];
        const size_t n = probe_http_request(&a->probe, a->set->address, request);
        ssize_t sent = send(a->fd, request, n, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (sent < 0)
                return -errno;
        if ((size_t) sent < n) /* a new socket has space for that */
                return -ENOBUFS;
        a->asked = true;
        return RET_NERRNO(sd_event_source_set_io_events(a->io, EPOLLIN));
}

/* The connection attempt has finished. */
static void take_connection(Attempt *a) {
        socklen_t size = sizeof(int);
        int error = 0, r;

        if (getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
                error = errno;
        if (error != 0) {
                fail(a, -error, NULL);
                return;
        }
        a->connected = true;
        if (a->probe.kind == PROBE_TCP) {
                succeed(a);
                return;
        }
        r = send_request(a);
        if (r < 0)
                fail(a, r, NULL);
}

static void take_answer(Attempt *a) {
        ssize_t n = recv(a->fd, a->answer + a->size, sizeof(a->answer) - a->size, MSG_DONTWAIT);
        char text[ERROR_MAX];
        int status;

        if (n < 0) {
                if (errno != EAGAIN && errno != EINTR)
                        fail(a, -errno, NULL);
                return;
        }
        a->size += (size_t) n;
        status = probe_http_status(a->answer, a->size);
        if (status == 0 && n > 0)
                return;
        if (status > 0 && probe_http_good(status)) {
                succeed(a);
                return;
        }
        snprintf(text, sizeof(text),
                 status > 0 ? "the web server returned status %d" : "not an answer of a web server",
                 status);
        fail(a, -EBADMSG, text);
}

static int on_io(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Attempt *a = userdata;

        if (a->asked)
                take_answer(a);
        else
                take_connection(a);
        return 0;
}

/* Both -EINPROGRESS and 0 mean that an event will follow. */
static int begin_connection(Attempt *a) {
        const struct sockaddr_in to = { .sin_family = AF_INET,
                                        .sin_port = htons(a->probe.port),
                                        .sin_addr = a->set->address };
        int r;

        a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (a->fd < 0)
                return -errno;
        r = RET_NERRNO(connect(a->fd, (const struct sockaddr *) &to, sizeof(to)));
        if (r < 0 && r != -EINPROGRESS)
                return r;
        return sd_event_add_io(a->set->event, &a->io, a->fd, EPOLLOUT, on_io, a);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        Attempt *a = userdata;
        char text[ERROR_MAX];
        int r;

        if (a->fd >= 0) {
                snprintf(text, sizeof(text), "no answer within %s",
                         FORMAT_TIMESPAN(probe_limit(&a->set->rule)));
                fail(a, -ETIMEDOUT, text);
                return 0;
        }
        a->began = now_usec(CLOCK_MONOTONIC);
        set_timer(a, usec_add(a->began, probe_limit(&a->set->rule)));
        r = begin_connection(a);
        if (r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS || r == -EADDRNOTAVAIL) {
                log_debug_errno(r, "cannot run a probe now: %m");
                close_attempt(
                        a); /* the timer starts the next attempt; this is not the guest's fault */
        } else if (r < 0)
                fail(a, r, NULL);
        return 0;
}

/* ---- life cycle ---- */

ProbeSet *probe_set_free(ProbeSet *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n; i++) {
                close_attempt(&s->attempts[i]);
                sd_event_source_disable_unref(s->attempts[i].timer);
        }
        sd_event_unref(s->event);
        free(s);
        return NULL;
}

int probe_set_new(sd_event *event, const Config *c, const ProbeListener *listener, ProbeSet **ret) {
        _cleanup_(probe_set_freep) ProbeSet *s = NULL;
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (c->n_probes == 0 || c->hang_check == 0) {
                *ret = NULL;
                return 0;
        }
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->event = sd_event_ref(event);
        s->listener = *listener;
        s->address = c->guest_address;
        strcpy(s->tap, c->tap);
        s->rule = (ProbeRule){ .check = c->hang_check,
                               .timeout = c->hang_timeout,
                               .grace_end = usec_add(now, c->start_timeout) };
        for (; s->n < c->n_probes; s->n++) {
                Attempt *a = &s->attempts[s->n];
                int r;

                *a = (Attempt){ .set = s, .probe = c->probes[s->n], .fd = -EBADF };
                r = timer_new(event, "probe", 0, MIN(TIMER_ACCURACY, c->hang_check / 8 + 1),
                              on_timer, a, &a->timer);
                if (r < 0)
                        return r;
        }
        *ret = TAKE_PTR(s);
        return 0;
}

/* ---- status ---- */

size_t probe_set_count(const ProbeSet *s) {
        return s ? s->n : 0;
}

const Probe *probe_set_probe(const ProbeSet *s, size_t i) {
        return &s->attempts[i].probe;
}

const ProbeGrade *probe_set_grade(const ProbeSet *s, size_t i) {
        return &s->attempts[i].grade;
}

const char *probe_set_error(const ProbeSet *s, size_t i) {
        return s->attempts[i].error;
}

const char *probe_set_state(const ProbeSet *s) {
        static const ProbeState worst_first[] = { PROBE_FAILING, PROBE_UNASKED, PROBE_WAITING,
                                                  PROBE_GOOD };

        FOREACH_ELEMENT (state, worst_first)
                for (size_t i = 0; i < probe_set_count(s); i++)
                        if (s->attempts[i].grade.state == *state)
                                return probe_state_to_string(*state);
        return "";
}

usec_t probe_set_latency(const ProbeSet *s) {
        usec_t slowest = 0;

        for (size_t i = 0; i < probe_set_count(s); i++)
                slowest = MAX(slowest, s->attempts[i].grade.latency);
        return slowest;
}
