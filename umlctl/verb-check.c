/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-check.c - check: what starting guests would do. */

#include <stdio.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "umlctl/json-output.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/umld-call.h"
#include "umlctl/verbs.h"

enum {
        SENTENCE_MAX = 4096, /* an argument of the kernel, which may be a path */
};

/* ---- for people: umld prints it ---- */

static int show(const char *program, const char *guest) {
        char *const words[] = { (char *) "umld", (char *) "--check", (char *) guest, NULL };
        pid_t pid;
        int r;

        (void) fflush(stdout);
        r = spawn(&(const Spawn){ .program = program, .argv = words, .death_signal = SIGTERM },
                  &pid);
        if (r >= 0)
                r = spawn_wait_exit(pid);
        return r >= 0 && r != SPAWN_FAILED ? r
                                           : fail_with(EXIT_FAILED, "cannot run %s: %s", program,
                                                       strerror(r < 0 ? -r : ENOEXEC));
}

static int show_all(const Strv *guests) {
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_UMLD, &program), code = EXIT_DONE;

        if (r < 0)
                return fail_with(EXIT_FAILED, "cannot find umld: %s", strerror(-r));
        for (size_t i = 0; i < guests->n; i++) {
                if (i > 0)
                        putchar('\n');
                r = show(program, guests->v[i]);
                code = code ?: r;
        }
        return code;
}

/* ---- JSON ---- */

/* Splits a line at its first two tabs, in place. */
static json_t *read_line(char *line) {
        const char *item = strsep(&line, "\t"), *part = strsep(&line, "\t");
        _cleanup_free_ char *text = safe_text(line ?: "", SENTENCE_MAX);

        return json_pack("{s:s, s:s?, s:s}", "item", item, "part", isempty(part) ? NULL : part,
                         "text", text ?: "");
}

static json_t *read_plan(char *text) {
        json_t *plan = json_array();

        for (char *line; (line = strsep(&text, "\n"));)
                if (*line && json_array_append_new(plan, read_line(line)) < 0) {
                        json_decref(plan);
                        return NULL;
                }
        return plan;
}

/* Returns the exit code of umld. */
static int ask(const char *guest, json_t *list) {
        const char *const words[] = { "umld", "--plan", guest, NULL };
        _cleanup_(child_done) Child child = {};
        int r = umld_call(words, false, USEC_PER_MINUTE, &child);

        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot run umld: %s", guest, strerror(-r));
        if (json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "guest", guest, "works",
                                                  r == EXIT_DONE, "plan", read_plan(child.said))) <
            0)
                return fail_with(EXIT_FAILED, "out of memory");
        return r;
}

static int print_all(const Options *o) {
        json_auto_t *list = json_array();
        int code = EXIT_DONE, r;

        for (size_t i = 0; i < o->guests->n; i++) {
                r = ask(o->guests->v[i], list);
                code = code ?: r;
        }
        if (json_array_size(list) < o->guests->n)
                return code;
        r = json_print(o->single ? json_array_get(list, 0) : list);
        return r < 0 ? fail_with(EXIT_FAILED, "out of memory") : code;
}

int verb_check(const Options *o, const char *guest) {
        return o->json ? print_all(o) : show_all(o->guests);
}
