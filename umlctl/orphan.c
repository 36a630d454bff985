/* SPDX-License-Identifier: GPL-2.0-or-later */
/* orphan.c - ends a guest that runs without its umld: by another umld, which takes it over, shuts
 * it down, and undoes what was changed on the host. */

#include <stdlib.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/detach.h"
#include "umlctl/orphan.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

typedef struct End {
        Detached umld;
        bool kill; /* has still to be ordered */
        int result;
} End;

static int check_ended(Waiter *w, void *userdata) {
        End *e = userdata;

        if (e->umld.ended)
                return 1;
        if (e->kill && w->bus) {
                e->kill = false;
                e->result = control_order(w->bus, w->name, UMLD_METHOD_KILL);
        }
        return 0;
}

static int say_failed(const char *guest, const Detached *d) {
        _cleanup_free_ char *why = detach_reason(d);

        return fail_with(detach_exit_code(d),
                         "%s runs without its umld, and could not be taken over to end it: %s "
                         "(log: %s)",
                         guest, why ?: "out of memory", d->log);
}

static int start(const char *guest, Waiter *w, Detached *d) {
        char *const argv[] = { (char *) "umld", (char *) "--stop", (char *) guest, NULL };
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_UMLD, &program);

        return r < 0 ? r : detach_start(program, argv, guest, w, d);
}

/* Without root's rights the socket of its umld-init cannot be reached. */
int orphan_end(const Options *o, const char *guest, const char *method) {
        End e = { .umld = DETACHED_INIT, .kill = streq(method, UMLD_METHOD_KILL) };
        _cleanup_(waiter_freep) Waiter *w = NULL;
        int r = waiter_new(guest, o, check_ended, &e, &w);

        if (r >= 0)
                r = start(guest, w, &e.umld);
        if (r >= 0 && !(o->no_wait && !e.kill))
                r = waiter_run(w);
        if (r < 0)
                r = control_wait_failed(guest, w, r, "stopped");
        else if (e.umld.ended && e.umld.status != 0)
                r = say_failed(guest, &e.umld);
        else
                r = e.result;
        detach_done(&e.umld);
        return r;
}
