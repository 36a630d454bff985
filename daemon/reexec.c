/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reexec.c - has the program that is there now take over. */

#include <stdlib.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/child.h"
#include "basic/log.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "daemon/base/helper.h"
#include "daemon/base/timer.h"
#include "daemon/reexec.h"

#define CHECK_LIMIT (15 * USEC_PER_SEC)
#define LOOK_EVERY  (20 * USEC_PER_MSEC)
#define END_LIMIT   USEC_PER_SEC /* of the children that the next umld has no use for */

#define KEEP_LIMIT (10 * USEC_PER_SEC) /* for umld-init to read what was left before */

typedef enum ReexecStep {
        REEXEC_NONE,
        REEXEC_WAIT,  /* for what cannot be carried over to end */
        REEXEC_CHECK, /* the new program is being asked */
        REEXEC_CLEAR, /* our other children end */
} ReexecStep;

struct Reexec {
        sd_event *event;
        Guest *guest;
        char *const *argv;
        char *program;
        ReexecStep step;
        usec_t since; /* of that step, CLOCK_MONOTONIC */
        sd_event_source *look;
        Helper *check;
        char *said; /* by the new program: its last line */
        BusReloaded done;
        void *userdata;
};

static void enter(Reexec *x, ReexecStep step) {
        x->step = step;
        x->since = now_usec(CLOCK_MONOTONIC);
}

static bool lasts(const Reexec *x, usec_t limit) {
        return now_usec(CLOCK_MONOTONIC) >= usec_add(x->since, limit);
}

static void finish(Reexec *x, int r, const char *why) {
        BusReloaded done = x->done;

        enter(x, REEXEC_NONE);
        x->done = NULL;
        (void) sd_event_source_set_enabled(x->look, SD_EVENT_OFF);
        if (r < 0)
                log_error("reexec failed: %s", why);
        if (done)
                done(r, why, x->userdata);
}

static void look_again(const Reexec *x) {
        if (timer_arm(x->look, LOOK_EVERY) < 0)
                log_debug("cannot set the timer of the reexec");
}

/* ---- the execution ---- */

/* Another one is on standby when the next umld has taken over, or when nothing came of this. */
static void go_on_as_before(Reexec *x, const char *why) {
        guest_executes(x->guest, NULL);
        finish(x, -EIO, why);
}

static void execute(Reexec *x) {
        Guest *g = x->guest;
        int r = guest_executes(g, x->program);

        if ((r == -EAGAIN || r == -ENOBUFS) && !lasts(x, KEEP_LIMIT)) {
                handover_cancel(&g->keep.handover);
                look_again(x);
                return;
        }
        if (r < 0) {
                go_on_as_before(x, "cannot keep what the next umld would need; try again");
                return;
        }
        log_info("executing %s", x->program);
        if (x->done)
                x->done(0, NULL, x->userdata);
        x->done = NULL;
        (void) execv(x->program, x->argv);
        log_error_errno(errno, "%s: cannot be executed: %m", x->program);
        go_on_as_before(x, "the program cannot be executed");
}

/* The guest has ended meanwhile, or something of the like. */
static void wait_again(Reexec *x) {
        (void) guest_executes(x->guest, NULL);
        enter(x, REEXEC_WAIT);
        look_again(x);
}

/* ---- the check ---- */

static void on_line(const char *text, void *userdata) {
        Reexec *x = userdata;

        (void) free_and_strdup(&x->said, text);
}

static void on_checked(int status, void *userdata) {
        Reexec *x = userdata;
        _cleanup_free_ char *why = NULL;

        x->check = helper_free(x->check);
        if (status == 0) {
                enter(x, REEXEC_WAIT);
                if (!guest_is_at_rest(x->guest)) { /* once more, for the state has changed */
                        look_again(x);
                        return;
                }
                guest_clear_children(x->guest);
                enter(x, REEXEC_CLEAR);
                look_again(x);
                return;
        }
        if (status == HELPER_LATE)
                why = strfmt("%s did not answer in time whether it can take over", x->program);
        else if (status == HELPER_KILLED)
                why = strfmt("%s crashed when asked whether it can take over", x->program);
        else
                why = strfmt("%s cannot take over: %s", x->program, x->said ?: "it refused");
        finish(x, -EIO, why ?: "out of memory");
}

static int begin_check(Reexec *x) {
        _cleanup_close_ int state = guest_saved_state(x->guest);
        char *const argv[] = { (char *) "umld", (char *) "--can-adopt", x->guest->config->name,
                               NULL };
        const HelperOrder order = { .program = x->program,
                                    .argv = argv,
                                    .fd = state,
                                    .limit = CHECK_LIMIT,
                                    .line = on_line,
                                    .ended = on_checked,
                                    .userdata = x };

        if (state < 0)
                return state;
        enter(x, REEXEC_CHECK);
        return helper_start(x->event, &order, &x->check);
}

/* ---- one step after the other ---- */

static void wait_for_rest(Reexec *x) {
        int r;

        if (!guest_is_at_rest(x->guest)) {
                look_again(x);
                return;
        }
        r = begin_check(x);
        if (r < 0)
                finish(x, r, strerror(-r));
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        Reexec *x = userdata;

        if (x->step == REEXEC_WAIT)
                wait_for_rest(x);
        else if (x->step == REEXEC_CLEAR && !guest_is_at_rest(x->guest))
                wait_again(x);
        else if (x->step == REEXEC_CLEAR && children_collect() > 0 && !lasts(x, END_LIMIT))
                look_again(x);
        else if (x->step == REEXEC_CLEAR)
                execute(x);
        return 0;
}

void reexec_begin(Reexec *x, BusReloaded done, void *userdata) {
        if (x->step != REEXEC_NONE) {
                done(-EBUSY, "a reexec is in progress", userdata);
                return;
        }
        x->done = done;
        x->userdata = userdata;
        x->said = (free(x->said), NULL);
        enter(x, REEXEC_WAIT);
        wait_for_rest(x);
}

Reexec *reexec_free(Reexec *x) {
        if (!x)
                return NULL;
        if (x->done)
                x->done(0, NULL, x->userdata); /* the next start uses the new program */
        helper_free(x->check);
        sd_event_source_disable_unref(x->look);
        free(x->program);
        free(x->said);
        free(x);
        return NULL;
}

int reexec_new(sd_event *event, Guest *g, char *const *argv, Reexec **ret) {
        _cleanup_(reexec_freep) Reexec *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return -ENOMEM;
        x->event = event;
        x->guest = g;
        x->argv = argv;
        r = program_path(&x->program);
        if (r >= 0)
                r = timer_new(event, "reexec", USEC_INFINITY, USEC_PER_MSEC, on_look, x, &x->look);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(x);
        return 0;
}

/* ---- as the new program ---- */

int reexec_check(const char *name) {
        _cleanup_free_ char *file = umld_config_path(name),
                            *disk = umld_path(DIR_STATE, name, "root.img"), *error = NULL;
        _cleanup_(config_freep) Config *config = NULL, *next = NULL;
        _cleanup_(saved_freep) Saved *saved = NULL;
        int r = file && disk ? saved_read(HELPER_FD, &saved) : -ENOMEM;

        if (r == -EPROTONOSUPPORT)
                log_error("the running umld is newer, and its state cannot be read");
        else if (r < 0)
                log_error_errno(r, "the state of the running umld cannot be read: %m");
        if (r < 0)
                return EXIT_FAILED;
        r = guest_adopted_config(saved, name, file, disk, &config, &next, &error);
        if (r < 0) {
                log_error("the configuration in force is not valid for this version: %s",
                          error ?: strerror(-r));
                return EXIT_FAILED;
        }
        return EXIT_DONE;
}
