/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Between umld and umld-notify USER MICROSECONDS COMMAND..., whose exit status is that of the
 * command or one of these, which timeout(1) and shells have as well. */

#include "basic/time-util.h"

enum {
        NOTIFY_LATE = 124,   /* the command took longer than that */
        NOTIFY_FAILED = 125, /* it could not be started as that user */
        NOTIFY_SIGNAL = 128, /* plus the number of the signal that has ended it */
};

/* After SIGTERM the command has this long until it is killed. */
#define NOTIFY_GRACE (2 * USEC_PER_SEC)
