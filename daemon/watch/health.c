/* SPDX-License-Identifier: GPL-2.0-or-later */
/* health.c - sends the requests of the heartbeat, and observes the kernel from outside. */

#include <sys/socket.h>

#include "basic/cleanup.h"
#include "basic/log.h"
#include "basic/process.h"
#include "daemon/base/timer.h"
#include "daemon/watch/health.h"
#include "uml/mconsole-client.h"

#define TIMER_ACCURACY (250 * USEC_PER_MSEC)

struct HealthWatch {
        const Config *config;
        GuestProcess *process;
        Heartbeat beat;
        Latencies *latencies;
        HealthHung hung;
        void *userdata;
        int fd; /* a connection of its own, so that replies to others cannot be taken for ours */
        sd_event_source *timer, *answers;
        GuestHealth logged; /* the grade that was logged last */
};

static HeartbeatRule rule_of(const HealthWatch *w) {
        return (HeartbeatRule){ .check = w->config->hang_check,
                                .timeout = w->config->hang_timeout };
}

static const char *explain(const HealthWatch *w, char buf[static 160]) {
        switch (w->beat.health) {
        case HEALTH_STALLED:
                snprintf(buf, 160,
                         "the guest's kernel has not responded for %s; at %s it counts as hung",
                         FORMAT_TIMESPAN(w->beat.silent), FORMAT_TIMESPAN(w->config->hang_timeout));
                break;
        case HEALTH_STOPPED:
                snprintf(buf, 160,
                         "the guest's kernel was stopped from outside, waiting; `kill -CONT %d` "
                         "continues it",
                         guest_process_pid(w->process));
                break;
        case HEALTH_STARVED:
                snprintf(buf, 160, "the host does not schedule the guest's kernel, nor umld");
                break;
        case HEALTH_GOOD:
        case HEALTH_BUSY:
                snprintf(buf, 160, "the guest's kernel responds again");
                break;
        case HEALTH_UNKNOWN:
        case HEALTH_BOOTING:
        case HEALTH_HUNG:
        case HEALTH_FROZEN:
        case GUEST_HEALTH_MAX:
        case GUEST_HEALTH_INVALID:
                return NULL; /* logged with the change of state */
        }
        return buf;
}

static bool is_well(GuestHealth h) {
        return h == HEALTH_UNKNOWN || h == HEALTH_GOOD || h == HEALTH_BUSY;
}

/* Once for each change between healthy and not healthy, or of the reason. */
static void log_change(HealthWatch *w) {
        GuestHealth now = w->beat.health;
        char buf[160];
        const char *text;

        if (now == w->logged || (is_well(now) && is_well(w->logged)))
                return;
        w->logged = now;
        text = explain(w, buf);
        if (text)
                log_full(is_well(now) ? LOG_NOTICE : LOG_WARNING, "%s", text);
}

static void take_answer(HealthWatch *w) {
        bool asked = w->beat.asked > 0;

        heartbeat_answered(&w->beat, now_usec(CLOCK_MONOTONIC));
        if (asked)
                latencies_add(w->latencies, w->beat.latency);
}

static void read_answers(HealthWatch *w) {
        char buf[MCONSOLE_DATAGRAM_MAX];
        MconsoleReply reply;
        ssize_t n;

        while ((n = recv(w->fd, buf, sizeof(buf), MSG_DONTWAIT)) >= 0)
                if (mconsole_parse_reply(buf, (size_t) n, &reply) >= 0)
                        take_answer(w);
        if (errno != EAGAIN &&
            errno != EINTR) /* it is gone, which the end of its process will report */
                (void) sd_event_source_set_enabled(w->answers, SD_EVENT_OFF);
}

static int on_answers(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        HealthWatch *w = userdata;

        read_answers(w);
        log_change(w);
        return 0;
}

static void ask(HealthWatch *w) {
        int r = mconsole_send(w->fd, "version");

        /* -EAGAIN: its queue is full, because it does not read. */
        heartbeat_asked(&w->beat, now_usec(CLOCK_MONOTONIC), r >= 0);
        if (r < 0)
                log_debug_errno(r, "cannot send the heartbeat to the guest's kernel: %m");
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        HealthWatch *w = userdata;
        const HeartbeatRule rule = rule_of(w);
        HeartbeatSight seen = {};
        HeartbeatAdvice advice;
        int r;

        read_answers(w); /* one that has arrived in time counts, whatever the order of events */
        (void) process_activity(guest_process_pid(w->process), &seen.process_state, &seen.cpu);
        seen.now = now_usec(CLOCK_MONOTONIC);
        advice = heartbeat_tick(&w->beat, &rule, &seen);
        if (advice == HEARTBEAT_ASK)
                ask(w);
        log_change(w);
        r = sd_event_source_set_time(s, w->beat.due);
        if (r >= 0)
                r = sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        if (r < 0) {
                log_error_errno(r, "cannot set the heartbeat's timer: %m");
                return sd_event_exit(sd_event_source_get_event(s), r);
        }
        if (advice == HEARTBEAT_HUNG) {
                char why[96];

                snprintf(why, sizeof(why), "no response from the kernel for %s",
                         FORMAT_TIMESPAN(w->beat.silent / USEC_PER_MSEC * USEC_PER_MSEC));
                w->hung(why, w->userdata); /* may free w */
        }
        return 0;
}

HealthWatch *health_watch_free(HealthWatch *w) {
        if (!w)
                return NULL;
        sd_event_source_disable_unref(w->timer);
        sd_event_source_disable_unref(w->answers);
        (void) mconsole_close(w->fd);
        free(w);
        return NULL;
}

static int watch(HealthWatch *w, sd_event *event) {
        int r;

        if ((r = sd_event_add_io(event, &w->answers, w->fd, EPOLLIN, on_answers, w)) < 0 ||
            (r = timer_new(event, "heartbeat", 0,
                           MIN(TIMER_ACCURACY, w->config->hang_check / 8 + 1), on_timer, w,
                           &w->timer)) < 0)
                return r;
        (void) sd_event_source_set_description(w->answers, "heartbeat-answers");
        return 0;
}

int health_watch_new(sd_event *event, GuestProcess *p, const Config *c, Latencies *latencies,
                     HealthHung hung, void *userdata, HealthWatch **ret) {
        _cleanup_(health_watch_freep) HealthWatch *w = NULL;
        int r;

        if (c->hang_check == 0) {
                *ret = NULL;
                return 0;
        }
        w = calloc(1, sizeof(*w));
        if (!w)
                return -ENOMEM;
        *w = (HealthWatch){ .config = c,
                            .process = p,
                            .latencies = latencies,
                            .hung = hung,
                            .userdata = userdata };
        w->fd = guest_process_mconsole(p);
        if (w->fd < 0)
                return w->fd;
        r = watch(w, event);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(w);
        return 0;
}

GuestHealth health_watch_grade(const HealthWatch *w) {
        return w ? w->beat.health : HEALTH_UNKNOWN;
}

usec_t health_watch_latency(const HealthWatch *w) {
        return w ? w->beat.latency : 0;
}
