/* SPDX-License-Identifier: GPL-2.0-or-later */
/* terminal.c - capabilities of the terminal. */

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "umlctl/terminal.h"

bool terminal_smart(int fd) {
        const char *term = getenv("TERM");

        return isatty(fd) && !isempty(term) && !streq(term, "dumb");
}

bool terminal_coloured(int fd) {
        return terminal_smart(fd) && isempty(getenv("NO_COLOR"));
}

size_t terminal_width(int fd) {
        struct winsize size = {};

        return ioctl(fd, TIOCGWINSZ, &size) >= 0 && size.ws_col > 0 ? size.ws_col : 80;
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
