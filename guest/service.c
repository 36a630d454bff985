/* SPDX-License-Identifier: GPL-2.0-or-later */
/* service.c - the service of a guest that was made of a container image. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "basic/parse-util.h"
#include "basic/spawn.h"
#include "guest/service.h"

#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

void service_done(Service *s) {
        strv_done(&s->argv);
        strv_done(&s->environment);
        free(s->user);
        free(s->directory);
        *s = (Service){};
}

/* ---- reading ---- */

/* In place. */
static void unescape(char *s) {
        char *to = s;

        for (; *s; s++)
                if (*s == '\\' && s[1]) {
                        s++;
                        *to++ = *s == 'n' ? '\n' : *s;
                } else
                        *to++ = *s;
        *to = '\0';
}

static int take_signal(Service *s, const char *value) {
        uint64_t n;
        int r = parse_unsigned(value, 1, 64, &n);

        if (r >= 0)
                s->stop_signal = (int) n;
        return r;
}

static int take_port(Service *s, const char *value) {
        uint64_t port;
        int r = parse_unsigned(value, 1, UINT16_MAX, &port);

        if (r >= 0 && s->n_ports < SERVICE_PORTS_MAX)
                s->ports[s->n_ports++] = (uint16_t) port;
        return r;
}

static int take(Service *s, const char *key, const char *value) {
        if (streq(key, "arg"))
                return strv_push(&s->argv, value);
        if (streq(key, "env"))
                return strv_push(&s->environment, value);
        if (streq(key, "user"))
                return free_and_strdup(&s->user, value);
        if (streq(key, "directory"))
                return free_and_strdup(&s->directory, value);
        if (streq(key, "stop-signal"))
                return take_signal(s, value);
        if (streq(key, "port"))
                return take_port(s, value);
        return -EBADMSG;
}

static int parse_line(Service *s, char *line) {
        char *value = strchr(line, '=');

        if (*line == '#' || !*line)
                return 0;
        if (!value)
                return -EBADMSG;
        *value++ = '\0';
        unescape(value);
        return take(s, line, value) < 0 ? -EBADMSG : 0;
}

int service_parse(const char *text, Service *ret, unsigned *ret_line) {
        _cleanup_(service_done) Service s = { .stop_signal = SIGTERM };
        _cleanup_free_ char *copy = strdup(text);
        char *next = copy;
        int r = copy ? 0 : -ENOMEM;

        for (*ret_line = 1; r >= 0 && next; (*ret_line)++) {
                char *line = strsep(&next, "\n");

                r = parse_line(&s, line);
                if (r < 0)
                        return r;
        }
        *ret_line = 0;
        if (r < 0 || s.argv.n == 0)
                return r < 0 ? r : -EBADMSG;
        *ret = s;
        s = (Service){};
        return 0;
}

/* ---- running ---- */

static const char *variable(const Strv *environment, const char *name) {
        for (size_t i = 0; i < environment->n; i++) {
                const char *rest = startswith(environment->v[i], name);

                if (rest && *rest == '=')
                        return rest + 1;
        }
        return NULL;
}

static void set_default(const Service *s, const char *name, const char *value) {
        if (!variable(&s->environment, name) && value)
                (void) setenv(name, value, 1);
}

/* What the image says, and what programs expect to be there. */
static void set_environment(const Service *s, const User *user) {
        char host[65] = "";

        (void) clearenv();
        (void) gethostname(host, sizeof(host) - 1);
        for (size_t i = 0; i < s->environment.n; i++)
                if (strchr(s->environment.v[i], '='))
                        (void) putenv(s->environment.v[i]);
        set_default(s, "PATH", PATH_DEFAULT);
        set_default(s, "HOME", user->home);
        set_default(s, "TERM", "linux");
        set_default(s, "HOSTNAME", host);
}

/* The console is the terminal of the service, whoever its user is. */
static void take_console(const User *user) {
        (void) ioctl(STDIN_FILENO, TIOCSCTTY, 0);
        (void) fchown(STDIN_FILENO, user->uid, (gid_t) -1);
}

static int run(void *userdata) {
        const Service *s = userdata;
        User user = {};
        int r = user_find(s->user, "/etc/passwd", "/etc/group", &user);

        if (r < 0) {
                dprintf(STDERR_FILENO, "umld: the image has no user %s\n", s->user);
                return SPAWN_FAILED;
        }
        take_console(&user);
        set_environment(s, &user);
        if (chdir(s->directory ?: "/") < 0)
                dprintf(STDERR_FILENO, "umld: %s: %m\n", s->directory ?: "/");
        else if (user_become(&user) < 0)
                dprintf(STDERR_FILENO, "umld: cannot become user %s: %m\n", s->user ?: "root");
        else {
                (void) execvp(s->argv.v[0], s->argv.v);
                dprintf(STDERR_FILENO, "umld: %s: %m\n", s->argv.v[0]);
        }
        return SPAWN_FAILED;
}

/* The device of the terminal can be a controlling one, /dev/console cannot. */
static int open_console(void) {
        int fd = open("/dev/tty0", O_RDWR | O_CLOEXEC | O_NOCTTY);

        return fd >= 0 ? fd : open("/dev/console", O_RDWR | O_CLOEXEC | O_NOCTTY);
}

int service_start(const Service *s, pid_t *ret) {
        _cleanup_close_ int console = open_console();
        const int fds[] = { console, console, console };

        return spawn(&(const Spawn){ .run = run,
                                     .userdata = (void *) s,
                                     .fds = fds,
                                     .n_fds = ARRAY_SIZE(fds),
                                     .session = true },
                     ret);
}

/* ---- is it ready? ---- */

/* "  0: 0100007F:1F90 00000000:0000 0A …": 0A is LISTEN. */
bool service_listens(const Service *s, const char *table) {
        for (const char *line = strchr(table, '\n'); line; line = strchr(line + 1, '\n')) {
                unsigned port, state;

                if (sscanf(line + 1, " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x", &port, &state) != 2 ||
                    state != 0x0a)
                        continue;
                for (size_t i = 0; i < s->n_ports; i++)
                        if (s->ports[i] == port)
                                return true;
        }
        return false;
}
