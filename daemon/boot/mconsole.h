/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Asks a guest's management console on somebody's behalf, over a socket of its own, so that answers
 * never get mixed up. Nothing waits: the answer is handed on when it is there. */

#include <systemd/sd-event.h>

#include "basic/cleanup.h"

typedef struct MconsoleCall MconsoleCall;

/* error: of the kernel's answer, 0, 1 or negative; -ETIMEDOUT with no text: it did not answer;
 * another negative one: it is gone. text: what it said, any bytes. whole: its end has come. Frees
 * the call. */
typedef void (*MconsoleCallDone)(int error, const char *text, size_t size, bool whole,
                                 void *userdata);

/* fd: a client of the console (guest_process_mconsole()), taken over in any case. -EAGAIN: the
 * kernel takes no requests at the moment. -E2BIG: the command is too long. */
int mconsole_call(sd_event *event, int fd, const char *command, MconsoleCallDone done,
                  void *userdata, MconsoleCall **ret);

/* Nobody wants the answer any more: done is not called. */
MconsoleCall *mconsole_call_free(MconsoleCall *c);
DEFINE_CLEANUP(MconsoleCall *, mconsole_call_free)

/* Must this command not be given to a kernel of that version? Returns what it would do, or NULL. */
const char *mconsole_danger(unsigned major, const char *command);
