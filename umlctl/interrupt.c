/* SPDX-License-Identifier: GPL-2.0-or-later */
/* interrupt.c - the signals by which users end a program. */

#include <signal.h>
#include <sys/signalfd.h>

#include "umlctl/interrupt.h"

static const int fatal[] = { SIGINT, SIGTERM, SIGHUP };

static sigset_t old_mask;
static int noted;

static void make_set(sigset_t *set) {
        sigemptyset(set);
        FOREACH_ELEMENT (s, fatal)
                sigaddset(set, *s);
}

void interrupt_block(void) {
        sigset_t set;

        make_set(&set);
        sigaddset(&set, SIGCHLD);
        (void) signal(SIGCHLD, SIG_DFL); /* our caller may have ignored it */
        (void) sigprocmask(SIG_BLOCK, &set, &old_mask);
}

const sigset_t *interrupt_old_mask(void) {
        return &old_mask;
}

int interrupt_open(void) {
        sigset_t set;

        make_set(&set);
        sigaddset(&set, SIGCHLD);
        return RET_NERRNO(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void interrupt_note(int signal) {
        noted = signal;
}

int interrupt_get(void) {
        sigset_t pending;

        if (noted || sigpending(&pending) < 0)
                return noted;
        FOREACH_ELEMENT (s, fatal)
                if (sigismember(&pending, *s))
                        return *s;
        return 0;
}
