/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c - monitors the memory of the running guest.
 *
 * Nothing reports that a tmpfs fills up, so it is checked by a slow timer. When the guest was
 * started its memory was available; only what others put there meanwhile can take it away, and
 * between two checks that would have to be all of it. If part of it is gone the checks are
 * frequent, and only then. The timer's accuracy allows it to be combined with other wake-ups of the
 * second (sd_event_add_time(3)). */

#include <inttypes.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"
#include "daemon/watch/memory.h"
#include "host/memfile.h"
#include "host/memfs.h"

#define LOOK_FIRST USEC_PER_SEC
#define LOOK_SLOW  (10 * USEC_PER_SEC)
#define LOOK_QUICK USEC_PER_SEC
#define LOOK_AGAIN (100 * USEC_PER_MSEC) /* another umld had the claims */
#define ACCURACY   USEC_PER_SEC

struct GuestMemory {
        sd_event *event;
        sd_event_source *timer;
        Host *host;
        MemoryPressureChanged changed;
        void *userdata;
        MemoryLooked looked; /* NULL: nobody wants to know */
        void *looked_userdata;

        GuestProcess *process; /* NULL: not running */
        bool claimed;          /* process and file are recorded with the claim */
        uint64_t claimed_held; /* so is this size of the balloon */
        uint64_t used, peak;   /* as far as was observed in this boot; 0 = not yet */
        MemoryPressure pressure;
        char *why;
        GuestBalloon balloon;
        unsigned calm;
        bool balloon_refused; /* already reported */
};

/* ---- checking ---- */

static bool look_at_file(GuestMemory *m, MemFile *ret) {
        if (!m->process || memfile_find(guest_process_pid(m->process), ret) < 0)
                return false;
        if (ret->inode == 0)
                ret->device = m->host->memory.device;
        m->used = ret->charged;
        m->peak = MAX(m->peak, m->used);
        return true;
}

/* Records for the other umlds what the guest may still take, if that has changed. */
static int note_claim(GuestMemory *m, const MemFile *file) {
        /* The guest cannot use what is in the balloon without umld. */
        uint64_t held = m->balloon.held;
        const MemoryClaim claim = { .need = m->host->memory.need - MIN(held, m->host->memory.need),
                                    .device = file->device,
                                    .inode = file->inode,
                                    .pid = guest_process_pid(m->process) };
        int r;

        if (m->claimed && m->claimed_held == held)
                return 0;
        r = memory_claims_note(m->host, &claim);
        if (r < 0)
                return r;
        m->claimed = true;
        m->claimed_held = held;
        return 0;
}

/* max_age: of what all guests together may still take. */
static int collect(GuestMemory *m, usec_t max_age, MemoryFigures *ret) {
        const HostMemory *hm = &m->host->memory;
        MemoryFigures f = {};
        MemFile file;
        MemFs fs;
        int r;

        if (!look_at_file(m, &file))
                return -ENOENT;
        r = note_claim(m, &file);
        if (r >= 0)
                r = memory_sum_get(m->host, hm->device, max_age, &f.open, &f.fs_open);
        if (r < 0)
                return r;
        if (hm->backing != BACKING_PRIVATE) {
                f.fs_path = hm->path;
                r = memfs_measure(hm->path, &fs); /* after the claims, see host/memory-shm.c */
                if (r < 0)
                        return r;
                f.fs_size = fs.size;
                f.fs_used = fs.used;
        }
        f.n_limits = host_memory_limits(&host_memory_sources, f.limits);
        *ret = f;
        return 0;
}

/* ---- acting ---- */

static void on_balloon_moved(int error, const char *why, void *userdata) {
        GuestMemory *m = userdata;

        if (error >= 0)
                log_notice("memory: the balloon now holds %" PRIu64 "M of the guest",
                           memory_mib(m->balloon.held));
        else if (error != -ECONNRESET && !m->balloon_refused)
                log_warning("memory: the balloon cannot take more: %s", why);
        m->balloon_refused = error < 0;
}

/* Would the guest find this much memory if the balloon gave it back? worst: what is tolerated. */
static int can_give_back(GuestMemory *m, uint64_t bytes, MemoryPressure worst, char **ret_why) {
        MemoryFigures f;
        bool host;
        int r;

        r = collect(m, 0, &f);
        if (r < 0)
                return r;
        f.open += bytes;
        f.fs_open += bytes;
        r = memory_judge(&f, m->pressure, ret_why, &host);
        return r < 0 ? r : r <= (int) worst;
}

static void move_by_itself(GuestMemory *m, bool pressed) {
        const BalloonState s = { .memory = m->host->config->memory,
                                 .held = m->balloon.held,
                                 .calm = m->calm,
                                 .pressed = pressed };
        int64_t bytes;

        m->calm = pressed ? 0 : m->calm + 1;
        if (m->host->config->balloon != BALLOON_AUTO)
                return;
        bytes = balloon_decide(&s);
        if (bytes < 0) {
                _cleanup_free_ char *why = NULL;

                m->calm = 0; /* step by step */
                if (can_give_back(m, (uint64_t) -bytes, PRESSURE_NONE, &why) <= 0)
                        return;
        }
        if (bytes != 0)
                (void) guest_balloon_move(&m->balloon, m->event, m->process, s.memory, bytes, true,
                                          on_balloon_moved, m);
}

/* 1 = it is larger now. */
static int grow(GuestMemory *m) {
        _cleanup_(fault_done) Fault fault = {};
        int r = memory_shm_fit(m->host, true, &fault);

        if (r == -EAGAIN)
                return r;
        if (r < 0 && !m->host->memory.grow_refused)
                log_warning("memory: %s", fault.text ?: strerror(-r));
        m->host->memory.grow_refused = r < 0;
        return r;
}

static void set_pressure(GuestMemory *m, MemoryPressure to, char *why) {
        _cleanup_free_ char *owned = why;
        MemoryPressure from = m->pressure;

        m->pressure = to;
        free(m->why);
        m->why = TAKE_PTR(owned);
        if (from == to)
                return;
        if (to > PRESSURE_NONE)
                log_warning("memory: %s", m->why);
        else if (m->process)
                log_info("memory: sufficient again");
        m->changed(from, to,
                   m->why       ? m->why
                   : m->process ? "sufficient again"
                                : "the guest is not running",
                   m->userdata);
}

static int judge(GuestMemory *m, char **ret_why, bool *ret_host) {
        /* An older sum counts twice what guests have taken since: it may say that there is enough,
         * but not that there is not. */
        static const usec_t ages[] = { LOOK_SLOW * 3 / 4, LOOK_QUICK / 2 };
        int r = PRESSURE_TIGHT;

        for (size_t i = 0; i < ARRAY_SIZE(ages) && r > PRESSURE_NONE; i++) {
                MemoryFigures f;

                free(TAKE_PTR(*ret_why));
                r = collect(m, ages[i], &f);
                if (r >= 0)
                        r = memory_judge(&f, m->pressure, ret_why, ret_host);
        }
        return r;
}

static int look(GuestMemory *m) {
        _cleanup_free_ char *why = NULL;
        bool host = false;
        int r, grown = 0;

        r = judge(m, &why, &host);
        if (r > PRESSURE_NONE && !host && m->host->memory.backing == BACKING_SHM)
                grown = grow(m);
        if (grown == -EAGAIN)
                return grown;
        if (grown > 0) {
                free(TAKE_PTR(why));
                r = judge(m, &why, &host);
        }
        if (r < 0) {
                log_debug_errno(r, "cannot check the guest's memory, retrying later: %m");
                return r;
        }
        set_pressure(m, (MemoryPressure) r, TAKE_PTR(why));
        move_by_itself(m, r > PRESSURE_NONE && host);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        GuestMemory *m = userdata;
        int r = look(m);

        if (m->looked && m->used > 0)
                m->looked(m->used, m->looked_userdata);
        (void) sd_event_source_set_time_relative(s, r == -EAGAIN                    ? LOOK_AGAIN
                                                    : m->pressure == PRESSURE_SHORT ? LOOK_QUICK
                                                                                    : LOOK_SLOW);
        return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

/* ---- life cycle ---- */

int guest_memory_new(sd_event *event, Host *host, MemoryPressureChanged changed, void *userdata,
                     GuestMemory **ret) {
        _cleanup_(guest_memory_freep) GuestMemory *m = calloc(1, sizeof(*m));
        int r;

        if (!m)
                return -ENOMEM;
        m->event = sd_event_ref(event);
        m->host = host;
        m->changed = changed;
        m->userdata = userdata;
        r = timer_new(event, "guest-memory", USEC_INFINITY, ACCURACY, on_timer, m, &m->timer);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

GuestMemory *guest_memory_free(GuestMemory *m) {
        if (!m)
                return NULL;
        guest_balloon_reset(&m->balloon);
        sd_event_source_disable_unref(m->timer);
        sd_event_unref(m->event);
        free(m->why);
        free(m);
        return NULL;
}

void guest_memory_on_look(GuestMemory *m, MemoryLooked looked, void *userdata) {
        m->looked = looked;
        m->looked_userdata = userdata;
}

void guest_memory_begin(GuestMemory *m, GuestProcess *p) {
        m->process = p;
        m->claimed = false;
        m->used = m->peak = 0;
        m->calm = 0;
        (void) sd_event_source_set_time_relative(m->timer, LOOK_FIRST);
        (void) sd_event_source_set_enabled(m->timer, SD_EVENT_ONESHOT);
}

/* The next boot needs what is in the balloon. */
static void claim_all(const GuestMemory *m) {
        const MemoryClaim claim = { .need = m->host->memory.need,
                                    .device = m->host->memory.device };
        int r;

        r = memory_claims_note(m->host, &claim);
        if (r < 0)
                log_warning_errno(r, "%s: cannot record the guest's claim on memory, ignoring: %m",
                                  m->host->shared);
}

void guest_memory_end(GuestMemory *m) {
        m->process = NULL;
        if (m->claimed && m->claimed_held > 0)
                claim_all(m);
        memory_sum_forget(m->host); /* all that it had taken is free again */
        guest_balloon_reset(&m->balloon);
        (void) sd_event_source_set_enabled(m->timer, SD_EVENT_OFF);
        set_pressure(m, PRESSURE_NONE, NULL);
}

uint64_t guest_memory_used(GuestMemory *m) {
        MemFile file;

        return look_at_file(m, &file) ? file.charged : 0;
}

uint64_t guest_memory_peak(GuestMemory *m) {
        (void) guest_memory_used(m);
        return m->peak;
}

uint64_t guest_memory_held(const GuestMemory *m) {
        return m->balloon.held;
}

const char *guest_memory_pressure(const GuestMemory *m) {
        return m->why ?: "";
}

int guest_memory_judgement(const GuestMemory *m, const char **ret_why) {
        if (!m->process)
                return -ENOENT;
        *ret_why = guest_memory_pressure(m);
        return (int) m->pressure;
}

int guest_memory_move(GuestMemory *m, int64_t bytes, BalloonDone done, void *userdata,
                      char **ret_why) {
        if (bytes < 0 && m->process &&
            can_give_back(m, (uint64_t) -bytes, PRESSURE_TIGHT, ret_why) == 0)
                return -ENOMEM;
        return guest_balloon_move(&m->balloon, m->event, m->process, m->host->config->memory, bytes,
                                  false, done, userdata);
}
