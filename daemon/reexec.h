/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The upgrade of umld under a running guest: umld executes the program that is there now in its own
 * place, as the same process, and that one adopts the guest (daemon/guest/adopt.c) as it would
 * after umld's death, only that nobody has to notice.
 *
 * First the new program is asked, as a child, whether it can: it reads the state and says so. If it
 * cannot, crashes, or takes too long, nothing has happened. If it crashes later, while it takes
 * over, the guest is an orphan, and whoever is started next, by the service manager or the keeper,
 * executes the program of before, which umld-init has kept (daemon/inherit.h).
 *
 * A boot, a stop, a back-off and a reload on trial are carried over. An order that comes while the
 * host is set up for the guest, or while a reload is in progress, is kept until that has ended. */

#include "daemon/bus/guest-bus.h"
#include "daemon/guest/guest.h"

typedef struct Reexec Reexec;

/* argv: our own, borrowed; our program is the one that is executed. */
int reexec_new(sd_event *event, Guest *g, char *const *argv, Reexec **ret);
Reexec *reexec_free(Reexec *x);
DEFINE_CLEANUP(Reexec *, reexec_free)

/* done is called once, possibly before this returns: with 0 just before the program is executed. */
void reexec_begin(Reexec *x, BusReloaded done, void *userdata);

/* umld --can-adopt NAME: can we take over what descriptor 3 has? The exit code; what is wrong has
 * been logged. */
int reexec_check(const char *name);
