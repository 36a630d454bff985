/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A umld of its own, where no service manager starts it: in a session of its own, logging to
 * LOG/NAME/umld.log, telling us through NOTIFY_SOCKET how it gets on. */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "basic/macro.h"
#include "umlctl/waiter.h"

#define DETACHED_INIT                                                                              \
        { .notify = -EBADF }

typedef struct Detached {
        pid_t pid;
        char *log;       /* path of its log */
        off_t log_begin; /* where this run begins in it */
        int notify;      /* our end of the notification socket */
        bool ready;      /* it said READY=1 */
        bool ended;
        int status; /* as of waitpid(), once it has ended */
        char *text; /* its last STATUS= */
        sd_event_source *io, *child;
        Waiter *waiter;
} Detached;

/* The program: $UMLD_DAEMON, or one next to this program, or the one installed; the caller's to
 * free(). */
int detach_find_umld(char **ret);

/* Starts umld NAME. While the waiter runs, news shows in the fields above, and it is made to look.
 */
int detach_start(const char *program, const char *name, Waiter *waiter, Detached *d);
void detach_done(Detached *d);

/* Why it ended: its last line of error, else its last status, else its exit status. The caller's to
 * free(). */
char *detach_reason(const Detached *d);

/* The exit code of ours for its end. */
int detach_exit_code(const Detached *d);

/* Takes READY=1 and STATUS=… from one notification. The text in *status (owned) is replaced. */
void detach_parse_notification(const char *text, bool *ready, char **status);

/* The last line of a log that is marked as an error, without stamp and mark, or NULL; the caller's.
 */
char *detach_last_error(const char *log);
