/* SPDX-License-Identifier: GPL-2.0-or-later */
/* umld-call.c - runs umld for what it prints. */

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "umlctl/programs.h"
#include "umlctl/umld-call.h"

enum {
        OUTPUT_MAX = 256 * 1024,
};

typedef struct Call {
        char *program;
        const char *const *words;
        bool quiet;
} Call;

static int run(int output, void *userdata) {
        const Call *c = userdata;
        int null = c->quiet ? open("/dev/null", O_WRONLY | O_CLOEXEC) : -EBADF;

        (void) output; /* is standard output */
        if (null >= 0 && dup2(null, STDERR_FILENO) < 0)
                return SPAWN_FAILED;
        (void) execv(c->program, (char *const *) c->words);
        return SPAWN_FAILED;
}

int umld_call(const char *const words[], bool quiet, usec_t patience, Child *ret) {
        _cleanup_free_ char *program = NULL;
        Call c = { .words = words, .quiet = quiet };
        int r = program_find(PROGRAM_UMLD, &program);

        c.program = program;
        if (r >= 0)
                r = child_start(ret, &(const ChildWish){ .run = run,
                                                         .userdata = &c,
                                                         .patience = patience,
                                                         .keep = OUTPUT_MAX,
                                                         .session = quiet });
        if (r >= 0)
                r = child_wait(ret);
        if (r < 0)
                return r;
        if (!WIFEXITED(ret->status) || WEXITSTATUS(ret->status) == SPAWN_FAILED)
                return -EIO;
        return WEXITSTATUS(ret->status);
}
