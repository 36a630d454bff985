/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest-bus.c - connects a guest to its control socket. */

#include "api/bus-names.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/bus/parts.h"

#define SOCKET "control"

void guest_bus_emit(GuestBus *b, const char *member, const char *from, const char *to,
                    const char *why) {
        if (b)
                bus_server_emit(b->server, member, from, to, why);
}

void guest_bus_end(GuestBus *b) {
        if (b)
                bus_server_end(b->server);
}

GuestBus *guest_bus_free(GuestBus *b) {
        if (!b)
                return NULL;
        bus_console_done(b);
        bus_port_done(b);
        bus_server_free(b->server);
        free(b);
        return NULL;
}

void guest_bus_hand_over(const GuestBus *b, Keeper *k) {
        keeper_put(k, SOCKET, bus_server_fd(b->server));
}

int guest_bus_new(Guest *g, Adoption *estate, BusReload reload, BusReexec reexec, void *userdata,
                  GuestBus **ret) {
        int fd = estate ? adoption_take(estate, SOCKET) : -EBADF;
        _cleanup_(guest_bus_freep) GuestBus *b = calloc(1, sizeof(*b));
        _cleanup_free_ char *path = strfmt("%s/bus", g->setup->host->directory);
        int r;

        if (!b || !path) {
                safe_close(fd);
                return log_oom();
        }
        *b = (GuestBus){ .guest = g, .reload = reload, .reexec = reexec, .userdata = userdata };
        r = bus_server_new(g->event, path, fd, UMLD_BUS_PATH, UMLD_BUS_INTERFACE, guest_bus_vtable,
                           b, &b->server);
        if (r < 0)
                return log_error_errno(r, "%s: cannot listen there: %m", path);
        *ret = TAKE_PTR(b);
        return 0;
}
