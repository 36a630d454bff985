/* SPDX-License-Identifier: GPL-2.0-or-later */
/* top-screen.c - draws on a terminal, and reads its keys. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "umlctl/raw-terminal.h"
#include "umlctl/terminal.h"
#include "umlctl/top-screen.h"

#define SCREEN_ON  "\033[?1049h\033[?25l" /* the alternate screen, without a cursor */
#define SCREEN_OFF "\033[m\033[?25h\033[?1049l"

enum {
        KEY_INTERRUPT = 'C' & 0x1f,
        KEY_QUIT = '\\' & 0x1f,
        KEY_SUSPEND = 'Z' & 0x1f,
        KEY_REDRAW = 'L' & 0x1f,
        LAST_MS = 300, /* how long a terminal that accepts nothing is waited for at the end */
};

static struct {
        bool on;
        int out, signals;
} screen = { .out = -EBADF, .signals = -EBADF };

/* ---- output ---- */

/* Gives up if the terminal accepts nothing and a signal arrives, or in the end the time is over. */
static void put(const char *data, size_t size, int patience) {
        struct pollfd p[] = { { .fd = screen.out, .events = POLLOUT },
                              { .fd = patience < 0 ? screen.signals : -1, .events = POLLIN } };

        while (size > 0) {
                ssize_t n = write(screen.out, data, size);

                if (n > 0) {
                        data += n;
                        size -= (size_t) n;
                } else if (n < 0 && errno != EAGAIN && errno != EINTR)
                        return;
                else if (poll(p, ARRAY_SIZE(p), patience) <= 0 || p[1].revents)
                        return;
        }
}

static size_t screen_height(void) {
        struct winsize size = {};

        return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) >= 0 && size.ws_row > 0 ? size.ws_row : 24;
}

size_t screen_width(void) {
        return terminal_width(STDOUT_FILENO);
}

/* The bytes of a line that fit: characters of UTF-8 and sequences are left whole. */
static size_t fitting(const char *line, size_t size, size_t width) {
        size_t i = 0, columns = 0;

        while (i < size) {
                if (line[i] == '\033')
                        i += strcspn(line + i, "m") + 1;
                else if (((unsigned char) line[i] & 0xc0) == 0x80 || columns++ < width)
                        i++;
                else
                        break;
        }
        return MIN(i, size);
}

void screen_draw(const char *text) {
        size_t height = screen_height(), width = screen_width(), size = 0;
        _cleanup_free_ char *picture = NULL;
        FILE *f = open_memstream(&picture, &size);

        if (!f)
                return;
        fputs("\033[H", f);
        for (size_t i = 0; i < height && *text; i++) {
                size_t n = strcspn(text, "\n");

                fprintf(f, "%s%.*s\033[m\033[K", i > 0 ? "\r\n" : "", (int) fitting(text, n, width),
                        text);
                text += n + (text[n] == '\n');
        }
        fputs("\033[J", f);
        if (memstream_close(f, &picture) >= 0)
                put(picture, strlen(picture), -1);
}

/* ---- taking it over, and giving it back ---- */

void screen_leave(void) {
        if (screen.on)
                put(SCREEN_OFF, strlen(SCREEN_OFF), LAST_MS);
        screen.on = false;
        raw_terminal_leave();
}

static int take_over(void) {
        int r = raw_terminal_enter(STDIN_FILENO);

        if (r < 0)
                return r;
        screen.on = true;
        put(SCREEN_ON, strlen(SCREEN_ON), -1);
        return 0;
}

static int open_signals(void) {
        static const int signals[] = {
                SIGWINCH, SIGCONT, SIGTSTP, SIGTERM, SIGHUP, SIGINT, SIGQUIT
        };

        return terminal_open_signals(signals, ARRAY_SIZE(signals));
}

int screen_enter(void) {
        screen.out = terminal_open_output();
        screen.signals = open_signals();
        if (screen.out < 0 || screen.signals < 0)
                return -EIO;
        if (atexit(screen_leave) != 0)
                return -ENOMEM;
        return take_over();
}

/* SIGSTOP cannot be blocked, so the shell gets a terminal that is as it was. */
static void suspend(void) {
        screen_leave();
        (void) raise(SIGSTOP);
        (void) take_over();
}

/* ---- input ---- */

static ScreenEvent take_signal(int *ret_signal) {
        struct signalfd_siginfo si;

        if (read(screen.signals, &si, sizeof(si)) != sizeof(si))
                return SCREEN_TIMEOUT;
        if (si.ssi_signo == SIGTSTP)
                suspend();
        else if (si.ssi_signo == SIGCONT)
                (void) take_over();
        else if (si.ssi_signo != SIGWINCH) {
                *ret_signal = (int) si.ssi_signo;
                return SCREEN_END;
        }
        return SCREEN_REDRAW;
}

static ScreenEvent take_key(char *ret_key, int *ret_signal) {
        char key;
        ssize_t n = read(STDIN_FILENO, &key, 1);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return SCREEN_TIMEOUT;
        if (n <= 0)
                return SCREEN_END;
        if (key == KEY_INTERRUPT || key == KEY_QUIT) {
                *ret_signal = key == KEY_INTERRUPT ? SIGINT : SIGQUIT;
                return SCREEN_END;
        }
        if (key == KEY_SUSPEND)
                suspend();
        if (key == KEY_SUSPEND || key == KEY_REDRAW)
                return SCREEN_REDRAW;
        *ret_key = key;
        return SCREEN_KEY;
}

ScreenEvent screen_wait(usec_t limit, char *ret_key, int *ret_signal) {
        struct pollfd p[] = { { .fd = screen.signals, .events = POLLIN },
                              { .fd = STDIN_FILENO, .events = POLLIN } };

        if (poll(p, ARRAY_SIZE(p), (int) (limit / USEC_PER_MSEC)) <= 0)
                return SCREEN_TIMEOUT;
        return p[0].revents ? take_signal(ret_signal) : take_key(ret_key, ret_signal);
}
