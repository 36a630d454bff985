/* SPDX-License-Identifier: GPL-2.0-or-later */
/* orphan.c - a guest without umld: what it prints is kept, and in the end it is shut down. */

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "basic/cleanup.h"
#include "daemon/programs/store.h"
#include "uml/mconsole-client.h"

enum {
        READ_SIZE = 16 * 1024,
        READS_PER_TURN = 16,
};

/* ---- what it prints ---- */

/* The next umld gets it as one of the descriptors. Without it that is lost. */
static StorePrinted *make_printed(Store *s) {
        _cleanup_close_ int fd = (int) syscall(SYS_memfd_create, "umld-printed", 1U /* cloexec */);
        void *p;

        if (fd < 0 || ftruncate(fd, sizeof(StorePrinted)) < 0)
                return NULL;
        p = mmap(NULL, sizeof(StorePrinted), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return NULL;
        store_put(s, STORE_PRINTED, TAKE_FD(fd));
        return p;
}

static void keep(Store *s, const char *data, size_t n) {
        if (!s->printed)
                s->printed = make_printed(s);
        if (!s->printed)
                return;
        for (size_t i = 0; i < n; i++)
                s->printed->data[s->printed->total++ % STORE_PRINTED_MAX] = data[i];
}

static void read_channel(Store *s, const char *name, bool *silent) {
        int fd = store_find(s, name);
        char buf[READ_SIZE];
        ssize_t n = 0;

        for (int i = 0; i < READS_PER_TURN && fd >= 0 && !*silent; i++) {
                n = read(fd, buf, sizeof(buf));
                if (n > 0)
                        keep(s, buf, (size_t) n);
                else if (n < 0 && (errno == EAGAIN || errno == EINTR))
                        return;
                else
                        *silent = true;
        }
}

static void read_output(Store *s) {
        read_channel(s, STORE_OUTPUT, &s->silent[1]);
        read_channel(s, STORE_TERMINAL, &s->silent[0]);
}

/* ---- the shutdown ---- */

/* As umld does it (daemon/guest/stop.c): ctrl-alt-del is a clean shutdown only if the guest's init
 * has told its kernel to leave the key to it. Each step has its share of StopTimeout=. */
enum {
        STEP_NONE,
        STEP_ASK,
        STEP_CAD,
        STEP_REMOUNT,
        STEP_OFF,
        STEP_KILL,
};

static const struct {
        const char *commands[3];
        unsigned until; /* in eighths */
        size_t then;
} steps[] = {
        [STEP_ASK] = { { "proc sys/kernel/ctrl-alt-del" }, 1, STEP_REMOUNT },
        [STEP_CAD] = { { "cad" }, 4, STEP_REMOUNT },
        [STEP_REMOUNT] = { { "sysrq s", "sysrq u" }, 5, STEP_OFF },
        [STEP_OFF] = { { "sysrq o" }, 6, STEP_KILL },
        [STEP_KILL] = { {}, 0, STEP_KILL },
};

static void take_step(Store *s, size_t step) {
        int fd = store_find(s, STORE_MCONSOLE);

        s->step = fd < 0 ? STEP_KILL : step;
        for (size_t i = 0; steps[s->step].commands[i]; i++)
                (void) mconsole_send(fd, steps[s->step].commands[i]);
}

/* An empty line precedes the answer. */
static void read_answers(Store *s) {
        char buf[MCONSOLE_DATAGRAM_MAX];
        MconsoleReply reply;
        ssize_t n;

        while ((n = recv(store_find(s, STORE_MCONSOLE), buf, sizeof(buf), MSG_DONTWAIT)) > 0)
                if (s->step == STEP_ASK && mconsole_parse_reply(buf, (size_t) n, &reply) >= 0 &&
                    reply.len > 0 && reply.data[0] != '\n')
                        take_step(s, reply.data[0] == '0' ? STEP_CAD : STEP_REMOUNT);
}

static void shut_down(Store *s) {
        usec_t now = now_usec(CLOCK_MONOTONIC), eighth = s->stop_timeout / 8;

        if (s->step == STEP_NONE) {
                s->since = now;
                take_step(s, STEP_ASK);
        }
        read_answers(s);
        if (s->step != STEP_KILL && now >= usec_add(s->since, eighth * steps[s->step].until))
                take_step(s, steps[s->step].then);
        s->over |= s->step == STEP_KILL;
}

void orphan_step(Store *s, bool exited) {
        if (!store_is_orphan(s) || s->over)
                return;
        read_output(s);
        if (now_usec(CLOCK_MONOTONIC) < s->until)
                return;
        if (exited)
                s->over = true;
        else
                shut_down(s);
}
