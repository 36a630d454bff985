/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The control interface of one guest: io.umld.Guest1 (api/bus-names.h) on a socket of its own. */

#include "daemon/bus/server.h"
#include "daemon/guest/guest.h"

typedef struct GuestBus GuestBus;

/* Reloads the configuration; confirm > 0: it is reverted after that time unless it is confirmed.
 * done is called once, possibly before this returns; text is one line: r < 0: why not. */
typedef void (*BusReloaded)(int r, const char *text, void *userdata);
typedef void (*BusReload)(usec_t confirm, BusReloaded done, void *done_userdata, void *userdata);

/* Has the program that is there now take over. done as above; r = 0: it is about to. */
typedef void (*BusReexec)(BusReloaded done, void *done_userdata, void *userdata);

/* Serves the guest, which is borrowed, at RUNTIME/NAME/bus; estate: what a predecessor has left, or
 * NULL. */
int guest_bus_new(Guest *g, Adoption *estate, BusReload reload, BusReexec reexec, void *userdata,
                  GuestBus **ret);
/* Whoever connects while a successor is executed waits for that. */
void guest_bus_hand_over(const GuestBus *b, Keeper *k);
GuestBus *guest_bus_free(GuestBus *b);
DEFINE_CLEANUP(GuestBus *, guest_bus_free)

/* Like bus_server_end() and bus_server_emit(), for a bus that may be NULL. */
void guest_bus_end(GuestBus *b);
void guest_bus_emit(GuestBus *b, const char *member, const char *from, const char *to,
                    const char *why);
