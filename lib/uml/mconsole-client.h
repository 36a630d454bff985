/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The sockets of the management console. Nothing here ever blocks. */

#include "uml/mconsole.h"

/* A datagram socket bound at path, owned by the guest's user, where its kernel sends notifications.
 * The caller closes it, and must keep it drained: UML blocks on a full queue. */
int mconsole_notify_listen(const char *path, uid_t owner);

/* Receives one notification into buf. 1 = *ret is set, 0 = nothing is there, -EBADMSG = one that is
 * none, or not from uid sender; read on. */
int mconsole_notify_receive(int fd, uid_t sender, char buf[static MCONSOLE_DATAGRAM_MAX],
                            MconsoleNotify *ret);

/* A client of the console at path below directory; replies arrive at the returned descriptor. All
 * below the directory is in the hands of the guest's user: no link on the way is followed, and it
 * must be a socket (-ENOTSOCK) of that owner (-EPERM), not one of somebody else's. -EXDEV: not
 * below the directory. */
int mconsole_connect(const char *directory, const char *path, uid_t owner);

/* Sends one command. -EAGAIN: the kernel does not take requests at the moment. */
int mconsole_send(int fd, const char *command);
