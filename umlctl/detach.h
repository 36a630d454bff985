/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Starts an umld where no service manager does: in a session of its own, logging to
 * LOG/NAME/umld.log, reporting its progress through NOTIFY_SOCKET. */

#include <sys/types.h>
#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "basic/macro.h"
#include "umlctl/waiter.h"

#define DETACHED_INIT                                                                              \
        { .notify = -EBADF }

typedef struct Detached {
        pid_t pid;
        pid_t umld;      /* its child, if it is umld's keeper */
        char *log;       /* path of its log */
        off_t log_begin; /* where this run begins in the log */
        int notify;      /* our end of the notification socket */
        bool ready;      /* it sent READY=1 */
        bool ended;
        int status; /* as from waitpid(), once it has ended */
        char *text; /* the last STATUS= it sent */
        sd_event_source *io, *child;
        Waiter *waiter;
} Detached;

/* Starts umld for that guest, by the words in argv. While the waiter runs, progress shows in the
 * fields above, and the waiter is woken up. */
int detach_start(const char *program, char *const *argv, const char *guest, Waiter *waiter,
                 Detached *d);
void detach_done(Detached *d);

/* Why it ended: its last error message, else its last status, else its exit status. The caller
 * frees it. */
char *detach_reason(const Detached *d);

/* The exit code of umlctl for the way it ended. */
int detach_exit_code(const Detached *d);

/* Parses READY=1 and STATUS=… in one notification. The text in *status (owned) is replaced. */
void detach_parse_notification(const char *text, bool *ready, char **status);

/* The last line in a log that is marked as an error, without time stamp and mark, or NULL. The
 * caller frees it. */
char *detach_last_error(const char *log);
