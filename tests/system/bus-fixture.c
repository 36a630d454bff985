/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus-fixture.c - the control socket of an umld, or the private one of a systemd, that does as a
 * test says.
 *
 *   bus-fixture SOCKET MODE
 *
 * MODE is how much of its part it plays:
 *   deaf     listens and never takes a call, with a full queue
 *   mute     takes calls and never says a word
 *   hangup   takes calls and hangs up
 *   login    lets its callers log in and answers nothing else
 *   full     the whole interface
 *
 * It prints "ready" when it listens and "call METHOD" for each method that is called, and obeys
 * lines on standard input:
 *   set PROPERTY VALUE        \xNN in VALUE is that byte; lists are split at blanks, maps are
 *                             KEY=VALUE
 *   state NEW WHY             sets State and Since and sends StateChanged
 *   refuse METHOD ERROR TEXT  the next call of METHOD fails so
 *   ignore METHOD             calls of METHOD get no answer
 *   answer METHOD TYPES WORD… what METHOD answers; without that, nothing. TYPES: s, o, u, t, b, c
 *                             for a list of changes, which is empty for the WORD 0, and h for a
 *                             history of so many samples
 *   signal MEMBER TYPES WORD… sends a signal of systemd's manager
 *   linger MSEC               when it ends, the process outlives its connections that long
 * It ends, and closes all connections, when standard input does. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "bus-fixture.h"

enum {
        MAX_CONNECTIONS = 32,
        MAX_ANSWERS = 16,
        MAX_LINE = 4 * 1024 * 1024, /* for tests with huge texts */
};

static struct { char *method, *error, *text; } refusal;
static struct { char *method, *words; } answers[MAX_ANSWERS];
static char *ignored;
static unsigned linger_msec;
static sd_bus *connections[MAX_CONNECTIONS];
static const char *mode;

static int append_changes(sd_bus_message *m, bool any) {
        int r = sd_bus_message_open_container(m, 'a', "(sss)");

        if (r >= 0 && any)
                r = sd_bus_message_append(m, "(sss)", "symlink", "/etc/a", "/lib/a");
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_samples(sd_bus_message *m, uint64_t n) {
        int r = sd_bus_message_open_container(m, 'a', "(tttt)");

        for (uint64_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(m, "(tttt)", (1700000000 + 10 * i) * USEC_PER_SEC,
                                          (uint64_t) 1048576, (uint64_t) 2048, (uint64_t) 4096);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* TYPES WORD… as arguments of a message. */
static int append_typed(sd_bus_message *m, const char *text) {
        _cleanup_strv_ Strv words = {};
        int r = strv_split_shell(&words, text);

        if (r < 0 || words.n == 0)
                return r;
        if (words.n != strlen(words.v[0]) + 1)
                die(text, -EINVAL);
        for (size_t i = 1; r >= 0 && i < words.n; i++) {
                const char *word = words.v[i];

                switch (words.v[0][i - 1]) {
                case 's':
                        r = sd_bus_message_append(m, "s", word);
                        break;
                case 'o':
                        r = sd_bus_message_append(m, "o", word);
                        break;
                case 'u':
                        r = sd_bus_message_append(m, "u", (uint32_t) strtoul(word, NULL, 10));
                        break;
                case 't':
                        r = sd_bus_message_append(m, "t", (uint64_t) strtoull(word, NULL, 10));
                        break;
                case 'h':
                        r = append_samples(m, strtoull(word, NULL, 10));
                        break;
                case 'b':
                        r = sd_bus_message_append(m, "b", streq(word, "1"));
                        break;
                default:
                        r = append_changes(m, !streq(word, "0"));
                }
        }
        return r;
}

static int on_other(sd_bus_message *call, const char *member) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r = sd_bus_message_new_method_return(call, &m);

        FOREACH_ELEMENT (a, answers)
                if (r >= 0 && a->method && streq(a->method, member))
                        r = append_typed(m, a->words);
        return r < 0 ? r : sd_bus_send(sd_bus_message_get_bus(call), m, NULL);
}

static void set_answer(const char *method, const char *words) {
        FOREACH_ELEMENT (a, answers)
                if (!a->method || streq(a->method, method)) {
                        (void) free_and_strdup(&a->method, method);
                        (void) free_and_strdup(&a->words, words);
                        return;
                }
        die("answer", -ENOSPC);
}

static void send_signal(const char *member, const char *words) {
        FOREACH_ELEMENT (bus, connections) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

                if (*bus && sd_bus_is_open(*bus) > 0 &&
                    sd_bus_message_new_signal(*bus, &m, "/org/freedesktop/systemd1",
                                              "org.freedesktop.systemd1.Manager", member) >= 0 &&
                    append_typed(m, words) >= 0)
                        (void) sd_bus_send(*bus, m, NULL);
        }
}

static void say_call(const char *member) {
        printf("call %s\n", member);
        fflush(stdout);
}

static bool is_refused(const char *member) {
        return refusal.method && streq(refusal.method, member);
}

static int refuse(sd_bus_message *m) {
        return sd_bus_reply_method_errorf(m, refusal.error, "%s", refusal.text);
}

static int on_message(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *member = sd_bus_message_get_member(m);
        uint8_t type = 0;

        if (sd_bus_message_get_type(m, &type) < 0 || type != SD_BUS_MESSAGE_METHOD_CALL)
                return 0;
        if (streq(mode, "login"))
                return 1;
        if (streq(member, UMLD_METHOD_READ) && is_refused(member)) {
                say_call(member);
                return refuse(m);
        }
        if (streq(member, "GetAll"))
                return property_get_all(m);
        if (streq(member, UMLD_METHOD_READ))
                return property_on_read(m);
        if (streq(member, "Get"))
                return property_on_get(m);
        say_call(member);
        if (is_refused(member))
                return refuse(m);
        if (ignored && streq(ignored, member))
                return 1;
        return on_other(m, member);
}

static int on_connection(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        _cleanup_close_ int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        static int kept[MAX_CONNECTIONS], n_kept, n_connections;
        sd_bus *bus = NULL;
        sd_id128_t id = {};
        int r;

        if (peer < 0)
                return -errno;
        if (streq(mode, "hangup"))
                return 0;
        if (streq(mode, "mute")) {
                kept[n_kept++ % MAX_CONNECTIONS] = TAKE_FD(peer);
                (void) kept;
                return 0;
        }
        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, peer, peer);
        if (r >= 0) {
                (void) TAKE_FD(peer);
                r = sd_bus_set_server(bus, 1, id);
        }
        if (r >= 0)
                r = sd_bus_set_anonymous(bus, 1);
        if (r >= 0)
                r = sd_bus_add_filter(bus, NULL, on_message, NULL);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = sd_bus_attach_event(bus, sd_event_source_get_event(s), 0);
        if (r < 0)
                die("connection", r);
        r = n_connections++ % MAX_CONNECTIONS;
        sd_bus_close_unref(connections[r]);
        connections[r] = bus;
        return 0;
}

/* \xNN becomes that byte, in place. */
static void unescape(char *s) {
        char *out = s;

        while (*s) {
                unsigned byte;

                if (*s == '\\' && sscanf(s, "\\x%2x", &byte) == 1) {
                        *out++ = (char) byte;
                        s += 4;
                } else
                        *out++ = *s++;
        }
        *out = '\0';
}

static void set_state(const char *state, const char *why) {
        _cleanup_free_ char *old = strdup(property_get(UMLD_PROP_STATE)), *now = NULL;

        now = strfmt("%llu", (unsigned long long) now_usec(CLOCK_REALTIME));
        property_set(UMLD_PROP_STATE, state);
        property_set(UMLD_PROP_SINCE, now);
        FOREACH_ELEMENT (bus, connections)
                if (*bus)
                        (void) sd_bus_emit_signal(*bus, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                                  UMLD_SIGNAL_STATE_CHANGED, "sss", old, state,
                                                  why);
}

static void obey(char *line) {
        char *verb = strsep(&line, " "), *first = line ? strsep(&line, " ") : NULL;

        if (!first)
                die("a line of one word", -EINVAL);
        if (line)
                unescape(line);
        if (streq(verb, "set"))
                property_set(first, line ?: "");
        else if (streq(verb, "state"))
                set_state(first, line ?: "");
        else if (streq(verb, "linger"))
                linger_msec = (unsigned) strtoul(first, NULL, 10);
        else if (streq(verb, "ignore"))
                (void) free_and_strdup(&ignored, first);
        else if (streq(verb, "answer"))
                set_answer(first, line ?: "");
        else if (streq(verb, "signal"))
                send_signal(first, line ?: "");
        else if (streq(verb, "refuse") && line) {
                (void) free_and_strdup(&refusal.method, first);
                (void) free_and_strdup(&refusal.error, strsep(&line, " "));
                (void) free_and_strdup(&refusal.text, line ?: "");
        } else
                die("a line that it does not know", -EINVAL);
        printf("done\n");
        fflush(stdout);
}

static int on_input(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        static char *buffer;
        static size_t used;
        char *newline;
        ssize_t n;

        if (!buffer)
                buffer = malloc(MAX_LINE);
        if (!buffer || used == MAX_LINE)
                die("line", -ENOMEM);
        n = read(fd, buffer + used, MAX_LINE - used);
        if (n <= 0)
                return sd_event_exit(sd_event_source_get_event(s), 0);
        used += (size_t) n;
        while ((newline = memchr(buffer, '\n', used))) {
                size_t len = (size_t) (newline - buffer) + 1;

                *newline = '\0';
                obey(buffer);
                memmove(buffer, buffer + len, used - len);
                used -= len;
        }
        return 0;
}

static int listen_at(const char *path, int backlog) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0 || strlen(path) >= sizeof(sa.sun_path))
                die("socket", -EINVAL);
        strcpy(sa.sun_path, path);
        if (bind(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0 || listen(fd, backlog) < 0)
                die(path, -errno);
        return fd;
}

/* Fills the queue of a socket that nobody takes calls from. */
static void fill_queue(const char *path) {
        struct sockaddr_un sa = { .sun_family = AF_UNIX };

        strcpy(sa.sun_path, path);
        for (;;) {
                int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

                if (fd < 0 || connect(fd, (struct sockaddr *) &sa, sizeof(sa)) < 0)
                        return; /* the others stay open as long as we live */
        }
}

int main(int argc, char *argv[]) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        int fd, r;

        if (argc != 3)
                die("usage: bus-fixture SOCKET MODE", -EINVAL);
        mode = argv[2];
        fd = listen_at(argv[1], streq(mode, "deaf") ? 0 : 16);
        r = sd_event_new(&event);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN, on_input, NULL);
        if (streq(mode, "deaf"))
                fill_queue(argv[1]);
        else if (r >= 0)
                r = sd_event_add_io(event, NULL, fd, EPOLLIN, on_connection, NULL);
        if (r < 0)
                die("event loop", r);
        puts("ready");
        fflush(stdout);
        r = sd_event_loop(event);
        (void) unlink(argv[1]);
        close(fd);
        FOREACH_ELEMENT (bus, connections)
                sd_bus_flush_close_unref(*bus);
        usleep(linger_msec * 1000);
        return r < 0;
}
