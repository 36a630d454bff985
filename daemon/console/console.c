/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console.c - everything the guest prints, and what is typed into it.
 *
 * The guest reads from a terminal, because only that has a window size, but prints to a pipe, like
 * the rest of its kernel: a pty takes 12 KB at most and the turn of a work queue for each write,
 * which would slow down a guest that prints a lot (bench/console). */

#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#include "api/log-format.h"
#include "basic/fd-util.h"
#include "basic/log.h"
#include "basic/time-util.h"
#include "daemon/base/timer.h"
#include "daemon/console/console.h"

enum {
        TAIL_SIZE = 16 * 1024, /* kept in memory */
        READ_SIZE = 16 * 1024,
        MUCH = 1024,          /* read at once: more will follow */
        READS_PER_EVENT = 64, /* then the other event sources have their turn */
        PIPE_SIZE = 1 << 20,  /* requested size of the pipe; some hosts allow less */
        DRAIN_MAX = 1024, /* reads of a dead guest's last output: bounded, however much is in the
                             pipe */
};

#define REST USEC_PER_MSEC

typedef struct Channel {
        int fd;
        sd_event_source *source;
} Channel;

struct Console {
        sd_event *event;
        ConsoleLog *log;
        ConsoleJournal *journal;
        ConsoleClients *clients;
        Channel terminal, output;
        bool pty; /* the terminal is a pty */
        sd_event_source *rest;
        ConsoleSize size; /* of the client's terminal; 0 = unknown */
        void (*changed)(void *userdata);
        void *userdata;
        size_t n_input;
        char input[CONSOLE_PACKET_MAX]; /* typed, and not yet read by the guest */
        int tail_fd; /* of the file in memory that is mapped as the tail; -EBADF: none */
        struct Tail {
                size_t size;
                char text[2 * TAIL_SIZE +
                          1]; /* the newest bytes at the end; moved down when full */
        } * tail;             /* left to our successor as it is */
};

static void keep_tail(Console *c, const char *data, size_t size) {
        struct Tail *t = c->tail;

        if (size > TAIL_SIZE) {
                data += size - TAIL_SIZE;
                size = TAIL_SIZE;
        }
        if (t->size + size > 2 * TAIL_SIZE) {
                memmove(t->text, t->text + t->size - TAIL_SIZE, TAIL_SIZE);
                t->size = TAIL_SIZE;
        }
        for (size_t i = 0; i < size; i++)
                t->text[t->size + i] = data[i] ? data[i] : '?';
        t->size += size;
        t->text[t->size] = '\0';
}

static void take_output(Console *c, const char *data, size_t size) {
        keep_tail(c, data, size);
        if (c->log)
                console_log_write(c->log, data, size);
        if (c->journal)
                console_journal_write(c->journal, data, size);
        console_clients_output(c->clients, data, size);
}

/* Positive: number of bytes read, 0 = nothing available, negative = the other end is closed or
 * broken. */
static int channel_read(Console *c, Channel *ch) {
        char buf[READ_SIZE];
        ssize_t n = read(ch->fd, buf, sizeof(buf));

        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
                return -EPIPE;
        take_output(c, buf, (size_t) n);
        return (int) n;
}

static void channel_close(Channel *ch) {
        ch->source = sd_event_source_disable_unref(ch->source);
        ch->fd = safe_close(ch->fd);
}

/* ---- input ---- */

static void watch_terminal(Console *c) {
        (void) sd_event_source_set_io_events(c->terminal.source,
                                             EPOLLIN | (c->n_input > 0 ? EPOLLOUT : 0));
}

/* Writes to the guest what it accepts; the input of a guest that is gone is dropped. */
static void write_input(Console *c) {
        ssize_t n;

        if (c->n_input == 0)
                return;
        n = c->terminal.fd < 0 ? (ssize_t) c->n_input : write(c->terminal.fd, c->input, c->n_input);
        if (n < 0)
                n = errno == EAGAIN || errno == EINTR ? 0 : (ssize_t) c->n_input;
        c->n_input -= (size_t) n;
        memmove(c->input, c->input + n, c->n_input);
        if (c->terminal.source)
                watch_terminal(c);
}

static bool on_input(const void *data, size_t size, void *userdata) {
        Console *c = userdata;

        if (c->n_input > 0)
                return false;
        memcpy(c->input, data, size); /* less than a packet */
        c->n_input = size;
        write_input(c);
        return true;
}

static void apply_size(Console *c) {
        const struct winsize w = { .ws_row = c->size.rows, .ws_col = c->size.columns };

        if (c->pty && c->terminal.fd >= 0 && w.ws_row > 0 && w.ws_col > 0)
                (void) ioctl(c->terminal.fd, TIOCSWINSZ, &w);
}

static void on_resized(ConsoleSize size, void *userdata) {
        Console *c = userdata;

        c->size = size;
        apply_size(c);
}

static const char *on_recent(size_t *ret_size, void *userdata) {
        Console *c = userdata;
        size_t n = MIN(c->tail->size, (size_t) TAIL_SIZE);

        *ret_size = n;
        return c->tail->text + c->tail->size - n;
}

static void on_clients_changed(void *userdata) {
        const Console *c = userdata;

        if (c->changed)
                c->changed(c->userdata);
}

void console_on_change(Console *c, void (*changed)(void *userdata), void *userdata) {
        c->changed = changed;
        c->userdata = userdata;
}

ConsoleClients *console_clients(Console *c) {
        return c->clients;
}

/* The guest that would read what was typed is gone. */
static void drop_input(Console *c) {
        c->n_input = 0;
        console_clients_resume(c->clients);
}

/* ---- output ---- */

/* True: there was much of it. */
static bool drain(Console *c, Channel *ch) {
        bool much = false;

        for (int i = 0; i < READS_PER_EVENT; i++) {
                int r = channel_read(c, ch);

                much |= r >= MUCH;
                if (r == 0)
                        break;
                if (r < 0) { /* every process of the guest has closed it: EIO of a pty, end of a
                                socket or pipe */
                        channel_close(ch);
                        if (ch == &c->terminal)
                                drop_input(c);
                        return false;
                }
        }
        return much;
}

/* A reader that waits for each piece of output is woken up for each, and every read sends the guest
 * a signal, which costs it more than the printing (bench/console). So the pipe is given a moment to
 * fill up. */
static int rest(Console *c) {
        (void) sd_event_source_set_enabled(c->output.source, SD_EVENT_OFF);
        return timer_arm(c->rest, REST);
}

static int on_rested(sd_event_source *s, uint64_t usec, void *userdata) {
        Console *c = userdata;

        if (c->output.fd < 0)
                return 0;
        if (drain(c, &c->output))
                return rest(c);
        return c->output.source ? sd_event_source_set_enabled(c->output.source, SD_EVENT_ON) : 0;
}

static int on_output(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Console *c = userdata;

        return drain(c, &c->output) ? rest(c) : 0;
}

static int on_terminal(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Console *c = userdata;

        if (revents & EPOLLOUT) {
                write_input(c);
                if (c->n_input == 0)
                        console_clients_resume(c->clients);
        }
        (void) drain(c, &c->terminal);
        return 0;
}

void console_set_sinks(Console *c, ConsoleLog *log, ConsoleJournal *journal) {
        console_log_close(c->log);
        console_journal_free(c->journal);
        c->log = log;
        c->journal = journal;
}

/* ---- the tail ---- */

static void drop_tail(Console *c) {
        if (c->tail)
                (void) munmap(c->tail, sizeof(*c->tail));
        c->tail = NULL;
        c->tail_fd = safe_close(c->tail_fd);
}

/* Access beyond the end of a mapped file kills: one of another version may be smaller. */
static bool is_large_enough(int fd, size_t size) {
        struct stat st;

        return fd >= 0 && fstat(fd, &st) >= 0 && st.st_size >= (off_t) size;
}

/* fd: of a predecessor; negative: a new one, which needs no file if the host has none in memory. */
static int map_tail(Console *c, int fd) {
        int made = fd < 0 ? (int) syscall(SYS_memfd_create, "umld-console", 1U /* cloexec */) : fd;
        void *p;

        if (fd < 0 && made >= 0 && ftruncate(made, sizeof(*c->tail)) < 0)
                made = safe_close(made);
        p = mmap(NULL, sizeof(*c->tail), PROT_READ | PROT_WRITE,
                 MAP_SHARED | (made < 0 ? MAP_ANONYMOUS : 0), made, 0);
        if (p == MAP_FAILED) {
                if (fd < 0)
                        safe_close(made);
                return -errno;
        }
        drop_tail(c);
        c->tail = p;
        c->tail_fd = made;
        return 0;
}

Console *console_free(Console *c) {
        if (c) {
                channel_close(&c->terminal);
                channel_close(&c->output);
                console_set_sinks(c, NULL, NULL);
                console_clients_free(c->clients);
                sd_event_source_disable_unref(c->rest);
                sd_event_unref(c->event);
                drop_tail(c);
                free(c);
        }
        return NULL;
}

int console_new(sd_event *event, Console **ret) {
        _cleanup_(console_freep) Console *c = calloc(1, sizeof(*c));
        const ConsoleClientsListener listener = {
                .input = on_input,
                .resized = on_resized,
                .recent = on_recent,
                .changed = on_clients_changed,
                .userdata = c,
        };
        int r;

        if (!c)
                return -ENOMEM;
        c->event = sd_event_ref(event);
        c->terminal.fd = c->output.fd = c->tail_fd = -EBADF;
        if ((r = map_tail(c, -EBADF)) < 0 ||
            (r = console_clients_new(event, &listener, &c->clients)) < 0 ||
            (r = timer_new(event, "console-rest", USEC_INFINITY, 1, on_rested, c, &c->rest)) < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

/* A raw pty: the guest's own terminal layer is the line discipline. */
static int open_pty(uid_t owner, int *ret_master, int *ret_slave) {
        _cleanup_close_ int master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
        _cleanup_close_ int slave = -EBADF;
        struct termios t;
        char path[64];

        if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, path, sizeof(path)) != 0)
                return -errno;
        slave = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
        if (slave < 0 || tcgetattr(slave, &t) < 0)
                return -errno;
        cfmakeraw(&t);
        if (tcsetattr(slave, TCSANOW, &t) < 0 || fchown(slave, owner, (gid_t) -1) < 0)
                return -errno;
        *ret_master = TAKE_FD(master);
        *ret_slave = TAKE_FD(slave);
        return 0;
}

static int open_socket(int *ret_ours, int *ret_theirs) {
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        r = fd_nonblock(pair[0], true);
        if (r < 0) {
                safe_close(pair[0]);
                safe_close(pair[1]);
                return r;
        }
        *ret_ours = pair[0];
        *ret_theirs = pair[1];
        return 0;
}

static int channel_watch(Console *c, Channel *ch, int fd, sd_event_io_handler_t handler,
                         const char *description) {
        int r;

        channel_close(ch);
        ch->fd = fd;
        r = sd_event_add_io(c->event, &ch->source, fd, EPOLLIN, handler, c);
        if (r >= 0)
                (void) sd_event_source_set_description(ch->source, description);
        return r;
}

int console_open(Console *c, bool pty, uid_t owner, int *ret_terminal, int *ret_output) {
        _cleanup_close_ int terminal = -EBADF, output = -EBADF;
        int ours = -EBADF, pipe[2], r;

        c->tail->size = 0;
        c->tail->text[0] = '\0';
        c->n_input = 0;
        (void) sd_event_source_set_enabled(c->rest, SD_EVENT_OFF);
        r = pty ? open_pty(owner, &ours, &terminal) : open_socket(&ours, &terminal);
        if (r < 0)
                return r;
        r = channel_watch(c, &c->terminal, ours, on_terminal, "console-terminal");
        if (r < 0)
                return r;
        c->pty = pty;
        apply_size(c);
        if (pipe2(pipe, O_CLOEXEC) < 0)
                return -errno;
        output = pipe[1];
        (void) fcntl(pipe[0], F_SETPIPE_SZ, PIPE_SIZE);
        r = channel_watch(c, &c->output, pipe[0], on_output, "console-output");
        if (r < 0 || (r = fd_nonblock(pipe[0], true)) < 0)
                return r;
        *ret_terminal = TAKE_FD(terminal);
        *ret_output = TAKE_FD(output);
        return 0;
}

void console_note_boot(Console *c, const char *kernel) {
        if (c->log)
                console_log_mark(c->log, LOG_MARK_BOOT, kernel);
}

void console_note_end(Console *c, const char *why) {
        if (c->log)
                console_log_mark(c->log, LOG_MARK_END, why);
}

void console_finish(Console *c) {
        Channel *channels[] = { &c->output, &c->terminal };

        FOREACH_ELEMENT (ch, channels) {
                for (int i = 0; (*ch)->fd >= 0 && i < DRAIN_MAX; i++)
                        if (channel_read(c, *ch) <= 0)
                                break;
                channel_close(*ch);
        }
        drop_input(c);
        if (c->journal)
                console_journal_finish(c->journal);
}

const char *console_tail(Console *c) {
        return c->tail->text;
}

/* ---- from one umld to the next ---- */

void console_save(const Console *c, const SavedText *t, Keeper *k) {
        saved_put_number(t, "console.pty", c->pty);
        saved_putf(t, "console.size", "%u %u", c->size.rows, c->size.columns);
        keeper_put(k, STORE_TERMINAL, c->terminal.fd);
        keeper_put(k, STORE_OUTPUT, c->output.fd);
        keeper_put(k, "tail", c->tail_fd);
        console_clients_save(c->clients, t, k);
}

/* What the guest printed while nobody but umld-init read it. */
static void take_printed(Console *c, int fd) {
        StorePrinted *p = is_large_enough(fd, sizeof(*p))
                                  ? mmap(NULL, sizeof(*p), PROT_READ, MAP_SHARED, fd, 0)
                                  : MAP_FAILED;
        size_t at, n;

        if (p == MAP_FAILED)
                return;
        n = (size_t) MIN(p->total, (uint64_t) STORE_PRINTED_MAX);
        at = (size_t) ((p->total - n) % STORE_PRINTED_MAX);
        if (p->total > n)
                log_notice("console: of what the guest printed without umld %llu bytes are lost",
                           (unsigned long long) (p->total - n));
        take_output(c, p->data + at, MIN(n, STORE_PRINTED_MAX - at));
        take_output(c, p->data, n - MIN(n, STORE_PRINTED_MAX - at));
        (void) munmap(p, sizeof(*p));
}

int console_adopt(Console *c, Adoption *a) {
        _cleanup_close_ int printed = adoption_take(a, STORE_PRINTED);
        int terminal = adoption_take(a, STORE_TERMINAL), output = adoption_take(a, STORE_OUTPUT),
            tail = adoption_take(a, "tail"), r = 0;
        const char *size = saved_get(a->saved, "console.size") ?: "";
        unsigned rows, columns;

        if (sscanf(size, "%u %u", &rows, &columns) == 2)
                c->size = (ConsoleSize){ .rows = (uint16_t) rows, .columns = (uint16_t) columns };
        c->pty = saved_flag(a->saved, "console.pty");
        if (!is_large_enough(tail, sizeof(*c->tail)) || map_tail(c, tail) < 0)
                safe_close(tail);
        console_clients_adopt(c->clients, a);
        take_printed(c, printed);
        if (terminal >= 0)
                r = channel_watch(c, &c->terminal, terminal, on_terminal, "console-terminal");
        if (r >= 0 && output >= 0)
                r = channel_watch(c, &c->output, output, on_output, "console-output");
        else
                safe_close(output);
        return r;
}
