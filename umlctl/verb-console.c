/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-console.c - connects this terminal to the guest's console. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/console-protocol.h"
#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/escape-keys.h"
#include "umlctl/raw-terminal.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"
#include "umlctl/verbs.h"

enum {
        OUT_SIZE = 64 * 1024, /* for a slow terminal; if it is full, umld drops output */
        IN_SIZE = 64 * 1024,  /* for a guest that does not read */
        READ_SIZE = 2048,
        LAST_WORDS_MS = 300, /* how long a terminal that accepts no output is waited for */
};

typedef struct Buffer {
        size_t n;
        char data[OUT_SIZE];
} Buffer;
static_assert(OUT_SIZE == IN_SIZE, "one size for both");

typedef struct Session {
        const char *guest;
        int socket, out, signals;
        bool typing;       /* standard input is a terminal */
        bool showing;      /* standard output is a terminal */
        bool read_only;    /* nothing goes to the guest */
        bool input_over;   /* end of file on standard input */
        bool size_changed; /* and umld has not been told yet */
        bool over;         /* the session has ended, because: */
        bool detached;     /* the user detached */
        int signal;        /* a signal arrived */
        char *end;         /* umld ended it: its message */
        EscapeKeys keys;
        TerminalModes modes;
        Buffer output, input;
} Session;

static size_t room(const Buffer *b) {
        return sizeof(b->data) - b->n;
}

static void buffer_add(Buffer *b, const char *data, size_t size) {
        size = MIN(size, room(b));
        memcpy(b->data + b->n, data, size);
        b->n += size;
}

static void buffer_remove(Buffer *b, size_t size) {
        b->n -= size;
        memmove(b->data, b->data + size, b->n);
}

/* ---- to the user ---- */

static void say_in_session(Session *s, const char *text) {
        _cleanup_free_ char *safe = safe_text(text, 500), *line = NULL;

        if (!s->showing) {
                note("%s: %s", s->guest, text);
                return;
        }
        line = strfmt("\r\n[%s: %s]\r\n", s->guest, safe ?: "");
        if (line)
                buffer_add(&s->output, line, strlen(line));
}

static void write_output(Session *s) {
        ssize_t n = write(s->out, s->output.data, s->output.n);

        if (n > 0)
                buffer_remove(&s->output, (size_t) n);
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
                s->over = true; /* the terminal is gone */
}

/* ---- from umld ---- */

static void take_packet(Session *s) {
        char packet[CONSOLE_PACKET_MAX + 1];
        ssize_t n = recv(s->socket, packet, CONSOLE_PACKET_MAX, MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                s->over = true;
                return;
        }
        packet[n] = '\0';
        switch (packet[0]) {
        case CONSOLE_OUTPUT:
                terminal_modes_watch(&s->modes, packet + 1, (size_t) n - 1);
                buffer_add(&s->output, packet + 1, (size_t) n - 1);
                break;
        case CONSOLE_NOTICE:
                say_in_session(s, packet + 1);
                break;
        case CONSOLE_END:
                s->end = strdup(packet + 1);
                s->over = true;
                break;
        default: /* from a later version of umld */
                break;
        }
}

/* ---- to umld ---- */

static bool send_packet(Session *s, ConsolePacketType type, const void *data, size_t size) {
        char packet[CONSOLE_PACKET_MAX];

        packet[0] = (char) type;
        memcpy(packet + 1, data, size);
        return send(s->socket, packet, size + 1, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static ConsoleSize terminal_size(const Session *s) {
        struct winsize w = {};

        if (s->showing)
                (void) ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
        return (ConsoleSize){ .rows = w.ws_row, .columns = w.ws_col };
}

static void send_pending(Session *s) {
        if (s->size_changed) {
                const ConsoleSize size = terminal_size(s);

                s->size_changed = !send_packet(s, CONSOLE_SIZE, &size, sizeof(size));
        }
        while (s->input.n > 0) {
                size_t n = MIN(s->input.n, (size_t) CONSOLE_PACKET_MAX - 1);

                if (!send_packet(s, CONSOLE_INPUT, s->input.data, n))
                        break;
                buffer_remove(&s->input, n);
        }
}

/* Typed keys are always read, so that the detach keys are recognised; what the guest does not read
 * is dropped in the end. From a pipe only as much is read as can be passed on. */
static void take_input(Session *s) {
        char typed[READ_SIZE], passed[READ_SIZE + 1];
        ssize_t n = read(STDIN_FILENO, typed, sizeof(typed));
        size_t size;

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        if (n <= 0) {
                s->input_over = true;
                s->over |= s->typing; /* the terminal is gone */
                return;
        }
        if (s->typing)
                size = escape_keys_put(&s->keys, typed, (size_t) n, passed, &s->detached);
        else
                memcpy(passed, typed, size = (size_t) n);
        s->over |= s->detached;
        if (!s->read_only)
                buffer_add(&s->input, passed, size);
}

static void take_signal(Session *s) {
        struct signalfd_siginfo si;

        if (read(s->signals, &si, sizeof(si)) != sizeof(si))
                return;
        if (si.ssi_signo == SIGWINCH)
                s->size_changed = !s->read_only;
        else if (si.ssi_signo == SIGCONT) {
                if (s->typing)
                        (void) raw_terminal_enter(STDIN_FILENO);
        } else {
                s->signal = (int) si.ssi_signo;
                s->over = true;
        }
}

/* ---- the session ---- */

static void turn(Session *s) {
        bool wants_input = !s->input_over && (s->typing || room(&s->input) >= READ_SIZE);
        bool has_input = s->input.n > 0 || s->size_changed;
        short events = (short) ((room(&s->output) >= 2 * CONSOLE_PACKET_MAX ? POLLIN : 0) |
                                (has_input ? POLLOUT : 0));
        struct pollfd p[] = {
                { .fd = wants_input ? STDIN_FILENO : -1, .events = POLLIN },
                { .fd = events ? s->socket : -1, .events = events },
                { .fd = s->output.n > 0 ? s->out : -1, .events = POLLOUT },
                { .fd = s->signals, .events = POLLIN },
        };

        if (poll(p, ARRAY_SIZE(p), -1) < 0)
                return;
        if (p[0].revents)
                take_input(s);
        if (p[1].revents & (POLLIN | POLLHUP | POLLERR) && events & POLLIN)
                take_packet(s);
        if (has_input || s->input.n > 0)
                send_pending(s);
        if (p[2].revents)
                write_output(s);
        if (p[3].revents)
                take_signal(s);
}

/* Prints what is left, as far as the terminal accepts it. */
static void last_words(Session *s) {
        struct pollfd p = { .fd = s->out, .events = POLLOUT };

        if (s->showing && terminal_smart(STDOUT_FILENO)) {
                const char *reset = terminal_modes_reset(&s->modes);

                buffer_add(&s->output, reset, strlen(reset));
        }
        if (s->showing)
                buffer_add(&s->output, "\r\n", 2);
        while (s->output.n > 0 && poll(&p, 1, LAST_WORDS_MS) > 0) {
                size_t before = s->output.n;

                write_output(s);
                if (s->output.n == before)
                        break;
        }
}

static int session_result(const Session *s) {
        if (s->detached) {
                note("detached; %s continues to run", s->guest);
                return EXIT_DONE;
        }
        if (s->end) {
                note("%s: %s", s->guest, s->end);
                return EXIT_DONE;
        }
        if (s->signal)
                return 128 + s->signal;
        return fail_with(EXIT_FAILED, "%s: lost the connection to umld", s->guest);
}

static int open_signals(void) {
        static const int signals[] = { SIGWINCH, SIGCONT, SIGTERM, SIGHUP, SIGINT, SIGQUIT };

        (void) signal(SIGPIPE, SIG_IGN);
        return terminal_open_signals(signals, ARRAY_SIZE(signals));
}

static void run_session(Session *s) {
        if (s->typing)
                (void) raw_terminal_enter(STDIN_FILENO);
        while (!s->over)
                turn(s);
        last_words(s);
        raw_terminal_leave();
}

/* ---- start of the session ---- */

static int open_console(sd_bus *bus, const Options *o, ConsoleSize size, int *ret_fd,
                        sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL, *reply = NULL;
        int fd, r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           UMLD_METHOD_OPEN_CONSOLE);
        if (r >= 0)
                r = sd_bus_message_append(m, "bbqq", (int) o->read_only, (int) o->force, size.rows,
                                          size.columns);
        if (r >= 0)
                r = sd_bus_call(bus, m, BUS_ORDER_LIMIT, error, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return r;
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message closes its own copy */
        if (fd < 0)
                return -errno;
        *ret_fd = fd;
        return 0;
}

static int attach(const Options *o, const char *guest, Session *s) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        pid_t pid = 0;
        int r;

        r = bus_connect(guest, BUS_ANSWER_LIMIT, &bus, &pid);
        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running", guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        r = open_console(bus, o, terminal_size(s), &s->socket, &error);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "%s: %s", guest,
                                 error.message ?: strerror(-r));
        return 0;
}

int verb_console(const Options *o, const char *guest) {
        _cleanup_close_ int socket = -EBADF, out = -EBADF, signals = -EBADF;
        _cleanup_free_ Session *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return fail_with(EXIT_FAILED, "out of memory");
        s->guest = guest;
        s->socket = -EBADF;
        s->typing = isatty(STDIN_FILENO);
        s->showing = isatty(STDOUT_FILENO);
        s->read_only = o->read_only;
        s->out = out = terminal_open_output();
        s->signals = signals = open_signals();
        if (out < 0 || signals < 0)
                return fail_with(EXIT_FAILED, "cannot set up the terminal");
        r = attach(o, guest, s);
        socket = s->socket;
        if (r != 0)
                return r;
        if (s->typing)
                note("attached to the console of %s%s; to detach, press Ctrl-] twice, or type ~. "
                     "at the beginning of a line",
                     guest, o->read_only ? " (read-only)" : "");
        run_session(s);
        r = session_result(s);
        free(s->end);
        return r;
}
