/* SPDX-License-Identifier: GPL-2.0-or-later */
/* settings-doc.c - what the table of settings says of itself, as sample file, as part of the
 * manual, as list. */

#include <stdio.h>
#include <stdlib.h>

#include "conf/settings.h"

/* The choices as "a | b"; the row's own words where it has no choices. */
static void print_syntax(const Setting *s, void (*put)(const char *text)) {
        if (s->syntax)
                put(s->syntax);
        for (size_t i = 0; i < s->n_choices; i++) {
                put(i > 0 ? " | " : "");
                put(s->choices[i]);
        }
}

static void put_plain(const char *text) {
        fputs(text, stdout);
}

/* With nothing that roff would take for its own, in a quoted argument of a macro. */
static void put_roff(const char *text) {
        for (; *text; text++)
                if (*text == '"')
                        fputs("\\(dq", stdout);
                else if (*text == '\\')
                        fputs("\\e", stdout);
                else if (*text == '-')
                        fputs("\\-", stdout);
                else
                        putchar(*text);
}

/* What stands behind KEY=: the default where that is a value that can be written so. */
static const char *shown_value(const Setting *s) {
        return s->def && s->default_from == DEFAULT_TEXT ? s->def : s->example;
}

static void print_sample(const Setting *s, size_t n) {
        fputs("# SPDX-License-Identifier: GPL-2.0-or-later\n"
              "# Configuration of a guest: copy this file to /etc/umld/NAME.conf and remove the # "
              "from "
              "lines to change.\n"
              "# All keys are listed with their defaults; see umld.conf(5). A comment needs a line "
              "of its own.\n"
              "# Changes of a key marked (reload) can be applied to a running guest; others take "
              "effect at its next start.\n",
              stdout);
        for (size_t i = 0; i < n; i++, s++) {
                if (i == 0 || !streq(s->section, s[-1].section))
                        printf("\n[%s]\n", s->section);
                printf("\n# %s%s.\n# Value: ", s->help,
                       setting_supported(s) ? "" : " - not supported yet");
                print_syntax(s, put_plain);
                if (s->repeatable)
                        fputs("; may be given more than once", stdout);
                if (s->changes == CHANGES_AT_ONCE)
                        fputs(" (reload)", stdout);
                if (!s->def || s->default_from != DEFAULT_TEXT)
                        printf("; by default %s, for example:", s->def ?: "none");
                printf("\n#%s=%s\n", s->key, shown_value(s));
        }
}

static void print_man(const Setting *s, size_t n) {
        for (size_t i = 0; i < n; i++, s++) {
                if (i == 0 || !streq(s->section, s[-1].section))
                        printf("%s.Ss [%s]\\&\n.Bl -tag -width Ds\n", i > 0 ? ".El\n" : "",
                               s->section);
                printf(".It Cm %s Ns = Ns Ar \"", s->key);
                print_syntax(s, put_roff);
                printf("\"\n%s.\n", s->help);
                if (s->repeatable)
                        puts("May be given more than once.");
                printf("%s\n.Ql \"", s->def ? "Default:" : "Default: none.\nExample:");
                put_roff(s->def ?: s->example);
                puts(setting_supported(s) ? "\" ." : "\" .\n.Em Not supported yet .");
                puts(s->changes == CHANGES_AT_ONCE ? "Applied by a reload."
                                                   : "Applied at the next start.");
        }
        puts(".El");
}

static void print_keys(const Setting *s, size_t n) {
        for (size_t i = 0; i < n; i++)
                printf("%s\t%s\t%s\n", s[i].section, s[i].key, s[i].def ?: "");
}

int main(int argc, char *argv[]) {
        static const struct {
                const char *name;
                void (*print)(const Setting *table, size_t n);
        } modes[] = {
                { "sample", print_sample }, /* etc/umld.conf */
                { "man", print_man },       /* the part of man/umld.conf.5 between its two marks */
                { "keys", print_keys },     /* SECTION, KEY and DEFAULT with tabs between */
        };
        size_t n;
        const Setting *table = settings_table(&n);

        FOREACH_ELEMENT (m, modes)
                if (argc == 2 && streq(argv[1], m->name)) {
                        m->print(table, n);
                        return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
                }
        fputs("usage: settings-doc sample|man|keys\n", stderr);
        return 2;
}
