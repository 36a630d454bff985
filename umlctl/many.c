/* SPDX-License-Identifier: GPL-2.0-or-later */
/* many.c - runs a verb for several guests. */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "umlctl/many.h"
#include "umlctl/progress.h"
#include "umlctl/say.h"

enum {
        AT_ONCE = 16,
        BY_SIGNAL = 128,
};

typedef struct One {
        const Verb *verb;
        const Options *options;
        const char *guest;
        pid_t pid;
        int code;
} One;

static int run(void *userdata) {
        const One *one = userdata;
        int code = one->verb->run(one->options, one->guest);

        return fflush(stdout) != 0 && code == EXIT_DONE ? EXIT_FAILED : code;
}

static void begin(One *one) {
        int r;

        (void) fflush(stdout); /* otherwise each child would print it, too */
        r = spawn(
                &(const Spawn){
                        .run = run, .userdata = one, .keep_all = true, .death_signal = SIGTERM },
                &one->pid);
        if (r < 0) {
                one->pid = 0;
                one->code = fail_with(EXIT_FAILED, "%s: cannot start a process: %s", one->guest,
                                      strerror(-r));
        }
}

static void end(One *one) {
        int status = one->pid > 0 ? spawn_wait(one->pid) : 0;

        if (one->pid <= 0)
                return;
        one->pid = 0;
        one->code = status < 0            ? EXIT_FAILED
                    : WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status)
                                          : WEXITSTATUS(status);
}

/* Those that wait for their guest do so at the same time; what others print stays together, unless
 * it has no end. */
static size_t limit(const Verb *v, const Options *o, size_t n) {
        return o->follow ? n : v->flags & (VERB_TIMEOUT | VERB_NOW) ? AT_ONCE : 1;
}

int many_run(const Verb *v, const Options *o, const Strv *names) {
        _cleanup_free_ One *all = calloc(names->n + 1, sizeof(*all));
        size_t at_once = limit(v, o, names->n);
        int code = EXIT_DONE;

        if (!all)
                return fail_with(EXIT_FAILED, "out of memory");
        progress_forbid(); /* several lines in one place */
        for (size_t i = 0; i < names->n; i++) {
                all[i] = (One){ .verb = v, .options = o, .guest = names->v[i] };
                if (i >= at_once)
                        end(&all[i - at_once]);
                begin(&all[i]);
        }
        for (size_t i = 0; i < names->n; i++) {
                end(&all[i]);
                if (code == EXIT_DONE)
                        code = all[i].code;
        }
        return code;
}
