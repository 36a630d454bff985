/* SPDX-License-Identifier: GPL-2.0-or-later */
/* last-exit.c - the end of a guest, kept on disk. */

#include <inttypes.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/last-exit.h"

void last_exit_done(LastExit *e) {
        free(e->detail);
        *e = (LastExit){};
}

void last_exit_set(LastExit *e, Verdict verdict, char *detail) {
        last_exit_done(e);
        *e = (LastExit){ .verdict = verdict, .detail = detail, .when = now_usec(CLOCK_REALTIME) };
}

int last_exit_write(const char *path, GuestState state, const LastExit *e) {
        _cleanup_free_ char *text = strfmt("STATE=%s\nVERDICT=%s\nDETAIL=%s\nWHEN=%" PRIu64 "\n",
                                           guest_state_to_string(state),
                                           verdict_to_string(e->verdict), e->detail ?: "", e->when);

        return text ? write_file_atomic(path, text, strlen(text), 0644) : -ENOMEM;
}
