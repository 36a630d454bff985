/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The client side of a guest's control socket. A daemon that does not respond is never waited for
 * longer than the caller allows, at whatever point it falls silent. */

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/time-util.h"

/* A live umld replies within milliseconds; with this limit a dead one is reported within a second.
 */
#define BUS_ANSWER_LIMIT (800 * USEC_PER_MSEC)

/* A request may have to wait for another process's lock on the host's tables. */
#define BUS_ORDER_LIMIT (20 * USEC_PER_SEC)

/* Time to wait before connecting again to an umld whose backlog is full. */
#define BUS_RETRY (10 * USEC_PER_MSEC)

/* Connects to this guest's umld and authenticates.
 *   -ENOENT     no umld is running: there is no socket, or nothing listens on it
 *   -EACCES     this user is not permitted
 *   -ETIMEDOUT  a process holds the socket but does not respond
 *   -ECONNRESET the connection was closed by the peer
 * *ret_pid is the process that holds the socket, 0 if it cannot be determined; it is set for
 * -ETIMEDOUT and -ECONNRESET too. */
int bus_connect(const char *name, usec_t limit, sd_bus **ret, pid_t *ret_pid);

/* The first step of connecting, which never blocks: starts the authentication. -EAGAIN: the backlog
 * is full, because umld has not accepted a connection for a while. */
int bus_begin(const char *name, sd_bus **ret, pid_t *ret_pid);

/* Maps the many ways in which the peer can be gone to one error. */
int bus_fold_hangup(int r);

/* Creates the message that requests all properties. */
int bus_new_get_all(sd_bus *bus, sd_bus_message **ret);

/* Reads all properties of the guest into a JSON object: numbers and strings as they are, lists as
 * arrays. Properties of unknown types are left out. */
int bus_get_properties(sd_bus *bus, usec_t limit, json_t **ret);

/* Calls a method without arguments. */
int bus_call_method(sd_bus *bus, const char *method, sd_bus_error *ret_error);

/* Tells umld about the ssh session we run in, if any: it never forwards that session's port. */
void bus_hand_over_session(sd_bus *bus);

/* The exit code for a bus error, umld's or systemd's. */
int bus_error_exit_code(const sd_bus_error *error, int r);

/* Reports why the socket, held by process pid, could not be used (r), and returns the exit code. */
int bus_connect_fail(const char *name, int r, pid_t pid);

/* The same message without printing it; the caller frees it. */
char *bus_connect_error_text(int r, pid_t pid);

/* Read from what bus_get_properties() returned; NULL or 0 if the property is missing or has another
 * type. */
const char *prop_string(const json_t *props, const char *name);
uint64_t prop_number(const json_t *props, const char *name);
