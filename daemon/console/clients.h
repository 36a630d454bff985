/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The clients of a guest's console. One of them may type, all see what the guest prints
 * (api/console-protocol.h). Each has a socket whose bounded buffer is all the output that is ever
 * queued for it: if it is full, output is skipped and counted, and as soon as there is space again
 * the client is told and gets the newest of it. */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "api/console-protocol.h"
#include "basic/cleanup.h"
#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"

typedef struct ConsoleClients ConsoleClients;

typedef struct ConsoleClientsListener {
        /* Input from a client; false: no space at the moment, retry with console_clients_resume()
         */
        bool (*input)(const void *data, size_t size, void *userdata);
        void (*resized)(ConsoleSize size, void *userdata);
        /* Returns the newest output and its size */
        const char *(*recent)(size_t *ret_size, void *userdata);
        void (*changed)(void *userdata); /* a client has come, gone, or may type now */
        void *userdata;
} ConsoleClientsListener;

int console_clients_new(sd_event *event, const ConsoleClientsListener *listener,
                        ConsoleClients **ret);
ConsoleClients *console_clients_free(ConsoleClients *cs);
DEFINE_CLEANUP(ConsoleClients *, console_clients_free)

/* Attaches a client, whose end of the socket is *ret_fd. who: its name for others ("process 42").
 * -EBUSY: another client may type (see console_clients_writer()), from which force would take the
 * console. -EUSERS: there are too many. */
int console_clients_add(ConsoleClients *cs, const char *who, bool read_only, bool force,
                        ConsoleSize size, int *ret_fd);

/* The client that may type, or NULL. */
const char *console_clients_writer(const ConsoleClients *cs);

/* Sends output of the guest. */
void console_clients_output(ConsoleClients *cs, const void *data, size_t size);

/* Sends a message to all of them; printable ASCII. */
void console_clients_notice(ConsoleClients *cs, const char *text);

/* Input that was refused may be retried. */
void console_clients_resume(ConsoleClients *cs);

/* Tells them why, and detaches all. */
void console_clients_end(ConsoleClients *cs, const char *why);

/* Leaves them to our successor, and takes over those of our predecessor, who notice nothing. */
void console_clients_save(const ConsoleClients *cs, const SavedText *t, Keeper *k);
void console_clients_adopt(ConsoleClients *cs, Adoption *a);
