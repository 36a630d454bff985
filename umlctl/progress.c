/* SPDX-License-Identifier: GPL-2.0-or-later */
/* progress.c - the progress line shown while waiting. */

#include <stdio.h>
#include <unistd.h>

#include "basic/string-util.h"
#include "umlctl/progress.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"
#include "umlctl/terminal.h"

static bool forbidden = false;

void progress_forbid(void) {
        forbidden = true;
}

void progress_begin(Progress *p, const char *name, bool enabled) {
        *p = (Progress){
                .name = name,
                .begin = now_usec(CLOCK_MONOTONIC),
                .enabled = enabled && !forbidden && terminal_smart(STDERR_FILENO),
        };
}

void progress_set(Progress *p, const char *text) {
        if (p->enabled)
                (void) free_and_strdup(&p->text,
                                       text); /* without a text there is just no progress line */
        p->done = p->total = 0;
}

void progress_set_amount(Progress *p, uint64_t done, uint64_t total) {
        p->done = done;
        p->total = total;
}

/* "[######    ] 60%" of so many bytes, or "1.2M" if the total is unknown; the caller frees it. */
static char *progress_amount(uint64_t done, uint64_t total) {
        enum { BAR = 20 };
        char bar[BAR + 1];
        unsigned percent, marks;

        if (total == 0)
                return strdup(FORMAT_SIZE(done));
        percent = (unsigned) ((double) MIN(done, total) * 100 / (double) total);
        marks = percent * BAR / 100;
        memset(bar, ' ', BAR);
        memset(bar, '#', marks);
        bar[BAR] = '\0';
        return strfmt("[%s] %u%%", bar, percent);
}

char *progress_line(const char *name, const char *text, usec_t elapsed, size_t width) {
        _cleanup_free_ char *clock = NULL, *body = NULL, *safe = NULL;
        size_t room;

        clock = strfmt(" (%s)", FORMAT_TIMESPAN(elapsed / USEC_PER_SEC * USEC_PER_SEC));
        body = strfmt("%s: %s", name, text ?: "waiting");
        if (!clock || !body)
                return NULL;
        /* Leave one column free, because a full line would wrap on some terminals, and one for "…".
         */
        room = width > strlen(clock) + 2 ? width - strlen(clock) - 2 : 0;
        safe = safe_text(body, room);
        return safe ? strfmt("%s%s", safe, clock) : NULL;
}

void progress_draw(Progress *p) {
        usec_t elapsed = now_usec(CLOCK_MONOTONIC) - p->begin;
        _cleanup_free_ char *line = NULL, *amount = NULL, *text = NULL;

        if (!p->enabled || elapsed < USEC_PER_SEC)
                return;
        if (p->done > 0 && (amount = progress_amount(p->done, p->total)))
                text = strfmt("%s %s", p->text ?: "", amount);
        line = progress_line(p->name, text ?: p->text, elapsed, terminal_width(STDERR_FILENO));
        if (!line)
                return;
        (void) fflush(stdout);
        fprintf(stderr, "\r\033[K%s", line);
        p->shown = true;
}

void progress_wipe(Progress *p) {
        if (p->shown)
                fputs("\r\033[K", stderr);
        p->shown = false;
}

void progress_end(Progress *p) {
        progress_wipe(p);
        p->enabled = false;
        free(p->text);
        p->text = NULL;
}
