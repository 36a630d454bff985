/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Who is attached to a guest's console. One may type, all see what the guest prints
 * (api/console-protocol.h). Each has a socket whose bounded buffer is all that ever waits for it:
 * when it is full, output is skipped and counted, and as soon as there is room again the client is
 * told and gets the newest of it. */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "api/console-protocol.h"
#include "basic/cleanup.h"

typedef struct ConsoleClients ConsoleClients;

typedef struct ConsoleClientsListener {
        /* Something was typed; false: no more room for now, ask again with console_clients_resume()
         */
        bool (*input)(const void *data, size_t size, void *userdata);
        void (*resized)(ConsoleSize size, void *userdata);
        /* The newest output, and how much of it there is */
        const char *(*recent)(size_t *ret_size, void *userdata);
        void *userdata;
} ConsoleClientsListener;

int console_clients_new(sd_event *event, const ConsoleClientsListener *listener,
                        ConsoleClients **ret);
ConsoleClients *console_clients_free(ConsoleClients *cs);
DEFINE_CLEANUP(ConsoleClients *, console_clients_free)

/* Attaches somebody, whose end of the socket is *ret_fd. who: its name for others ("process 42").
 * -EBUSY: somebody types already (see console_clients_writer()), which force would take from it.
 * -EUSERS: no more fit in. */
int console_clients_add(ConsoleClients *cs, const char *who, bool read_only, bool force,
                        ConsoleSize size, int *ret_fd);

/* Who may type, or NULL. */
const char *console_clients_writer(const ConsoleClients *cs);

/* The guest printed this. */
void console_clients_output(ConsoleClients *cs, const void *data, size_t size);

/* One line for all of them; printable ASCII. */
void console_clients_notice(ConsoleClients *cs, const char *text);

/* Input that was refused may be offered again. */
void console_clients_resume(ConsoleClients *cs);

/* Says why, and lets go of all. */
void console_clients_end(ConsoleClients *cs, const char *why);
