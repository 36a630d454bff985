/* SPDX-License-Identifier: GPL-2.0-or-later */
/* command-line.c - parses the options. */

#include <getopt.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/nearest.h"
#include "basic/parse-util.h"
#include "umlctl/command-line.h"
#include "umlctl/foreign-words.h"
#include "umlctl/parse-when.h"
#include "umlctl/say.h"

/* ---- what each option does with its value; 0 or the exit code ---- */

static int take_help(CommandLine *c, const char *value) {
        c->help = true;
        return 0;
}

static int take_version(CommandLine *c, const char *value) {
        c->version = true;
        return 0;
}

static int take_tables(CommandLine *c, const char *value) {
        c->tables = true;
        return 0;
}

static int take_host(CommandLine *c, const char *value) {
        if (isempty(value) || value[0] == '-')
                return fail_with(EXIT_USAGE, "--host=%s: must be [USER@]HOST", value);
        c->host = value;
        return 0;
}

#define DEFINE_SWITCH(name, field)                                                                 \
        static int name(CommandLine *c, const char *value) {                                       \
                (void) value;                                                                      \
                c->options.field = true;                                                           \
                return 0;                                                                          \
        }                                                                                          \
        struct swallow_semicolon_##name

DEFINE_SWITCH(take_json, json);
DEFINE_SWITCH(take_no_wait, no_wait);
DEFINE_SWITCH(take_enable, enable);
DEFINE_SWITCH(take_now, now);
DEFINE_SWITCH(take_quiet, quiet);
DEFINE_SWITCH(take_no_pager, no_pager);
DEFINE_SWITCH(take_all, all);
DEFINE_SWITCH(take_no_headings, no_headings);
DEFINE_SWITCH(take_follow, follow);
DEFINE_SWITCH(take_read_only, read_only);
DEFINE_SWITCH(take_force, force);
DEFINE_SWITCH(take_live, live);
DEFINE_SWITCH(take_fix, fix);
DEFINE_SWITCH(take_with_kernel, with_kernel);
DEFINE_SWITCH(take_password, create.password);

static int take_for(CommandLine *c, const char *value) {
        c->options.wait_for = guest_state_from_string(value);
        if (c->options.wait_for == GUEST_RUNNING || c->options.wait_for == GUEST_STOPPED)
                return 0;
        return fail_with(EXIT_USAGE, "--for=%s: must be running or stopped", value);
}

static int take_timeout(CommandLine *c, const char *value) {
        if (parse_timespan(value, &c->options.timeout) >= 0)
                return 0;
        return fail_with(EXIT_USAGE, "--timeout=%s: invalid time span; use for example 30s or 5min",
                         value);
}

static int take_confirm(CommandLine *c, const char *value) {
        if (parse_timespan(value, &c->options.confirm) >= 0 &&
            c->options.confirm >= UMLD_CONFIRM_MIN && c->options.confirm <= UMLD_CONFIRM_MAX)
                return 0;
        return fail_with(EXIT_USAGE,
                         "--confirm=%s: must be a time span from 1s to 24h, for example 60 or 5min",
                         value);
}

static int take_lines(CommandLine *c, const char *value) {
        c->options.some_lines = true;
        if (parse_unsigned(value, 0, 1000000, &c->options.lines) >= 0)
                return 0;
        return fail_with(EXIT_USAGE, "--lines=%s: must be a number from 0 to 1000000", value);
}

static int take_interval(CommandLine *c, const char *value) {
        if (parse_timespan(value, &c->options.interval) >= 0 &&
            c->options.interval >= 100 * USEC_PER_MSEC && c->options.interval <= USEC_PER_HOUR)
                return 0;
        return fail_with(EXIT_USAGE,
                         "--interval=%s: must be a time span from 100ms to 1h, for example 2s",
                         value);
}

static int take_count(CommandLine *c, const char *value) {
        if (parse_unsigned(value, 1, 1000000, &c->options.count) >= 0)
                return 0;
        return fail_with(EXIT_USAGE, "--count=%s: must be a number from 1 to 1000000", value);
}

static int take_since(CommandLine *c, const char *value) {
        if (parse_when(value, now_usec(CLOCK_REALTIME), &c->options.since) >= 0)
                return 0;
        return fail_with(EXIT_USAGE,
                         "--since=%s: invalid time; use for example 10min (ago), 2026-11-21, "
                         "\"2026-11-21 18:30\", 18:30, today or yesterday",
                         value);
}

static int take_boot(CommandLine *c, const char *value) {
        uint64_t back = 0;

        c->options.some_boot = true;
        if (parse_unsigned(value[0] == '-' ? value + 1 : value, 0, 1000000, &back) >= 0 &&
            (value[0] == '-' || back == 0)) {
                c->options.boot = -(int64_t) back;
                return 0;
        }
        return fail_with(
                EXIT_USAGE,
                "--boot=%s: must be 0 for the latest boot, -1 for the one before it, and so on",
                value);
}

static int take_size(const char *option, const char *value, uint64_t *ret) {
        uint64_t size;

        if (parse_size(value, &size) < 0 || size == 0 || size > INT64_MAX)
                return fail_with(EXIT_USAGE, "--%s=%s: invalid size; use for example 64M", option,
                                 value);
        *ret = size;
        return 0;
}

static int take_shrink(CommandLine *c, const char *value) {
        return take_size("shrink", value, &c->options.shrink);
}

static int take_grow(CommandLine *c, const char *value) {
        return take_size("grow", value, &c->options.grow);
}

static int take_create_size(CommandLine *c, const char *value) {
        return take_size("size", value, &c->options.create.size);
}

static int take_memory(CommandLine *c, const char *value) {
        return take_size("memory", value, &c->options.create.memory);
}

#define DEFINE_TEXT(name, field)                                                                   \
        static int name(CommandLine *c, const char *value) {                                       \
                c->options.field = value;                                                          \
                return 0;                                                                          \
        }                                                                                          \
        struct swallow_semicolon_##name

static int take_swap(CommandLine *c, const char *value) {
        return take_size("swap", value, &c->options.create.swap);
}

DEFINE_TEXT(take_name, new_name);
DEFINE_TEXT(take_output, output);
DEFINE_TEXT(take_sort, sort);
DEFINE_TEXT(take_textfile, textfile);
DEFINE_TEXT(take_from, create.from);
DEFINE_TEXT(take_recipe, create.recipe);
DEFINE_TEXT(take_ssh_key, create.ssh_key);
DEFINE_TEXT(take_firstboot, create.firstboot);
DEFINE_TEXT(take_sha256, create.sha256);

/* The places on a mirror follow its last slash. */
static int take_mirror(CommandLine *c, const char *value) {
        if (!startswith(value, "https://") && !startswith(value, "http://"))
                return fail_with(EXIT_USAGE, "--mirror=%s: must begin with https:// or http://",
                                 value);
        c->options.create.mirror = value;
        return 0;
}

DEFINE_TEXT(take_kernel, create.kernel);
DEFINE_TEXT(take_hostname, create.hostname);
DEFINE_TEXT(take_modules, create.modules);

#define DEFINE_LIST(name, field)                                                                   \
        static int name(CommandLine *c, const char *value) {                                       \
                return strv_push(&c->options.field, value) < 0                                     \
                               ? fail_with(EXIT_FAILED, "out of memory")                           \
                               : 0;                                                                \
        }                                                                                          \
        struct swallow_semicolon_##name

DEFINE_LIST(take_forward, create.forwards);
DEFINE_LIST(take_set, create.set);

static int take_copy(CommandLine *c, const char *value) {
        const char *colon = strrchr(value, ':');

        if (!colon || colon == value || colon[1] != '/')
                return fail_with(EXIT_USAGE,
                                 "--copy=%s: must be FILE:PATH with an absolute path in the guest",
                                 value);
        return strv_push(&c->options.create.copies, value) < 0
                       ? fail_with(EXIT_FAILED, "out of memory")
                       : 0;
}

static const OptionRow rows[] = {
        { "help", NULL, 0, 'h', "Show this help", take_help },
        { "version", NULL, 0, 'V', "Show the version", take_version },
        { "quiet", NULL, 0, 'q', "Print errors only, besides what was asked for", take_quiet },
        { "host", "[USER@]HOST", 0, 'H', "Run umlctl on that host, by ssh", take_host },
        { "no-pager", NULL, 0, 0, "Do not show long output in a pager", take_no_pager },
        { "all", NULL, VERB_MANY, 'a', "For all guests", take_all },
        { "json", NULL, VERB_JSON, 'j', "Print JSON", take_json },
        { "output", "COLUMNS", VERB_TABLE, 'o', "Columns to show, for example name,state",
          take_output },
        { "no-headings", NULL, VERB_TABLE | VERB_TOP, 0,
          "Print no line with the names of the columns", take_no_headings },
        { "sort", "ORDER", VERB_TOP, 's',
          "What comes first: cpu (the default), memory, traffic, start or name", take_sort },
        { "interval", "TIME", VERB_TOP, 'i', "Time between updates (2s)", take_interval },
        { "count", "NUMBER", VERB_TOP, 'c', "Exit after this number of updates", take_count },
        { "textfile", "FILE", VERB_METRICS, 0, "Write to FILE instead, for a textfile collector",
          take_textfile },
        { "for", "STATE", VERB_FOR, 'f', "State to wait for: running (the default) or stopped",
          take_for },
        { "timeout", "TIME", VERB_TIMEOUT, 't',
          "Time to wait at most (30s, 5min; plain numbers are seconds)", take_timeout },
        { "confirm", "TIME", VERB_CONFIRM, 'c',
          "Revert the reload after TIME unless `umlctl confirm` is run first", take_confirm },
        { "no-wait", NULL, VERB_NO_WAIT, 'n', "Do not wait until the operation has finished",
          take_no_wait },
        { "enable", NULL, VERB_ENABLE, 0, "Start it at boot, too", take_enable },
        { "now", NULL, VERB_NOW, 0, "Also start or stop it now", take_now },
        { "shrink", "SIZE", VERB_MEMORY, 's', "Take this much free memory from the guest",
          take_shrink },
        { "grow", "SIZE", VERB_MEMORY, 'g', "Give this much of it back to the guest", take_grow },
        { "follow", NULL, VERB_LOG | VERB_EVENTS, 'f', "Keep printing what is new", take_follow },
        { "lines", "NUMBER", VERB_LOG, 'n', "Number of most recent lines to show", take_lines },
        { "since", "WHEN", VERB_LOG, 'S',
          "Show lines since this time (10min, 18:30, 2026-11-21, yesterday)", take_since },
        { "boot", "NUMBER", VERB_LOG, 'b',
          "Show only this boot: 0 is the latest, -1 the one before it", take_boot },
        { "read-only", NULL, VERB_ATTACH, 'r',
          "Watch only: nothing that is typed reaches the guest", take_read_only },
        { "force", NULL, VERB_FORCE, 'F',
          "Do not ask; take over a console, replace a guest, send a command that kills the kernel",
          take_force },
        { "fix", NULL, VERB_FIX, 0, "Repair what umld itself can repair, after asking", take_fix },
        { "live", NULL, VERB_LIVE, 0,
          "Export a guest, or make a snapshot of it, while it is running", take_live },
        { "with-kernel", NULL, VERB_EXPORT, 0, "Export its kernel as well", take_with_kernel },
        { "name", "NAME", VERB_IMPORT, 0, "Name of the guest made by import", take_name },
        { "from", "SOURCE", VERB_CREATE, 0,
          "Where its files come from: an archive, a directory, an image, - …", take_from },
        { "size", "SIZE", VERB_CREATE, 0, "Size of its image (1G)", take_create_size },
        { "memory", "SIZE", VERB_CREATE, 0, "Its memory (128M)", take_memory },
        { "swap", "SIZE", VERB_CREATE, 0, "Give it swap space of this size", take_swap },
        { "kernel", "PATH", VERB_CREATE, 0, "The kernel it runs", take_kernel },
        { "modules", "DIR", VERB_CREATE | VERB_MODULES, 0, "Where the modules of its kernel are",
          take_modules },
        { "hostname", "TEXT", VERB_CREATE, 0, "Its host name", take_hostname },
        { "forward", "FORWARD", VERB_CREATE, 0, "Forward ports to it (tcp/8080:80); repeatable",
          take_forward },
        { "copy", "FILE:PATH", VERB_CREATE, 0, "Copy a file into its image; repeatable",
          take_copy },
        { "ssh-key", "FILE", VERB_CREATE, 0, "Public keys with which root can log in by SSH",
          take_ssh_key },
        { "password-stdin", NULL, VERB_CREATE, 0, "Read root's password from standard input",
          take_password },
        { "firstboot", "SCRIPT", VERB_CREATE, 0,
          "Run a script in it when it boots for the first time", take_firstboot },
        { "recipe", "NAME", VERB_CREATE, 0,
          "The recipe that prepares its files: a name, auto or none", take_recipe },
        { "set", "KEY=VALUE", VERB_CREATE, 0, "Write a setting to its configuration; repeatable",
          take_set },
        { "mirror", "URL", VERB_CREATE, 0, "Mirror from which to download debian, alpine or arch",
          take_mirror },
        { "sha256", "SUM", VERB_CREATE, 0, "SHA-256 checksum that the source must have",
          take_sha256 },
        { "print-tables", NULL, 0, 0, NULL, take_tables }, /* for check-umlctl-doc */
};
static_assert(ARRAY_SIZE(rows) <= OPTIONS_MAX, "one flag for each option");

const OptionRow *option_rows(size_t *ret_n) {
        *ret_n = ARRAY_SIZE(rows);
        return rows;
}

/* ---- getopt's own tables, generated from ours ---- */

typedef struct Getopt {
        struct option longs[ARRAY_SIZE(rows) + 1];
        const OptionRow *letters[128]; /* the row that a letter stands for */
        char shorts[2 * ARRAY_SIZE(rows) + 3];
} Getopt;

/* A letter is the option of this verb that has it; failing that any option with that letter, so
 * that the error message can name it. */
static void claim_letters(Getopt *g, const Verb *v, bool own) {
        FOREACH_ELEMENT (row, rows)
                if (row->letter && !g->letters[(unsigned char) row->letter] &&
                    own == (row->verb_flag == 0 || (v && (row->verb_flag & v->flags))))
                        g->letters[(unsigned char) row->letter] = row;
}

static void getopt_make(Getopt *g, const Verb *v, const char *mode) {
        char *p;

        *g = (Getopt){};
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                g->longs[i] = (struct option){
                        .name = rows[i].name,
                        .has_arg = rows[i].argspec ? required_argument : no_argument,
                        .val = (int) (i + 256), /* beyond all letters */
                };
        claim_letters(g, v, true);
        claim_letters(g, v, false);
        p = stpcpy(g->shorts, mode);
        for (size_t i = 0; i < ARRAY_SIZE(g->letters); i++) {
                if (!g->letters[i])
                        continue;
                *p++ = (char) i;
                if (g->letters[i]->argspec)
                        *p++ = ':';
        }
        *p = '\0';
}

static int fail_long(const char *word) {
        _cleanup_free_ char *name = strndup(word + 2, strcspn(word + 2, "="));
        const OptionRow *nearest = NULL;
        const char *ours = name ? foreign_option(name) : NULL;
        int fewest = 4;

        if (ours)
                return fail_with(EXIT_USAGE, "--%s: unknown option; use %s", name, ours);
        FOREACH_ELEMENT (row, rows) {
                int slips = name && row->help ? slips_between(name, row->name) : -1;

                if (slips > 0 && slips < fewest) {
                        fewest = slips;
                        nearest = row;
                }
        }
        if (nearest)
                return fail_with(EXIT_USAGE, "%s: unknown option; did you mean --%s?", word,
                                 nearest->name);
        return fail_with(EXIT_USAGE,
                         "%s: unknown option, or it does not take a value; see umlctl --help",
                         word);
}

/* Replaces getopt's own messages by one line of ours. */
static int fail_option(int c, char *const argv[]) {
        const char *word = argv[optind - 1];

        if (c == ':')
                return fail_with(EXIT_USAGE, "%s requires a value; see umlctl --help", word);
        if (startswith(word, "--"))
                return fail_long(word);
        return fail_with(EXIT_USAGE, "-%c: unknown option; see umlctl --help", optopt);
}

/* Notes an option for the umlctl of another host. */
static int pass_on(CommandLine *c, const OptionRow *row, const char *value) {
        int r = 0;

        if (row->take == take_host)
                return 0;
        r = row->argspec ? strv_pushf(&c->passed, "--%s=%s", row->name, value)
                         : strv_pushf(&c->passed, "--%s", row->name);
        return r < 0 ? fail_with(EXIT_FAILED, "out of memory") : 0;
}

static int parse(int argc, char *const argv[], const Verb *v, const char *mode, CommandLine *c) {
        Getopt g;
        int code, r;

        getopt_make(&g, v, mode);
        opterr = 0;
        optind = 0; /* start over */
        while ((code = getopt_long(argc, argv, g.shorts, g.longs, NULL)) != -1) {
                const OptionRow *row;

                if (code == '?' || code == ':')
                        return fail_option(code, argv);
                row = code < 256 ? g.letters[code] : &rows[code - 256];
                if (v && code < 256 && row->verb_flag && !(row->verb_flag & v->flags) &&
                    row->take != take_all) /* of which there is more to say */
                        return fail_with(EXIT_USAGE,
                                         "-%c cannot be used with %s; see umlctl help %s", code,
                                         v->name, v->name);
                c->given[row - rows] = true;
                r = row->take(c, optarg);
                if (r == 0)
                        r = pass_on(c, row, optarg);
                if (r != 0)
                        return r;
        }
        return 0;
}

int command_line_begin(int argc, char *argv[], CommandLine *c) {
        int r = parse(argc, argv, NULL, "+:", c);

        if (r != 0)
                return r;
        c->verb = argv[optind];
        c->n_words = argc - optind;
        c->words = argv + optind;
        return 0;
}

/* Checks the arguments after the options. Returns an exit code; 0 = they are valid. */
static int check_words(const CommandLine *c, const Verb *v) {
        bool all = c->options.all && v->flags & VERB_MANY && !(v->flags & VERB_LAST);

        if (v->flags & VERB_GUEST && !(v->flags & VERB_MANY) &&
            (c->options.all || (v->max == 1 && c->n_words > 1)))
                return fail_with(
                        EXIT_USAGE,
                        "%s is for one guest at a time, so give one NAME; see umlctl help %s",
                        v->name, v->name);
        if ((unsigned) c->n_words < v->min && !all)
                return fail_with(EXIT_USAGE, "%s requires %s; see umlctl help %s", v->name,
                                 v->argspec, v->name);
        if ((unsigned) c->n_words > v->max)
                return fail_with(EXIT_USAGE, "%s takes %s%s; see umlctl help %s", v->name,
                                 v->max == 0 ? "no arguments" : "at most ", v->argspec, v->name);
        FOREACH_ELEMENT (row, rows)
                if (c->given[row - rows] && row->verb_flag && !(row->verb_flag & v->flags))
                        return fail_with(EXIT_USAGE,
                                         "--%s cannot be used with %s; see umlctl help %s",
                                         row->name, v->name, v->name);
        return 0;
}

int command_line_finish(CommandLine *c, const Verb *v) {
        int r = parse(c->n_words, c->words, v, v->flags & VERB_COMMAND ? "+:" : ":", c);

        if (r != 0)
                return r;
        c->n_words -= optind;
        c->words += optind;
        return c->help ? 0 : check_words(c, v);
}

void command_line_done(CommandLine *c) {
        strv_done(&c->passed);
        strv_done(&c->options.create.forwards);
        strv_done(&c->options.create.set);
        strv_done(&c->options.create.copies);
}
