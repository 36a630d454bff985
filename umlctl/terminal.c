/* SPDX-License-Identifier: GPL-2.0-or-later */
/* terminal.c - capabilities of the terminal. */

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "umlctl/terminal.h"

/* What standard output was before it became a pipe to a pager. */
static struct {
        bool kept;
        size_t width;
} output;

static size_t ask_width(int fd) {
        struct winsize size = {};

        return ioctl(fd, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : 80;
}

void terminal_keep_output(void) {
        output.width = ask_width(STDOUT_FILENO);
        output.kept = isatty(STDOUT_FILENO);
}

bool terminal_is(int fd) {
        return (output.kept && fd == STDOUT_FILENO) || isatty(fd);
}

bool terminal_smart(int fd) {
        const char *term = getenv("TERM");

        return terminal_is(fd) && !isempty(term) && !streq(term, "dumb");
}

bool terminal_coloured(int fd) {
        return terminal_smart(fd) && isempty(getenv("NO_COLOR"));
}

size_t terminal_width(int fd) {
        return output.kept && fd == STDOUT_FILENO ? output.width : ask_width(fd);
}

const char *colour_sequence(Colour colour) {
        static const char *const sequences[] = {
                [COLOUR_NONE] = "\033[0m",     [COLOUR_RED] = "\033[1;31m",
                [COLOUR_GREEN] = "\033[1;32m", [COLOUR_YELLOW] = "\033[1;33m",
                [COLOUR_GREY] = "\033[90m",
        };
        static_assert(ARRAY_SIZE(sequences) == COLOUR_MAX, "a sequence for every colour");

        return sequences[colour];
}
