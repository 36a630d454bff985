/* SPDX-License-Identifier: GPL-2.0-or-later */
/* manager.c - connects the parts of umld. */

#include <signal.h>
#include <sys/prctl.h>

#include "api/bus-names.h"
#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/base/hooks.h"
#include "daemon/base/notify.h"
#include "daemon/bus/guest-bus.h"
#include "daemon/inherit.h"
#include "daemon/manager.h"
#include "daemon/privileges.h"
#include "daemon/reexec.h"
#include "daemon/reloads.h"
#include "facts/conditions.h"

struct Manager {
        const char *name; /* borrowed */
        sd_event *event;
        Guest *guest;
        GuestBus *bus; /* NULL: there are no clients yet */
        Hooks *hooks;
        Reloads *reloads;
        int lock_fd;
        Reexec *reexec;
        Adoption *estate; /* of the previous umld, whose guest is running; NULL: none */
        char *directory;  /* RUNTIME/NAME */
        int exit_code;
};

/* How the guest has ended, of a state that is about that; else NULL. */
static const char *verdict_after(const Guest *g, GuestState state) {
        bool ended = state == GUEST_BACKOFF || state == GUEST_STOPPED || state == GUEST_FAILED;

        return g && ended ? verdict_to_string(g->past.last_exit.verdict) : NULL;
}

static void on_state_changed(GuestState from, GuestState to, const char *why, void *userdata) {
        Manager *m = userdata;
        _cleanup_free_ char *status = strfmt("%s: %s", guest_state_to_string(to), why);

        if (to == GUEST_RUNNING)
                privileges_set_up();
        notify_status(status ?: guest_state_to_string(to));
        if (m->guest && m->guest->adopting.replaced)
                return;
        guest_bus_emit(m->bus, UMLD_SIGNAL_STATE_CHANGED, guest_state_to_string(from),
                       guest_state_to_string(to), why);
        hooks_tell(m->hooks, &(const HookEvent){ .kind = HOOK_STATE,
                                                 .from = guest_state_to_string(from),
                                                 .to = guest_state_to_string(to),
                                                 .verdict = verdict_after(m->guest, to),
                                                 .detail = why });
}

static void on_crashed(Verdict verdict, const char *detail, void *userdata) {
        const Manager *m = userdata;

        hooks_tell(m->hooks, &(const HookEvent){ .kind = HOOK_CRASH,
                                                 .from = guest_state_to_string(m->guest->state),
                                                 .verdict = verdict_to_string(verdict),
                                                 .detail = detail });
}

static void on_memory_pressure(MemoryPressure from, MemoryPressure to, const char *why,
                               void *userdata) {
        Manager *m = userdata;
        _cleanup_free_ char *status =
                strfmt("%s: memory: %s", guest_state_to_string(m->guest->state), why);

        notify_status(status ?: why);
        guest_bus_emit(m->bus, UMLD_SIGNAL_MEMORY_PRESSURE, memory_pressure_to_string(from),
                       memory_pressure_to_string(to), why);
}

static_assert((int) CONDITION_MAX <= (int) HOOK_CONDITIONS_MAX, "each condition has a place");

static void on_condition_changed(const char *name, const char *state, const char *text,
                                 void *userdata) {
        Manager *m = userdata;

        guest_bus_emit(m->bus, UMLD_SIGNAL_CONDITION, name, state, text);
        hooks_tell(m->hooks, &(const HookEvent){ .kind = HOOK_CONDITION,
                                                 .condition = name,
                                                 .to = state,
                                                 .detail = text });
}

static void on_save(const SavedText *t, void *userdata) {
        const Manager *m = userdata;

        hooks_save(m->hooks, t);
}

static void on_hand_over(Keeper *k, void *userdata) {
        const Manager *m = userdata;

        hooks_hand_over(m->hooks, k);
        guest_bus_hand_over(m->bus, k);
}

static void on_hooks_changed(void *userdata) {
        const Manager *m = userdata;

        guest_keep(m->guest);
}

static int exit_code_of(GuestState state, Verdict verdict) {
        if (state != GUEST_FAILED)
                return EXIT_DONE;
        return verdict == VERDICT_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

static void leave_loop(void *userdata) {
        const Manager *m = userdata;

        (void) sd_event_exit(m->event, 0);
}

static void on_finished(GuestState state, Verdict verdict, void *userdata) {
        Manager *m = userdata;

        m->exit_code = exit_code_of(state, verdict);
        guest_bus_end(m->bus);
        notify_extend_timeout(10 * USEC_PER_SEC);
        hooks_finish(m->hooks, leave_loop, m);
}

static int on_stop_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Manager *m = userdata;

        log_info("received signal %u (%s)", si->ssi_signo, strsignal((int) si->ssi_signo));
        (void) guest_stop(m->guest);
        return 0;
}

static void on_reload_order(usec_t confirm, BusReloaded done, void *done_userdata, void *userdata) {
        const Manager *m = userdata;

        reloads_order(m->reloads, confirm, done, done_userdata);
}

static void on_reexec_order(BusReloaded done, void *done_userdata, void *userdata) {
        const Manager *m = userdata;

        reexec_begin(m->reexec, done, done_userdata);
}

static int on_reload_signal(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        const Manager *m = userdata;

        return reloads_signal(m->reloads);
}

/* Signals of one priority are read from one descriptor, the lowest number first: without a priority
 * of its own, a stop would come after all reloads that somebody can order. It does not go before
 * the end of processes and the timers. */
static const struct {
        int signal;
        sd_event_signal_handler_t handler;
        int priority;
} signals[] = {
        { SIGTERM, on_stop_signal, SD_EVENT_PRIORITY_IMPORTANT + 1 },
        { SIGINT, on_stop_signal, SD_EVENT_PRIORITY_IMPORTANT + 1 },
        { SIGHUP, on_reload_signal, SD_EVENT_PRIORITY_NORMAL },
};

/* Signals stay queued until they can be handled: from the first step on umld must not be killed by
 * one, because it has changes to undo. */
static void block_signals(void) {
        sigset_t mask;

        sigemptyset(&mask);
        sigaddset(&mask, SIGCHLD); /* for the end of umld-init */
        FOREACH_ELEMENT (s, signals)
                sigaddset(&mask, s->signal);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        (void) signal(SIGPIPE, SIG_IGN);
}

static int add_signals(Manager *m) {
        FOREACH_ELEMENT (s, signals) {
                _cleanup_(sd_event_source_unrefp) sd_event_source *source = NULL;
                int r = sd_event_add_signal(m->event, &source, s->signal, s->handler, m);

                if (r >= 0)
                        r = sd_event_source_set_priority(source, s->priority);
                if (r >= 0)
                        r = sd_event_source_set_floating(source, true);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The directories of this guest, which are private except for the search permission. */
static int make_directories(const char *name) {
        static const struct {
                UmldDir dir;
                mode_t top, own;
        } wanted[] = {
                { DIR_RUNTIME, 0711, 0711 }, /* traversed by the guest's user */
                { DIR_STATE, 0711, 0711 },   /* traversed on the way to its images */
        };

        FOREACH_ELEMENT (w, wanted) {
                _cleanup_free_ char *path = umld_path(w->dir, name, NULL);
                int r;

                if (!path)
                        return log_oom();
                r = mkdir_p(umld_dir(w->dir), w->top);
                if (r >= 0)
                        r = mkdir_p(path, w->own);
                if (r < 0)
                        return log_error_errno(r,
                                               "%s: cannot be created: %m; correct that or set %s",
                                               path, umld_dir_variable(w->dir));
        }
        return 0;
}

/* An umld that is about to end may remove the directory under us. */
static int enter_directory(Manager *m, const char *name) {
        int r = -ENOENT;

        for (int i = 0; r == -ENOENT && i < 5; i++) {
                r = make_directories(name);
                if (r >= 0)
                        r = inherit_lock(name, m->directory, &m->lock_fd, &m->estate);
        }
        if (r == -ENOENT)
                log_error_errno(r, "%s: cannot be locked: %m", m->directory);
        if (r < 0)
                (void) rmdir(m->directory); /* unless somebody uses it */
        return r;
}

/* Everything in it is ours, but the next umld may be about to use it: the lock is removed last, and
 * then the directory only if it is empty. */
static void leave_directory(Manager *m) {
        _cleanup_free_ char *lock = strfmt("%s/lock", m->directory),
                            *undo = strfmt("%s/undo", m->directory);

        int r = 0;

        if (undo && access(undo, F_OK) < 0) /* otherwise the next umld still needs it */
                r = clear_directory(m->directory, "lock");
        if (r >= 0 && lock)
                r = unlink_quiet(lock);
        if (r >= 0 && rmdir(m->directory) < 0 && errno != ENOTEMPTY && errno != ENOENT)
                r = -errno;
        if (r < 0)
                log_warning_errno(r, "%s: cannot be removed, ignoring: %m", m->directory);
}

Manager *manager_free(Manager *m) {
        if (!m)
                return NULL;
        reexec_free(m->reexec);
        m->bus = guest_bus_free(m->bus); /* there are no clients for what follows */
        hooks_free(m->hooks);
        reloads_close(m->reloads);
        guest_free(m->guest);
        reloads_free(m->reloads);
        if (m->lock_fd >= 0)
                leave_directory(m);
        safe_close(m->lock_fd);
        adoption_free(m->estate);
        free(m->directory);
        notify_detach();
        sd_event_unref(m->event);
        free(m);
        return NULL;
}

/* As soon as it has the lock. */
static int make_guest(Manager *m, Config **config, const GuestListener *listener) {
        Config *next = NULL;
        int r = m->estate ? inherit_config(m->estate, m->name, config, &next) : 0;

        if (r >= 0)
                r = guest_new(m->event, TAKE_PTR(*config), umld_dir(DIR_RUNTIME), listener,
                              &m->guest);
        if (r < 0) {
                config_free(next);
                return r;
        }
        m->guest->keep.lock_fd = m->lock_fd;
        m->guest->reload.next = next;
        return 0;
}

int manager_new(const char *name, char *const *argv, Config *config, Manager **ret) {
        _cleanup_(config_freep) Config *owned = config;
        _cleanup_(manager_freep) Manager *m = calloc(1, sizeof(*m));
        GuestListener listener = { .state_changed = on_state_changed,
                                   .crashed = on_crashed,
                                   .finished = on_finished,
                                   .memory_pressure = on_memory_pressure,
                                   .condition = on_condition_changed,
                                   .save = on_save,
                                   .hand_over = on_hand_over,
                                   .userdata = m };
        int r;

        if (!m)
                return log_oom();
        block_signals();
        m->lock_fd = -EBADF;
        m->name = name;
        m->directory = umld_path(DIR_RUNTIME, name, NULL);
        if (!m->directory)
                return log_oom();
        r = enter_directory(m, name);
        if (r < 0)
                return r;
        if (m->estate) {
                (void) inherit_mounts(m->estate);
                inherit_program(m->estate, argv);
        } else if (!config)
                return -ENODATA;
        if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0)
                log_debug_errno(errno, "cannot become a child subreaper, continuing without: %m");
        if ((r = sd_event_default(&m->event)) < 0 || (r = add_signals(m)) < 0 ||
            (r = notify_attach(m->event)) < 0)
                return log_error_errno(r, "cannot set up the event loop: %m");
        r = make_guest(m, &owned, &listener);
        if (r < 0)
                return r;
        r = hooks_new(m->event, &m->guest->config, &m->hooks);
        if (r < 0)
                return log_oom();
        hooks_on_change(m->hooks, on_hooks_changed, m);
        r = reexec_new(m->event, m->guest, argv, &m->reexec);
        if (r >= 0)
                r = reloads_new(m->event, m->guest, &m->reloads);
        if (r < 0)
                return log_error_errno(r, "cannot set up the event loop: %m");
        r = guest_bus_new(m->guest, m->estate, on_reload_order, on_reexec_order, m, &m->bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(m);
        return 0;
}

/* The law of the event loop: nothing that runs in it waits for anybody. Locks are tried, and tried
 * again by a timer (base/retry.h); disks are synced by a thread (base/sync-job.h); programs, the
 * name service and libnftables are children that are polled (basic/child.h); sockets, pipes and
 * terminals are non-blocking, standard error (basic/log.h) and the service manager's socket
 * (base/notify.h) too.
 *
 * All calls that could wait are listed in tests/lint/check-waits, with who makes them. These are
 * synchronous, because what they wait for is bounded:
 * - netlink and the commits of legacy tables: the kernel's own work, milliseconds
 * - reading and judging the rules of others in nf_tables: 50 ms of processor time for each family
 * - small local files in /proc, /sys, RUNTIME, STATE and LOG, without a sync; the kernel delays a
 *   writer by 200 ms at most
 * - reading the superblock of an image and the strings of a kernel file, before each start
 * - children that make system calls only, to open a namespace or to check access: milliseconds
 * - the end of a child's output, until it has exited: 1 ms (child_poll()); the exec of a guest's
 *   kernel: 5 ms (launch_go())
 * - removal of what a guest has left in its directory: 50 ms at a time
 * Before the loop, the lock of RUNTIME/NAME is tried for 20 ms, and the group umld looked up for
 * 100 ms; the umld-init of a guest that is to be adopted answers within ten seconds, or is ended.
 */
static int loop(const Manager *m) {
        int r = sd_event_loop(m->event);

        if (r < 0) {
                log_error_errno(r, "the event loop failed: %m");
                return EXIT_FAILED;
        }
        return m->exit_code;
}

/* false: there is nothing to adopt. */
static bool adopt(Manager *m) {
        if (!m->estate)
                return false;
        hooks_take_over(m->hooks, m->estate);
        guest_adopt(m->guest, TAKE_PTR(m->estate));
        return true;
}

int manager_run(Manager *m) {
        if (!adopt(m))
                (void) guest_start(m->guest);
        return loop(m);
}

int manager_run_to_stop(Manager *m, bool kill) {
        if (!adopt(m))
                return EXIT_DONE;
        (void) (kill ? guest_kill(m->guest) : guest_stop(m->guest));
        return loop(m);
}
