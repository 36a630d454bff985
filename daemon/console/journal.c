/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal.c - sends the guest's lines to the journal.
 *
 * sd_journal_send() would block if the journal is slow, and thereby umld and the guest, so the few
 * lines of the native protocol are written here: fields "NAME=value", one per line, in one
 * datagram. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "basic/console-text.h"
#include "basic/string-util.h"
#include "daemon/console/journal.h"

enum {
        LINE_MAX_BYTES = 2048, /* of the guest; longer lines become several messages */
        HEAD_MAX = 256,
};

struct ConsoleJournal {
        int fd;
        struct sockaddr_un address;
        uint64_t dropped; /* messages dropped since one was accepted */
        ConsoleText filter;
        size_t n_line;
        char line[LINE_MAX_BYTES];
        size_t n_head;
        char datagram[HEAD_MAX + CONSOLE_TEXT_ROOM(LINE_MAX_BYTES) + 1]; /* begins with the head */
};

ConsoleJournal *console_journal_free(ConsoleJournal *j) {
        if (j) {
                safe_close(j->fd);
                free(j);
        }
        return NULL;
}

int console_journal_new(const char *socket_path, const char *guest, ConsoleJournal **ret) {
        _cleanup_(console_journal_freep) ConsoleJournal *j = calloc(1, sizeof(*j));
        int n;

        if (!j)
                return -ENOMEM;
        j->filter.utf8 = true;
        j->address.sun_family = AF_UNIX;
        if (strlen(socket_path) >= sizeof(j->address.sun_path))
                j->fd = -ENAMETOOLONG;
        else {
                strcpy(j->address.sun_path, socket_path);
                j->fd = RET_NERRNO(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        }
        if (j->fd < 0)
                return j->fd;
        n = snprintf(j->datagram, HEAD_MAX,
                     "PRIORITY=6\nSYSLOG_IDENTIFIER=umld@%s\nUMLD_GUEST=%s\nMESSAGE=", guest,
                     guest);
        if (n < 0 || n >= HEAD_MAX)
                return -ENAMETOOLONG;
        j->n_head = (size_t) n;
        *ret = TAKE_PTR(j);
        return 0;
}

/* Sends the message that follows the head in the buffer. It is addressed each time, so that a
 * journal that was restarted is found again. */
static bool send_message(ConsoleJournal *j, size_t n_text) {
        size_t size = j->n_head + n_text;

        j->datagram[size++] = '\n';
        return sendto(j->fd, j->datagram, size, MSG_NOSIGNAL, (struct sockaddr *) &j->address,
                      sizeof(j->address)) >= 0;
}

static bool tell_dropped(ConsoleJournal *j) {
        int n = snprintf(j->datagram + j->n_head, 128,
                         "umld: %" PRIu64
                         " console messages were dropped because the journal did not accept them",
                         j->dropped);

        return send_message(j, (size_t) n);
}

/* whole: it ended with a newline, or with the guest. */
static void send_line(ConsoleJournal *j, bool whole) {
        char *text = j->datagram + j->n_head;
        size_t n;

        if (j->dropped > 0 && !tell_dropped(j)) {
                j->dropped++;
                j->n_line = 0;
                return;
        }
        j->dropped = 0;
        n = console_text_put(&j->filter, j->line, j->n_line, text);
        if (whole)
                n += console_text_end(&j->filter, text + n);
        j->n_line = 0;
        if (n > 0 && !send_message(j, n))
                j->dropped++;
}

void console_journal_write(ConsoleJournal *j, const void *data, size_t size) {
        const char *d = data;

        for (size_t i = 0; i < size; i++) {
                if (d[i] == '\n') {
                        send_line(j, true);
                        continue;
                }
                if (j->n_line == sizeof(j->line))
                        send_line(j, false);
                j->line[j->n_line++] = d[i];
        }
}

void console_journal_finish(ConsoleJournal *j) {
        if (j->n_line > 0)
                send_line(j, true);
}
