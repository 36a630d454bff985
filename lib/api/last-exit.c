/* SPDX-License-Identifier: GPL-2.0-or-later */
/* last-exit.c - writes and reads the record of how a guest ended. */

#include <inttypes.h>

#include "api/dirs.h"
#include "api/last-exit.h"
#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

enum {
        FILE_MAX = 16 * 1024,
};

void last_exit_done(LastExit *e) {
        free(e->detail);
        *e = (LastExit){};
}

void last_exit_set(LastExit *e, Verdict verdict, char *detail) {
        last_exit_done(e);
        *e = (LastExit){ .verdict = verdict, .detail = detail, .when = now_usec(CLOCK_REALTIME) };
}

char *last_exit_format(const LastExit *e) {
        _cleanup_free_ char *detail = strdup(e->detail ?: "");

        if (!detail)
                return NULL;
        for (char *p = detail; (p = strchr(p, '\n'));)
                *p = ' ';
        return strfmt("STATE=%s\nVERDICT=%s\nDETAIL=%s\nWHEN=%" PRIu64 "\n",
                      guest_state_to_string(e->state), verdict_to_string(e->verdict), detail,
                      e->when);
}

int last_exit_write(const char *name, const LastExit *e) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, name, "last-exit"),
                            *text = last_exit_format(e);

        return path && text ? write_file_atomic(path, text, strlen(text), 0644) : -ENOMEM;
}

static int take_line(const char *line, LastExit *e) {
        const char *v;

        if ((v = startswith(line, "STATE="))) {
                if (streq(v, guest_state_to_string(GUEST_FAILED)))
                        e->state = GUEST_FAILED;
        } else if ((v = startswith(line, "VERDICT="))) {
                Verdict verdict = verdict_from_string(v);

                if ((int) verdict >= 0)
                        e->verdict = verdict;
        } else if ((v = startswith(line, "DETAIL=")))
                return free_and_strdup(&e->detail, isempty(v) ? NULL : v);
        else if ((v = startswith(line, "WHEN=")))
                (void) parse_unsigned(v, 0, UINT64_MAX, &e->when);
        return 0;
}

int last_exit_parse(const char *text, LastExit *ret) {
        _cleanup_(last_exit_done) LastExit e = { .state = GUEST_STOPPED, .verdict = VERDICT_NONE };
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy, *line;
        int r;

        if (!copy)
                return -ENOMEM;
        while ((line = strsep(&rest, "\n"))) {
                r = take_line(line, &e);
                if (r < 0)
                        return r;
        }
        *ret = e;
        e.detail = NULL;
        return 0;
}

int last_exit_read(const char *name, LastExit *ret) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, name, "last-exit"), *text = NULL;
        ssize_t n;

        if (!path)
                return -ENOMEM;
        n = read_file(path, FILE_MAX, &text);
        return n < 0 ? (int) n : last_exit_parse(text, ret);
}
