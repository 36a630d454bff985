/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor.c - runs umld --doctor, and reads what it prints. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/child.h"
#include "basic/cleanup.h"
#include "basic/spawn.h"
#include "umlctl/doctor.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"

enum {
        OUTPUT_MAX = 256 * 1024,
        SENTENCE_MAX = 1000,
};

#define PATIENCE       USEC_PER_MINUTE
#define SHORT_PATIENCE (10 * USEC_PER_SEC) /* of somebody who waits for something else */

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

/* Runs umld, which has that long: its exit code, and what it printed. */
static int call(const char *const words[], bool quiet, usec_t patience, Child *ret) {
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

/* Splits a line at its tabs, in place. */
static json_t *read_line(char *line) {
        static const char *const keys[] = {
                "group", "check", "verdict", "text", "remedy", "repair"
        };
        json_t *o = json_object();

        FOREACH_ELEMENT (key, keys) {
                const char *word = strsep(&line, "\t");
                _cleanup_free_ char *safe = safe_text(word ?: "", SENTENCE_MAX);

                if (json_object_set_new(o, *key, json_string(safe ?: "")) < 0) {
                        json_decref(o);
                        return NULL;
                }
        }
        return o;
}

static int read_lines(char *text, json_t **ret) {
        json_auto_t *list = json_array();

        for (char *line; (line = strsep(&text, "\n"));)
                if (*line && json_array_append_new(list, read_line(line)) < 0)
                        return -ENOMEM;
        if (!list)
                return -ENOMEM;
        *ret = json_incref(list);
        return 0;
}

int doctor_ask(const char *guest, bool measure, bool quiet, json_t **ret, int *ret_code) {
        const char *const words[] = { "umld", measure ? "--measure" : "--doctor", guest, NULL };
        _cleanup_(child_done) Child child = {};
        int r = call(words, quiet, measure ? PATIENCE : SHORT_PATIENCE, &child);

        if (r < 0)
                return r;
        *ret_code = r;
        return read_lines(child.said, ret);
}

int doctor_repair(const char *guest, const char *check) {
        _cleanup_free_ char *option = strfmt("--repair=%s", check);
        const char *const words[] = { "umld", option, guest, NULL };
        _cleanup_(child_done) Child child = {};
        int r = option ? call(words, false, PATIENCE, &child) : -ENOMEM;

        return r >= 0 ? r : fail_with(EXIT_FAILED, "cannot run umld: %s", strerror(-r));
}

void doctor_say_faults(const char *guest, const char *message) {
        json_auto_t *list = NULL;
        const json_t *o;
        int code;
        size_t i;

        if (doctor_ask(guest, false, true, &list, &code) < 0)
                return;
        json_array_foreach(list, i, o) {
                const char *verdict = json_string_value(json_object_get(o, "verdict")),
                           *text = json_string_value(json_object_get(o, "text")),
                           *remedy = json_string_value(json_object_get(o, "remedy"));

                if (streq(verdict, "fault") && !(message && strstr(message, text)))
                        note("%s: %s%s%s (umlctl doctor %s)", guest, text, *remedy ? "; " : "",
                             remedy, guest);
        }
}
