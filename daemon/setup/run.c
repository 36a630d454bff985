/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.c - runs set-up and undo in the event loop. */

#include "daemon/setup/run.h"
#include "daemon/base/retry.h"

struct SetupRun {
        Setup *setup;
        Retry *retry;
        SetupPass pass;
        bool active;
        SetupDone done;
        void *userdata;
};

static void set_active(SetupRun *run, bool active) {
        if (run->active == active)
                return;
        run->active = active;
        run->setup->net->busy += active ? 1 : -1U;
}

static void finish(SetupRun *run, int r, Fault *fault) {
        retry_end(run->retry);
        set_active(run, false);
        run->done(r, fault, run->userdata);
}

/* Who has just taken a lock is not to blame for those who had it before. An undo has to end. */
static bool waits_for_another(const SetupRun *run, const Fault *wait) {
        const char *before = retry_waits_for(run->retry);

        return (run->pass.kind == SETUP_ALL || run->pass.kind == SETUP_BEFORE) && before &&
               wait->text && !streq(before, wait->text);
}

/* A step that took too long after the start of a guest may be in time at the next attempt. */
static bool is_wait(const SetupRun *run, int r) {
        return r == -EAGAIN || (r == -ETIMEDOUT && run->pass.kind == SETUP_BEHIND);
}

static void go_on(void *userdata) {
        _cleanup_(fault_done) Fault fault = {};
        SetupRun *run = userdata;
        int r;

        for (;;) {
                _cleanup_(fault_done) Fault wait = {};
                SetupPass before = run->pass;

                r = setup_go(run->setup, &run->pass, &fault);
                if (!is_wait(run, r))
                        break;
                if (run->pass.next != before.next || run->pass.stage != before.stage ||
                    waits_for_another(run, &fault))
                        retry_end(run->retry); /* it waits for something else now */
                if (setup_waits_on(&run->pass, retry_waited(run->retry), &fault)) {
                        retry_later(run->retry, &fault);
                        return;
                }
                wait = fault;
                fault = (Fault){};
                r = setup_give_up(&run->pass, retry_waited(run->retry), &wait, &fault);
                if (r < 0)
                        break;
                retry_end(run->retry);
        }
        finish(run, r, &fault);
}

void setup_run_begin(SetupRun *run, SetupKind kind, SetupDone done, void *userdata) {
        retry_end(run->retry);
        set_active(run, true);
        run->pass = (SetupPass){ .kind = kind };
        run->done = done;
        run->userdata = userdata;
        go_on(run);
}

void setup_run_cancel(SetupRun *run, SetupKind kind) {
        if (!run->active || run->pass.kind != kind)
                return;
        retry_end(run->retry);
        set_active(run, false);
}

bool setup_run_active(const SetupRun *run) {
        return run->active;
}

const char *setup_run_waits_for(const SetupRun *run) {
        return retry_waits_for(run->retry);
}

int setup_run_new(sd_event *event, Setup *setup, SetupRun **ret) {
        _cleanup_(setup_run_freep) SetupRun *run = calloc(1, sizeof(*run));
        int r;

        if (!run)
                return -ENOMEM;
        run->setup = setup;
        r = retry_new(event, "host-setup", go_on, run, &run->retry);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(run);
        return 0;
}

SetupRun *setup_run_free(SetupRun *run) {
        if (!run)
                return NULL;
        retry_free(run->retry);
        free(run);
        return NULL;
}
