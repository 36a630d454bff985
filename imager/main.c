/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - umld-image: makes and changes the images of guests, for umlctl. */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/macro.h"
#include "imager/modes.h"

static const struct {
        const char *name;
        int (*run)(int argc, char *argv[]);
} modes[] = {
        { "write", mode_write },     { "change", mode_change }, { "oci", mode_oci },
        { "export", mode_export },   { "import", mode_import }, { "pack", mode_pack },
        { "builtin", mode_builtin },
};

/* Names in archives are UTF-8, whatever the user's locale is. */
static void set_encoding(void) {
        if (!setlocale(LC_CTYPE, "C.UTF-8") && !setlocale(LC_CTYPE, "C.utf8"))
                (void) setlocale(LC_CTYPE, "en_US.UTF-8");
}

/* As the first process of a PID namespace it would ignore that otherwise. */
static void on_term(int sig) {
        _exit(128 + sig);
}

/* umlctl starts it with the signal blocked, so that none is ignored before this. */
static void handle_term(void) {
        sigset_t term;

        if (getpid() == 1)
                (void) signal(SIGTERM, on_term);
        sigemptyset(&term);
        sigaddset(&term, SIGTERM);
        (void) sigprocmask(SIG_UNBLOCK, &term, NULL);
}

int main(int argc, char *argv[]) {
        handle_term();
        set_encoding();
        (void) signal(SIGCHLD, SIG_DFL);
        FOREACH_ELEMENT (mode, modes)
                if (argc > 1 && streq(argv[1], mode->name))
                        return mode->run(argc - 1, argv + 1);
        fputs("umld-image is run by umlctl(1) and is of no use by itself\n", stderr);
        return EXIT_USAGE;
}
