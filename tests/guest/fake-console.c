/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fake-console.c - the management console of the fake guest. */

#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "fake-guest.h"
#include "fake-protocol.h"

typedef struct Caller {
        struct sockaddr_un address;
        socklen_t len;
} Caller;

static void reply(const Caller *to, uint32_t error, bool more, const char *text) {
        Reply r = { .error = error, .more = more };

        r.len = (uint32_t) snprintf(r.data, sizeof(r.data), "%s", text) + 1;
        (void) !sendto(guest.mconsole, &r, 12 + r.len, MSG_DONTWAIT,
                       (const struct sockaddr *) &to->address, to->len);
}

static void sysrq(const Caller *from, const char *key) {
        reply(from, 0, false, "");
        if (guest.ignore_sysrq)
                return;
        if (*key == 'u')
                say("Emergency Remount complete");
        if (*key == 'o')
                step_poweroff("");
        if (*key == 'b')
                step_reboot("");
        if (*key == 'c')
                step_panic("sysrq triggered crash");
}

static void tell_cad(const Caller *from, const char *arg) {
        reply(from, 0, true, "\n"); /* as a kernel does */
        reply(from, 0, false, guest.reset_key ? "1\n" : "0\n");
}

static void press_cad(const Caller *from, const char *arg) {
        reply(from, 0, false, "");
        if (guest.reset_key)
                step_reboot("");
        if (!guest.ignore_cad)
                step_poweroff("");
}

static void tell_version(const Caller *from, const char *arg) {
        reply(from, 0, false, "Linux fake " RELEASE " #1 x86_64");
}

/* They are only told: a fake guest does nothing while it serves. */
static void stop_running(const Caller *from, const char *arg) {
        say("stopped");
        reply(from, 0, false, "stopped");
}

static void go_on(const Caller *from, const char *arg) {
        say("goes on");
        reply(from, 0, false, "");
}

/* No kernel has it: a step of the script, now. */
static void do_step(const Caller *from, const char *step) {
        char copy[DATA_MAX + 1];

        reply(from, 0, false, "");
        snprintf(copy, sizeof(copy), "%s", step);
        run_step(copy);
}

static const struct {
        const char *command; /* its beginning */
        void (*run)(const Caller *from, const char *rest);
} commands[] = {
        { "version", tell_version }, { "proc sys/kernel/ctrl-alt-del", tell_cad },
        { "cad", press_cad },        { "sysrq ", sysrq },
        { "stop", stop_running },    { "go", go_on },
        { "do ", do_step },
};

static void obey(void) {
        Caller from = { .len = sizeof(from.address) };
        Request q = {};

        if (recvfrom(guest.mconsole, &q, sizeof(q) - 1, 0, (struct sockaddr *) &from.address,
                     &from.len) < 0 ||
            q.magic != MAGIC || guest.mute)
                return;
        FOREACH_ELEMENT (c, commands) {
                const char *rest = startswith(q.data, c->command);

                if (rest) {
                        c->run(&from, rest);
                        return;
                }
        }
        reply(&from, 1, false, "Unknown command");
}

static int64_t now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Serves the management console for that many milliseconds, -1 = for ever. */
void serve(int64_t ms) {
        int64_t end = now_ms() + ms;

        while (ms < 0 || now_ms() < end) {
                struct pollfd p = { .fd = guest.mconsole, .events = POLLIN };

                if (poll(&p, 1, ms < 0 ? -1 : (int) (end - now_ms())) > 0)
                        obey();
        }
}
