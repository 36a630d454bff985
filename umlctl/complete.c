/* SPDX-License-Identifier: GPL-2.0-or-later */
/* complete.c - what can come next on a command line, for the completions of shells. */

#include <stdio.h>

#include "api/exit-codes.h"
#include "umlctl/columns.h"
#include "umlctl/command-line.h"
#include "umlctl/complete.h"
#include "umlctl/guests.h"

/* What precedes the word to complete. */
typedef struct Line {
        const Verb *verbs;
        size_t n_verbs;
        const Verb *verb; /* NULL: not given, or unknown */
        bool has_verb;
        size_t n_words;        /* arguments behind it */
        const OptionRow *open; /* its value comes next; NULL: none */
} Line;

/* ---- the words before ---- */

static bool takes(const Verb *v, const OptionRow *row) {
        return row->help && (!row->verb_flag || (v && row->verb_flag & v->flags));
}

/* A letter is the option of this verb that has it; failing that any option with that letter. */
static const OptionRow *find_letter(const Verb *v, char letter) {
        size_t n;
        const OptionRow *rows = option_rows(&n), *found = NULL;

        for (size_t i = n; i-- > 0;)
                if (rows[i].letter == letter && (!found || takes(v, &rows[i]) || !takes(v, found)))
                        found = &rows[i];
        return found;
}

/* "--name" or "--name=value" */
static const OptionRow *find_long(const char *word) {
        size_t n, length = strcspn(word + 2, "=");
        const OptionRow *rows = option_rows(&n);

        for (size_t i = 0; i < n; i++)
                if (strlen(rows[i].name) == length && startswith(word + 2, rows[i].name))
                        return &rows[i];
        return NULL;
}

/* The option at the end of the word whose value is the next one. */
static const OptionRow *option_left_open(const Verb *v, const char *word) {
        const OptionRow *row;

        if (word[1] == '-') {
                row = find_long(word);
                return row && row->argspec && !strchr(word, '=') ? row : NULL;
        }
        for (const char *letter = word + 1; *letter; letter++) {
                row = find_letter(v, *letter);
                if (row && row->argspec)
                        return letter[1] ? NULL : row;
        }
        return NULL;
}

static void read_word(Line *l, const char *word) {
        _cleanup_free_ char *candidates = NULL;

        if (l->open) {
                if (!streq(word, "=")) /* to bash that is a word */
                        l->open = NULL;
        } else if (word[0] == '-' && word[1])
                l->open = option_left_open(l->verb, word);
        else if (l->has_verb)
                l->n_words++;
        else {
                (void) verb_find(l->verbs, l->n_verbs, word, &l->verb, &candidates);
                l->has_verb = true;
        }
}

/* ---- what is offered ---- */

/* The words begin as the one to complete does, behind what is to stay before it. */
typedef struct Begun {
        const char *stays;
        size_t n_stays;
        const char *word;
} Begun;

static void offer(const Begun *b, const char *word, const char *help) {
        if (startswith(word, b->word))
                printf("%.*s%s\t%s\n", (int) b->n_stays, b->stays, word, help);
}

static void offer_guests(const Begun *b) {
        _cleanup_(strv_done) Strv names = {};

        if (guests_configured(&names) < 0)
                return;
        for (size_t i = 0; i < names.n; i++)
                offer(b, names.v[i], "guest");
}

static void offer_verbs(const Line *l, const Begun *b) {
        for (size_t i = 0; i < l->n_verbs; i++)
                offer(b, l->verbs[i].name, l->verbs[i].help);
}

static void offer_options(const Line *l, const Begun *b) {
        size_t n;
        const OptionRow *rows = option_rows(&n);

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = strfmt("--%s", rows[i].name);

                if (name && takes(l->verb, &rows[i]))
                        offer(b, name, rows[i].help);
        }
}

/* A list may have been begun. */
static void offer_columns(Begun b) {
        const char *comma = strrchr(b.word, ',');
        size_t n;
        const Column *columns = columns_table(&n);

        if (comma) {
                b.n_stays = (size_t) (comma + 1 - b.stays);
                b.word = comma + 1;
        }
        for (size_t i = 0; i < n; i++)
                offer(&b, columns[i].key, columns[i].help);
}

/* Of an option, or of a verb that has more than its guest: what its name in the help stands for. */
static void offer_values(const Begun *b, const char *argspec) {
        static const struct {
                const char *argspec, *words[6];
        } values[] = {
                { "STATE", { "running", "stopped" } },
                { "ORDER", { "cpu", "memory", "traffic", "start", "name" } },
                { "ACTION", { "list", "reset", "commit", "snapshot" } },
                { "[USER@]HOST", { ":hosts" } },
                { "FILE", { ":files" } },
                { "FILE:PATH", { ":files" } },
                { "PATH", { ":files" } },
                { "DIR", { ":files" } },
                { "SOURCE", { ":files" } },
                { "SCRIPT", { ":files" } },
        };

        if (streq(argspec, "COLUMNS"))
                offer_columns(*b);
        FOREACH_ELEMENT (v, values)
                for (size_t i = 0; streq(v->argspec, argspec) && v->words[i]; i++)
                        if (v->words[i][0] == ':') /* the shell knows better */
                                puts(v->words[i]);
                        else
                                offer(b, v->words[i], "");
}

static void offer_arguments(const Line *l, const Begun *b) {
        const Verb *v = l->verb;

        if (streq(v->argspec, "[VERB]"))
                offer_verbs(l, b);
        else if (strstr(v->argspec, "NAME") && (l->n_words == 0 || v->flags & VERB_MANY))
                offer_guests(b);
        else if (l->n_words == 0)
                offer_values(b, v->argspec);
        else if (l->n_words == 1 && strstr(v->argspec, " ACTION"))
                offer_values(b, "ACTION");
}

int complete(const Verb *verbs, size_t n_verbs, char *const words[]) {
        Line l = { .verbs = verbs, .n_verbs = n_verbs };
        const OptionRow *own;
        Begun b;

        if (!words[0])
                return EXIT_USAGE;
        for (; words[1]; words++)
                read_word(&l, words[0]);
        b = (Begun){ .stays = words[0], .word = words[0] };
        own = startswith(b.word, "--") && strchr(b.word, '=') ? find_long(b.word) : NULL;
        if (own) {
                b.word = strchr(b.word, '=') + 1;
                b.n_stays = (size_t) (b.word - b.stays);
        }
        if (own || l.open)
                offer_values(&b, (own ?: l.open)->argspec ?: "");
        else if (b.word[0] == '-')
                offer_options(&l, &b);
        else if (!l.has_verb)
                offer_verbs(&l, &b);
        else if (l.verb)
                offer_arguments(&l, &b);
        return EXIT_DONE;
}
