/* SPDX-License-Identifier: GPL-2.0-or-later */
/* main.c - umlctl: verbs, and the choice of the guest. */

#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/nearest.h"
#include "basic/string-util.h"
#include "umlctl/columns.h"
#include "umlctl/command-line.h"
#include "umlctl/complete.h"
#include "umlctl/foreign-words.h"
#include "umlctl/many.h"
#include "umlctl/metrics.h"
#include "umlctl/pager.h"
#include "umlctl/remote.h"
#include "umlctl/say.h"
#include "umlctl/selection.h"
#include "umlctl/status-fields.h"
#include "umlctl/verb-table.h"
#include "umlctl/verbs.h"

static int verb_help(const Options *o, const char *arg);

static const Verb verbs[] = {
        { "create", "NEW", 1, 1, VERB_GUEST | VERB_CREATE | VERB_FORCE, verb_create,
          "Make a guest: its image and its configuration" },
        { "list", "[NAME...]", 0, UINT_MAX,
          VERB_GUEST | VERB_KNOWN | VERB_MANY | VERB_TOGETHER | VERB_EVERY | VERB_JSON |
                  VERB_TABLE | VERB_PAGED,
          verb_list, "List guests in a table" },
        { "top", "[NAME...]", 0, UINT_MAX,
          VERB_GUEST | VERB_KNOWN | VERB_MANY | VERB_TOGETHER | VERB_EVERY | VERB_JSON | VERB_TOP,
          verb_top, "Show live what guests use: CPU, memory, network" },
        { "metrics", "[NAME...]", 0, UINT_MAX,
          VERB_GUEST | VERB_KNOWN | VERB_MANY | VERB_TOGETHER | VERB_EVERY | VERB_METRICS,
          verb_metrics, "Print metrics of guests for a monitoring system" },
        { "status", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_KNOWN | VERB_ALL | VERB_JSON | VERB_PAGED,
          verb_status, "Show the status of a guest" },
        { "start", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_GUEST | VERB_CONFIGURED | VERB_TIMEOUT | VERB_NO_WAIT | VERB_ENABLE,
          verb_start, "Start a guest and wait until it is ready" },
        { "stop", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_GUEST | VERB_KNOWN | VERB_TIMEOUT | VERB_NO_WAIT, verb_stop,
          "Shut a guest down cleanly" },
        { "restart", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_GUEST | VERB_CONFIGURED | VERB_TIMEOUT | VERB_NO_WAIT, verb_restart,
          "Shut a guest down cleanly and start it again" },
        { "reload", "[NAME...]", 0, UINT_MAX, VERB_MANY | VERB_GUEST | VERB_KNOWN | VERB_CONFIRM,
          verb_reload, "Apply configuration changes to the running guest where possible" },
        { "confirm", "[NAME...]", 0, UINT_MAX, VERB_MANY | VERB_GUEST | VERB_KNOWN, verb_confirm,
          "Keep the changes made by reload --confirm" },
        { "reexec", "[NAME...]", 0, UINT_MAX, VERB_MANY | VERB_GUEST | VERB_KNOWN, verb_reexec,
          "Replace the umld of a running guest with the installed one" },
        { "kill", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_GUEST | VERB_KNOWN | VERB_TIMEOUT | VERB_NO_WAIT, verb_kill,
          "Kill a guest immediately, without a clean shutdown" },
        { "check", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_CONFIGURED | VERB_JSON, verb_check,
          "Show what starting a guest would do, and whether it would work" },
        { "doctor", "[NAME]", 0, 1, VERB_JSON | VERB_FIX | VERB_FORCE, verb_doctor,
          "Check whether the host can run a guest, and how well" },
        { "wait", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_GUEST | VERB_KNOWN | VERB_FOR | VERB_TIMEOUT, verb_wait,
          "Wait until a guest is running or stopped" },
        { "enable", "[NAME...]", 0, UINT_MAX, VERB_MANY | VERB_GUEST | VERB_CONFIGURED | VERB_NOW,
          verb_enable, "Start a guest at boot" },
        { "disable", "[NAME...]", 0, UINT_MAX, VERB_MANY | VERB_GUEST | VERB_NOW, verb_disable,
          "Do not start a guest at boot" },
        { "is-active", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_KNOWN, verb_is_active,
          "Is a guest running? For scripts" },
        { "is-enabled", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_KNOWN, verb_is_enabled,
          "Is a guest started at boot? For scripts" },
        { "cat", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_CONFIGURED | VERB_JSON | VERB_PAGED,
          verb_cat, "Show the configuration of a guest, with its defaults" },
        { "edit", "NAME [DROP-IN]", 1, 2, VERB_GUEST | VERB_CONFIGURED, verb_edit,
          "Edit the configuration of a guest, and check it" },
        { "set", "NAME KEY=VALUE...", 2, UINT_MAX, VERB_GUEST | VERB_CONFIGURED, verb_set,
          "Change settings in the configuration of a guest" },
        { "remove", "NAME...", 1, UINT_MAX, VERB_MANY | VERB_GUEST | VERB_FORCE, verb_remove,
          "Delete a guest with its image, its configuration and its logs" },
        { "modules", "NAME [MODULE...]", 1, UINT_MAX, VERB_GUEST | VERB_CONFIGURED | VERB_MODULES,
          verb_modules, "Put the modules that a guest's kernel needs into its image" },
        { "resize", "NAME SIZE", 2, 2, VERB_GUEST | VERB_CONFIGURED, verb_resize,
          "Make the image of a guest larger" },
        { "disk", "NAME ACTION [SNAPSHOT]", 2, 3,
          VERB_GUEST | VERB_CONFIGURED | VERB_FORCE | VERB_LIVE | VERB_JSON, verb_disk,
          "Keep, commit or throw away what a guest has changed on disks with cow=" },
        { "export", "NAME", 1, 1, VERB_GUEST | VERB_CONFIGURED | VERB_EXPORT | VERB_LIVE,
          verb_export, "Write a guest to standard output, to keep it or to move it" },
        { "import", "FILE", 1, 1, VERB_IMPORT, verb_import,
          "Make a guest from what export has written" },
        { "crashes", "[NAME...] [N]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_LAST | VERB_GUEST | VERB_JSON | VERB_PAGED, verb_crashes,
          "List the crashes of a guest, newest first, or show the N-th report" },
        { "memory", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_KNOWN | VERB_JSON | VERB_MEMORY,
          verb_memory, "Show a guest's memory usage, or move memory between guest and host" },
        { "history", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_GUEST | VERB_KNOWN | VERB_JSON | VERB_PAGED,
          verb_history, "Show what a guest used in the last hour: memory, network" },
        { "port", "[NAME...] PORT", 1, UINT_MAX,
          VERB_MANY | VERB_TOGETHER | VERB_LAST | VERB_GUEST | VERB_KNOWN | VERB_JSON, verb_port,
          "Check whether a port of the host reaches the guest, and if not, why" },
        { "console", "[NAME]", 0, 1, VERB_GUEST | VERB_KNOWN | VERB_ATTACH | VERB_FORCE,
          verb_console, "Attach to the console of a guest" },
        { "log", "[NAME...]", 0, UINT_MAX,
          VERB_MANY | VERB_GUEST | VERB_JSON | VERB_LOG | VERB_PAGED, verb_log,
          "Show what a guest printed on its console" },
        { "ssh", "NAME [COMMAND...]", 1, UINT_MAX, VERB_GUEST | VERB_KNOWN | VERB_COMMAND, verb_ssh,
          "Log in to a guest by SSH, or run a command there" },
        { "events", "[NAME...]", 0, UINT_MAX,
          VERB_GUEST | VERB_KNOWN | VERB_MANY | VERB_TOGETHER | VERB_EVERY | VERB_JSON |
                  VERB_EVENTS,
          verb_events, "Show the states of guests and, with --follow, what happens to them" },
        { "mconsole", "NAME COMMAND...", 2, UINT_MAX, VERB_GUEST | VERB_KNOWN | VERB_FORCE,
          verb_mconsole, "Send a command to the management console of a guest's kernel" },
        { "help", "[VERB]", 0, 1, VERB_PAGED, verb_help, "Show this help, or that of a verb" },
};

static void print_option(const OptionRow *o) {
        _cleanup_free_ char *left =
                strfmt("%s%c%s --%s%s%s", o->letter ? "-" : " ", o->letter ?: ' ',
                       o->letter ? "," : " ", o->name, o->argspec ? "=" : "", o->argspec ?: "");

        if (o->help)
                printf("  %-22s %s\n", left ?: "", o->help);
}

/* Prints the options that the verb takes; NULL: all options. */
static void print_options(const Verb *v) {
        size_t n;
        const OptionRow *rows = option_rows(&n);

        for (const OptionRow *o = rows; o < rows + n; o++)
                if (!v || o->verb_flag == 0 || (o->verb_flag & v->flags))
                        print_option(o);
}

static void print_general_help(void) {
        printf("umlctl [OPTION...] VERB [NAME]\nControl User-Mode-Linux guests. NAME may be "
               "omitted if only one guest is configured.\nVerbs may be abbreviated to a unique "
               "prefix.\n\nVerbs:\n");
        FOREACH_ELEMENT (v, verbs)
                printf("  %-9s%-17s %s\n", v->name, v->argspec, v->help);
        printf("\nOptions:\n");
        print_options(NULL);
        printf("\nExit status: 0 done (status: running), 1 failed, 2 usage or bad configuration,\n"
               "3 not running, 4 no such guest, 77 not permitted. See umlctl(1).\n");
}

static void print_verb_help(const Verb *v) {
        printf("umlctl %s%s%s%s\n%s.\n\nOptions:\n", v->name, v->flags ? " [OPTION...]" : "",
               isempty(v->argspec) ? "" : " ", v->argspec, v->help);
        print_options(v);
}

static int fail_verb(const char *name) {
        const char *nearest = NULL, *ours = foreign_verb(name);
        int fewest = 4;

        if (ours)
                return fail_with(EXIT_USAGE, "'%s': unknown verb; use %s", name, ours);
        FOREACH_ELEMENT (v, verbs) {
                int slips = slips_between(name, v->name);

                if (slips >= 0 && slips < fewest) {
                        fewest = slips;
                        nearest = v->name;
                }
        }
        if (nearest)
                return fail_with(EXIT_USAGE, "'%s': unknown verb; did you mean %s?", name, nearest);
        return fail_with(EXIT_USAGE, "'%s': unknown verb; see umlctl --help", name);
}

/* Returns 0, or what fail_with() returned. */
static int find_verb(const char *name, const Verb **ret) {
        _cleanup_free_ char *candidates = NULL;
        int r = verb_find(verbs, ARRAY_SIZE(verbs), name, ret, &candidates);

        if (r == -ENOTUNIQ)
                return fail_with(EXIT_USAGE, "'%s' is ambiguous: it could be %s", name, candidates);
        if (r < 0)
                return fail_verb(name);
        return 0;
}

static int verb_help(const Options *o, const char *arg) {
        const Verb *v = NULL;
        int r;

        if (!arg) {
                print_general_help();
                return EXIT_DONE;
        }
        r = find_verb(arg, &v);
        if (r != 0)
                return r;
        print_verb_help(v);
        return EXIT_DONE;
}

static int print_metrics(void) {
        size_t n;
        const Metric *metrics = metrics_table(&n);

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *name = metric_sample_name(&metrics[i]);

                if (!name)
                        return fail_with(EXIT_FAILED, "out of memory");
                printf("metric\t%s\t%s\n", name, metrics[i].help);
        }
        return EXIT_DONE;
}

/* Prints the tables for other programs. Verb: name, arguments, options; option: name, letter,
 * argument, whether only some verbs take it; field: path in the JSON; column: its key; metric: its
 * name and help. */
static int print_tables(void) {
        const Column *columns;
        size_t n;
        const OptionRow *rows = option_rows(&n);

        FOREACH_ELEMENT (v, verbs) {
                printf("verb\t%s\t%s\t", v->name, v->argspec);
                for (const OptionRow *o = rows; o < rows + n; o++)
                        if (o->verb_flag & v->flags)
                                printf("--%s ", o->name);
                putchar('\n');
        }
        for (const OptionRow *o = rows; o < rows + n; o++)
                if (o->help)
                        printf("option\t--%s\t%c\t%s\t%s\n", o->name, o->letter ?: '-',
                               o->argspec ?: "", o->verb_flag ? "verb" : "all");
        for (size_t i = 0; i < n_status_fields; i++)
                printf("field\t%s\n", status_fields[i].json);
        columns = columns_table(&n);
        for (size_t i = 0; i < n; i++)
                printf("column\t%s\n", columns[i].key);
        return print_metrics();
}

static int run_verb(CommandLine *c, const Verb *v) {
        _cleanup_(selection_done) Selection s = {};
        Options *o = &c->options;
        int r;

        if (!(v->flags & VERB_GUEST))
                return v->run(o, c->n_words > 0 ? c->words[0] : NULL);
        r = selection_make(v, o, c->words, c->n_words, &s);
        if (r != 0)
                return r;
        o->words = c->words + s.n_words;
        o->guests = &s.names;
        o->single = s.single;
        o->every = s.n_words == 0;
        if (v->flags & VERB_TOGETHER && (s.names.n > 0 || !(v->flags & VERB_CONFIGURED)))
                return v->run(o, NULL);
        if (s.names.n == 0)
                return fail_with(EXIT_NO_GUEST, "no guest is configured: there is no %s/NAME.conf",
                                 umld_dir(DIR_CONFIG));
        return s.names.n == 1 ? v->run(o, s.names.v[0]) : many_run(v, o, &s.names);
}

/* Checks the directories set in the environment. */
static int check_dirs(void) {
        for (UmldDir d = 0; d < UMLD_DIR_MAX; d++)
                if (!umld_dir(d))
                        return fail_with(EXIT_USAGE, "%s=%s: must be an absolute path",
                                         umld_dir_variable(d), getenv(umld_dir_variable(d)));
        return 0;
}

static int run(int argc, char *argv[]) {
        _cleanup_(command_line_done) CommandLine c = { .options = { .timeout = USEC_INFINITY,
                                                                    .wait_for = GUEST_RUNNING } };
        const Verb *v = NULL;
        int r;

        r = command_line_begin(argc, argv, &c);
        if (r == 0 && c.verb) {
                r = find_verb(c.verb, &v);
                if (r == 0)
                        r = command_line_finish(&c, v);
        }
        if (r != 0)
                return r;
        say_set_quiet(c.options.quiet);
        if (c.tables)
                return print_tables();
        if (c.host && !c.help)
                return remote_run(&c, v);
        if (c.version)
                return version_print();
        if (!v && !c.help)
                return fail_with(EXIT_USAGE, "no verb given; see umlctl --help");
        if (!c.options.no_pager && !c.options.follow && (c.help || v->flags & VERB_PAGED))
                pager_open();
        if (c.help)
                return verb_help(&c.options, c.verb);
        r = check_dirs();
        return r != 0 ? r : run_verb(&c, v);
}

int main(int argc, char *argv[]) {
        int r;

        /* A file opened later must not become standard output, and no program that is started
         * inherits what a script left open, such as its lock. */
        if (fd_tidy_inherited() < 0)
                return EXIT_FAILED;
        (void) setlocale(LC_CTYPE, "");
        if (argc > 1 && streq(argv[1], "--complete"))
                r = complete(verbs, ARRAY_SIZE(verbs), argv + 2);
        else
                r = run(argc, argv);
        pager_close();
        if (fflush(stdout) != 0 || ferror(stdout))
                return fail_with(r == EXIT_DONE ? EXIT_FAILED : r, "cannot write the output: %m");
        return r;
}
