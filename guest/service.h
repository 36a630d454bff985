/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The one service of a guest that was made of a container image, as /etc/umld/service says: lines
 * of KEY=VALUE, in which \n is a newline and \\ a backslash, and '#' begins a comment. */

#include "guest/user.h"

enum {
        SERVICE_PORTS_MAX = 64,
};

typedef struct Service {
        Strv argv, environment;
        char *user, *directory;
        int stop_signal;
        uint16_t ports[SERVICE_PORTS_MAX]; /* TCP; it is ready when it listens on one of them */
        size_t n_ports;
} Service;

void service_done(Service *s);

/* -EBADMSG: *ret_line is the number of the line that is wrong, or 0 if no program is named. */
int service_parse(const char *text, Service *ret, unsigned *ret_line);

/* Starts it on the console, as its user. */
int service_start(const Service *s, pid_t *ret);

/* Does it listen already? `table` is the content of /proc/net/tcp or tcp6. */
bool service_listens(const Service *s, const char *table);
