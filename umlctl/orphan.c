/* SPDX-License-Identifier: GPL-2.0-or-later */
/* orphan.c - ends a guest that runs without its umld: by another umld, which takes it over, shuts
 * it down, and undoes what was changed on the host. */

#include "umlctl/orphan.h"
#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "umlctl/detach.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

static int check_ended(Waiter *w, void *userdata) {
        const Detached *d = userdata;

        return d->ended;
}

static int say_failed(const char *guest, const Detached *d) {
        _cleanup_free_ char *why = detach_reason(d);

        return fail_with(detach_exit_code(d),
                         "%s runs without its umld, and could not be taken over to end it: %s "
                         "(log: %s)",
                         guest, why ?: "out of memory", d->log);
}

static int start(const char *guest, const char *method, Waiter *w, Detached *d) {
        const char *how = streq(method, UMLD_METHOD_KILL) ? "--kill" : "--stop";
        char *const argv[] = { (char *) "umld", (char *) how, (char *) guest, NULL };
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_UMLD, &program);

        return r < 0 ? r : detach_start(program, argv, guest, w, d);
}

/* Without root's rights the socket of its umld-init cannot be reached. */
int orphan_end(const Options *o, const char *guest, const char *method) {
        Detached d = DETACHED_INIT;
        _cleanup_(waiter_freep) Waiter *w = NULL;
        int r = waiter_new(guest, o, check_ended, &d, &w);

        if (r >= 0)
                r = start(guest, method, w, &d);
        if (r >= 0 && !o->no_wait)
                r = waiter_run(w);
        if (r < 0)
                r = control_wait_failed(guest, w, r, "stopped");
        else
                r = d.ended && d.status != 0 ? say_failed(guest, &d) : EXIT_DONE;
        detach_done(&d);
        return r;
}
