/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The sockets of the management console. Nothing here ever blocks. */

#include "uml/mconsole.h"

/* Creates a datagram socket bound to path, owned by the guest's user, to which its kernel sends
 * notifications. The caller closes it, and must keep reading from it: UML blocks if its queue is
 * full. */
int mconsole_notify_listen(const char *path, uid_t owner);

/* Receives one notification into buf. 1 = *ret is set, 0 = nothing is queued, -EBADMSG = a datagram
 * that is not a notification, or not from uid sender; continue reading. */
int mconsole_notify_receive(int fd, uid_t sender, char buf[static MCONSOLE_DATAGRAM_MAX],
                            MconsoleNotify *ret);

/* Opens a client of the console at path below directory; replies arrive on the returned descriptor,
 * which has a name in the directory clients: the kernel looks that up in its own namespaces.
 * Everything below the directory is controlled by the guest's user: links are not followed, and it
 * must be a socket (-ENOTSOCK) of that owner (-EPERM), not one of somebody else. -EXDEV: not below
 * the directory. */
int mconsole_connect(const char *directory, const char *path, uid_t owner, const char *clients);

/* Closes a client, and removes its name. Returns -EBADF. */
int mconsole_close(int fd);

/* Sends one command. -EAGAIN: the kernel does not accept requests at the moment. */
int mconsole_send(int fd, const char *command);
