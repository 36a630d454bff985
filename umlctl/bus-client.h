/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The client side of a guest's control socket. A daemon that says nothing is never waited for
 * longer than the caller allows, at whatever point it falls silent. */

#include <jansson.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

#include "basic/time-util.h"

/* A umld that lives answers within milliseconds; with this a dead one is told within a second. */
#define BUS_ANSWER_LIMIT (800 * USEC_PER_MSEC)

/* An order may wait for somebody else's lock on the host's tables. */
#define BUS_ORDER_LIMIT (20 * USEC_PER_SEC)

/* One with a full queue of connections is asked again after that. */
#define BUS_RETRY (10 * USEC_PER_MSEC)

/* Connects to the umld of this guest and logs in there.
 *   -ENOENT     no umld runs: no socket, or nobody behind it
 *   -EACCES     this user may not
 *   -ETIMEDOUT  somebody holds the socket and does not answer
 *   -ECONNRESET it hung up
 * *ret_pid is the process that holds the socket, 0 where it cannot be seen; it is set
 * for -ETIMEDOUT and -ECONNRESET too. */
int bus_connect(const char *name, usec_t limit, sd_bus **ret, pid_t *ret_pid);

/* The first step of that, which waits for nothing: a connection that has begun to log in. -EAGAIN:
 * the queue of connections is full, because umld has not accepted any for a while. */
int bus_begin(const char *name, sd_bus **ret, pid_t *ret_pid);

/* One error for the many ways in which the other side can be gone. */
int bus_fold_hangup(int r);

/* A message that asks for all properties. */
int bus_new_get_all(sd_bus *bus, sd_bus_message **ret);

/* Reads all properties of the guest: a JSON object, numbers and strings as they came, lists as
 * arrays. A property of a type that we do not know is left out. */
int bus_get_properties(sd_bus *bus, usec_t limit, json_t **ret);

/* Calls a method without arguments. */
int bus_call_method(sd_bus *bus, const char *method, sd_bus_error *ret_error);

/* Tells umld by which ssh session we came, if by one: it never forwards that one's port. */
void bus_hand_over_session(sd_bus *bus);

/* The exit code for an error of the bus, ours or systemd's. */
int bus_error_exit_code(const sd_bus_error *error, int r);

/* The process to which the socket belongs, and what to say where it did not answer with r. */
int bus_connect_fail(const char *name, int r, pid_t pid);

/* The same sentence without printing it; the caller's to free(). */
char *bus_connect_error_text(int r, pid_t pid);

/* Looks into what bus_get_properties() made; NULL and 0 for what is not there or of another type.
 */
const char *prop_string(const json_t *props, const char *name);
uint64_t prop_number(const json_t *props, const char *name);
