/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - a fake guest's step that tries all that its kernel must not be able to do, and says on
 * its console what became of each: "breakout|GROUP|ATTEMPT|RESULT". */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "breakout.h"
#include "guest/exec-time.h"
#include "guest/fake-guest.h"

enum {
        SECONDS_MAX = 20, /* for one attempt, on a busy machine */
        DIED = -1000,     /* and less: the signal that ended the attempt */
};

Beginning beginning;

static char **words;

/* A kernel without /proc has its command line from libc alone. */
__attribute__((constructor)) static void begin(int argc, char **argv) {
        words = argv;
        beginning.parent = getppid();
        for (size_t i = 0; i < ARRAY_SIZE(beginning.open); i++)
                beginning.open[i] = fcntl((int) i, F_GETFD) >= 0;
        /* The same program, set-user-ID, asks whether that has an effect. */
        if (words[1] && streq(words[1], "--am-i-root"))
                _exit(geteuid() == 0 ? 0 : 1);
}

/* It is dynamically linked, as kernels are, and can have no entry point of its own. */
struct timespec exec_time(void) {
        struct timespec now = {};

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return now;
}

const char *target(const char *name) {
        size_t len = strlen(name);

        if (name[0] == '/')
                return name;
        for (char **w = words; *w; w++) {
                const char *rest = startswith(*w, "target.");

                if (rest && strncmp(rest, name, len) == 0 && rest[len] == '=')
                        return rest + len + 1;
        }
        complain(name);
}

long target_number(const char *name) {
        return atol(target(name));
}

int try_call(const Attempt *a) {
        const long *v = a->arguments;

        return syscall(a->number, v[0], v[1], v[2], v[3], v[4], 0L) < 0 ? -errno : REACHED;
}

/* In a process of its own, which may die of it. */
static int run(const Attempt *a) {
        int result = 0, status = 0, pair[2];
        pid_t pid;

        if (pipe(pair) < 0 || (pid = fork()) < 0)
                complain("fork");
        if (pid == 0) {
                (void) alarm(SECONDS_MAX);
                result = a->try(a);
                (void) !write(pair[1], &result, sizeof(result));
                _exit(0);
        }
        close(pair[1]);
        if (read(pair[0], &result, sizeof(result)) != sizeof(result))
                result = DIED;
        close(pair[0]);
        (void) waitpid(pid, &status, 0);
        return result == DIED && WIFSIGNALED(status) ? DIED - WTERMSIG(status) : result;
}

void step_breakout(const char *argument) {
        static const AttemptGroup *const groups[] = { &group_files, &group_processes,
                                                      &group_calls, &group_sockets,
                                                      &group_space, &group_tap };

        FOREACH_ELEMENT (g, groups)
                for (const Attempt *a = (*g)->attempts; a < (*g)->attempts + (*g)->n; a++)
                        dprintf(guest.console, "breakout|%s|%s|%d\r\n", (*g)->title, a->what,
                                run(a));
        say("breakout|end");
}
