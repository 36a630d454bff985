/* SPDX-License-Identifier: GPL-2.0-or-later */
/* raw-terminal.c - switches the terminal to raw mode and back. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "basic/macro.h"
#include "umlctl/raw-terminal.h"

static struct {
        bool remembered, raw;
        int fd;
        struct termios before;
} terminal;

void raw_terminal_leave(void) {
        if (terminal.raw) /* without draining: a stopped terminal would never drain */
                (void) tcsetattr(terminal.fd, TCSANOW, &terminal.before);
        terminal.raw = false;
}

int raw_terminal_enter(int fd) {
        struct termios t;

        if (!terminal.remembered) {
                if (tcgetattr(fd, &terminal.before) < 0)
                        return -errno;
                terminal.fd = fd;
                terminal.remembered = true;
                if (atexit(raw_terminal_leave) != 0)
                        return -ENOMEM;
        }
        t = terminal.before;
        cfmakeraw(&t);
        terminal.raw = true;
        return tcsetattr(fd, TCSANOW, &t) < 0 ? -errno : 0;
}

/* "ESC [ ? number h" sets a mode, "ESC [ ? number l" resets it. */
void terminal_modes_watch(TerminalModes *m, const char *data, size_t size) {
        static const char prefix[] = "\033[?";
        enum {
                NUMBER = sizeof(prefix) - 1,
        };

        for (size_t i = 0; i < size; i++) {
                char c = data[i];

                if (c == '\033') {
                        m->state = 1;
                        m->number = 0;
                } else if (m->state > 0 && m->state < NUMBER)
                        m->state = c == prefix[m->state] ? m->state + 1 : 0;
                else if (m->state == NUMBER) {
                        if (c >= '0' && c <= '9' && m->number < 10000)
                                m->number = m->number * 10 + (unsigned) (c - '0');
                        else if (c == 'h' || c == 'l') {
                                if (m->number == 47 || m->number == 1047 || m->number == 1049)
                                        m->alternate = c == 'h';
                                m->state = 0;
                        } else
                                m->state = 0;
                }
        }
}

const char *terminal_modes_reset(const TerminalModes *m) {
#define RESET                                                                                      \
        "\033[m\033(B\017"                                        /* colours, characters */        \
        "\033[?25h\033[?7h\033[?1l\033>"                          /* cursor, wrapping, keys */     \
        "\033[?1000l\033[?1002l\033[?1003l\033[?1006l\033[?2004l" /* mouse, paste */
        return m->alternate ? RESET "\033[?1049l" : RESET;
}

/* ---- what goes with it ---- */

int terminal_open_output(void) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

        return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

int terminal_open_signals(const int *signals, size_t n) {
        sigset_t mask;

        sigemptyset(&mask);
        for (size_t i = 0; i < n; i++)
                sigaddset(&mask, signals[i]);
        if (sigprocmask(SIG_BLOCK, &mask, NULL) < 0)
                return -errno;
        return RET_NERRNO(signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
}
