/* SPDX-License-Identifier: GPL-2.0-or-later */
/* remote.c - runs umlctl on another host, by ssh. */

#include <stdlib.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "umlctl/remote.h"
#include "umlctl/say.h"

/* Appends a word that any shell of the other host takes as it is. *command becomes NULL if there is
 * no memory, and stays that. */
static void append_word(char **command, const char *word) {
        _cleanup_free_ char *old = *command, *quoted = malloc(strlen(word) * 4 + 3);
        char *p = quoted;

        *command = NULL;
        if (!old || !quoted)
                return;
        *p++ = '\'';
        for (; *word; word++)
                p = *word == '\'' ? stpcpy(p, "'\\''") : (*p = *word, p + 1);
        strcpy(p, "'");
        *command = strfmt("%s %s", old, quoted);
}

/* The words are behind "--", because the options that may be among them are not umlctl's. */
static char *make_command(const CommandLine *c, const Verb *v) {
        char *command = strdup(isempty(getenv("NO_COLOR")) ? "umlctl" : "env NO_COLOR=1 umlctl");

        if (v)
                append_word(&command, v->name);
        for (size_t i = 0; i < c->passed.n; i++)
                append_word(&command, c->passed.v[i]);
        if (c->n_words > 0)
                append_word(&command, "--");
        for (int i = 0; v && i < c->n_words; i++)
                append_word(&command, c->words[i]);
        return command;
}

/* With a terminal on both ends of ours there is one on the other host, too: for the console, keys,
 * colours, and the width of tables. Otherwise bytes arrive as they are. */
int remote_run(const CommandLine *c, const Verb *v) {
        _cleanup_free_ char *command = make_command(c, v);
        bool terminal = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

        if (!command)
                return fail_with(EXIT_FAILED, "out of memory");
        (void) execlp("ssh", "ssh", terminal ? "-t" : "-T", "--", c->host, command, (char *) NULL);
        return fail_with(EXIT_FAILED, "cannot run ssh: %m; install an SSH client");
}
