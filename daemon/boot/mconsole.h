/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Sends a command to a guest's management console for a client, over a socket of its own, so that
 * replies never get mixed up. Nothing waits: the reply is passed on when it is complete. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"

typedef struct MconsoleCall MconsoleCall;

/* error: from the kernel's reply, 0, 1 or negative; -ETIMEDOUT without text: it did not respond;
 * another negative one: it is gone. text: the reply, arbitrary bytes. whole: it is complete. Frees
 * the call. */
typedef void (*MconsoleCallDone)(int error, const char *text, size_t size, bool whole,
                                 void *userdata);

/* fd: a client of the console (guest_process_mconsole()), taken over in any case. -EAGAIN: the
 * kernel does not accept requests at the moment. -E2BIG: the command is too long. */
int mconsole_call(sd_event *event, int fd, const char *command, MconsoleCallDone done,
                  void *userdata, MconsoleCall **ret);

/* The reply is no longer needed: done is not called. */
MconsoleCall *mconsole_call_free(MconsoleCall *c);
DEFINE_CLEANUP(MconsoleCall *, mconsole_call_free)

/* Is this command dangerous to a kernel of that version? Returns what it would do, or NULL. */
const char *mconsole_danger(unsigned major, const char *command);
