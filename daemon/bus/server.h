/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A D-Bus socket without a broker: each client is a connection of its own, on which we are the only
 * peer. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "basic/cleanup.h"

typedef struct BusServer BusServer;

/* Listens at path (mode 0660, group umld if the host has that group), or by the socket that a
 * predecessor has handed over (fd, else -EBADF; taken in any case). objects: vtable to export at
 * object_path as interface, with userdata. */
int bus_server_new(sd_event *event, const char *path, int fd, const char *object_path,
                   const char *interface, const sd_bus_vtable *vtable, void *userdata,
                   BusServer **ret);

/* To be called before the event loop is told to end: no more requests are read, and no client
 * delays the end. Signals and replies are still sent. */
void bus_server_end(BusServer *s);

/* The socket that it listens at. */
int bus_server_fd(const BusServer *s);

BusServer *bus_server_free(BusServer *s);
DEFINE_CLEANUP(BusServer *, bus_server_free)

/* Sends a signal of three strings to every client that has sent a request. */
void bus_server_emit(BusServer *s, const char *member, const char *a, const char *b, const char *c);
