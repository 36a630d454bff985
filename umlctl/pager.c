/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pager.c - sends what is printed to a pager, and waits for its end. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/process.h"
#include "basic/spawn.h"
#include "basic/string-util.h"
#include "umlctl/pager.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"

static struct {
        pid_t pid;       /* 0: there is none */
        int out, errors; /* standard output and error from before; negative: not replaced */
} pager = { .out = -EBADF, .errors = -EBADF };

/* One who may run umlctl, but not a shell, with rights that are not theirs. */
static bool lent_rights(void) {
        return getenv("SUDO_UID") || getenv("DOAS_USER");
}

/* Returns false if the output is not to be paged. The names are those of its variable or, without
 * one, what is usually there; more starts a shell for everybody. */
static bool choose(Strv *argv) {
        static const char *const usual[] = { "less", "more" };
        const char *variable = getenv("UMLD_PAGER") ? "UMLD_PAGER" : "PAGER";
        const char *wanted = getenv(variable);

        if (!wanted)
                FOREACH_ELEMENT (name, usual)
                        if (program_installed(*name) && !(streq(*name, "more") && lent_rights()))
                                return strv_push(argv, *name) >= 0;
        if (isempty(wanted) || strv_split_shell(argv, wanted) < 0 || argv->n == 0 ||
            streq(argv->v[0], "cat"))
                return false;
        if (strchr(argv->v[0], '/') ? access(argv->v[0], X_OK) >= 0 : program_installed(argv->v[0]))
                return true;
        note("%s=%s: no such program; printing without a pager", variable, wanted);
        return false;
}

/* less: quits if everything fits one screen, passes colours on, leaves the text on the screen, and
 * starts no shell with lent rights. */
static void prepare_less(void) {
        (void) setenv("LESS", "FRX", false);
        if (lent_rights())
                (void) setenv("LESSSECURE", "1", true);
}

/* The user has left the pager before the end. */
static void on_pipe(int signal) {
        _exit(EXIT_DONE);
}

/* The keys that interrupt are for the pager. */
static void set_signals(void) {
        (void) signal(SIGINT, SIG_IGN);
        (void) signal(SIGQUIT, SIG_IGN);
        (void) signal(SIGPIPE, on_pipe);
}

static void redirect(int fd, int to, int *saved) {
        *saved = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (*saved >= 0)
                (void) dup2(to, fd);
}

static void restore(int fd, int *saved) {
        if (*saved < 0)
                return;
        (void) dup2(*saved, fd);
        close(*saved);
        *saved = -EBADF;
}

void pager_open(void) {
        _cleanup_close_ int reading = -EBADF, writing = -EBADF;
        _cleanup_strv_ Strv argv = {};
        int pipes[2];

        if (!terminal_smart(STDOUT_FILENO) || !choose(&argv) || pipe2(pipes, O_CLOEXEC) < 0)
                return;
        reading = pipes[0];
        writing = pipes[1];
        prepare_less();
        if (spawn(&(const Spawn){ .argv = argv.v,
                                  .fds = (int[]){ reading, STDOUT_FILENO, STDERR_FILENO },
                                  .n_fds = 3 },
                  &pager.pid) < 0) {
                pager.pid = 0;
                return;
        }
        set_signals();
        terminal_keep_output();
        if (isatty(STDERR_FILENO))
                redirect(STDERR_FILENO, writing, &pager.errors);
        redirect(STDOUT_FILENO, writing, &pager.out);
}

void pager_close(void) {
        if (pager.pid == 0)
                return;
        (void) fflush(stdout);
        restore(STDOUT_FILENO, &pager.out);
        restore(STDERR_FILENO, &pager.errors);
        (void) spawn_wait(pager.pid);
        pager.pid = 0;
}
