/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-doctor.c - doctor: shows what is right and wrong with this host, and has it repaired. */

#include <stdio.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/parse-util.h"
#include "umlctl/doctor.h"
#include "umlctl/guests.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"
#include "umlctl/verbs.h"

enum {
        VERDICT_WIDTH = 8,
        CHECK_WIDTH = 16,
};

static const char *field(const json_t *o, const char *key) {
        return json_string_value(json_object_get(o, key)) ?: "";
}

/* ---- printing ---- */

static Colour colour_of(const char *verdict) {
        return streq(verdict, "ok")      ? COLOUR_GREEN
               : streq(verdict, "fault") ? COLOUR_RED
                                         : COLOUR_YELLOW;
}

static void print_one(const json_t *o, bool coloured) {
        const char *verdict = field(o, "verdict"), *remedy = field(o, "remedy"),
                   *repair = field(o, "repair");

        printf("  %s%-*s%s %-*s %s\n", coloured ? colour_sequence(colour_of(verdict)) : "",
               VERDICT_WIDTH, verdict, coloured ? colour_sequence(COLOUR_NONE) : "", CHECK_WIDTH,
               field(o, "check"), field(o, "text"));
        if (*remedy)
                printf("  %*s -> %s\n", VERDICT_WIDTH + 1 + CHECK_WIDTH, "", remedy);
        if (*repair)
                printf("  %*s -> umlctl doctor --fix can %s\n", VERDICT_WIDTH + 1 + CHECK_WIDTH, "",
                       repair);
}

static bool has_fault(const json_t *list) {
        const json_t *o;
        size_t i;

        json_array_foreach(list, i, o) {
                if (streq(field(o, "verdict"), "fault"))
                        return true;
        }
        return false;
}

static const char *conclusion(const json_t *list, int code) {
        return code == EXIT_DONE ? "can start here"
               : has_fault(list) ? "cannot start here, or would not work as it should"
                                 : "may be able to start here; only root can tell";
}

static void print_all(const char *guest, const json_t *list, int code) {
        bool coloured = terminal_coloured(STDOUT_FILENO);
        const char *group = "";
        const json_t *o;
        size_t i;

        json_array_foreach(list, i, o) {
                if (!streq(group, field(o, "group")))
                        printf("%s%s\n", *group ? "\n" : "", field(o, "group"));
                group = field(o, "group");
                print_one(o, coloured);
        }
        printf("\n%s %s\n", guest ?: "a guest", conclusion(list, code));
}

static int print_json(const char *guest, const json_t *list, int code) {
        json_auto_t *document = json_pack("{s:s?, s:b, s:O}", "guest", guest, "can_start",
                                          code == EXIT_DONE, "checks", list);

        if (!document || json_print(document) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        return code;
}

/* ---- repairing ---- */

/* 1 = yes, 0 = no. */
static int ask(const Options *o, const char *what) {
        char answer[16];

        if (o->force)
                return 1;
        fprintf(stderr, "%c%s? [y/N] ", what[0] - 'a' + 'A', what + 1);
        return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* The exit code; *ret_done: how much was repaired. */
static int repair_all(const Options *o, const char *guest, const json_t *list, unsigned *ret_done) {
        const json_t *one;
        size_t i;

        json_array_foreach(list, i, one) {
                const char *repair = field(one, "repair"), *check = field(one, "check");
                int r;

                if (!*repair || !ask(o, repair))
                        continue;
                r = doctor_repair(guest, check);
                if (r != EXIT_DONE)
                        return r;
                note("%s: done", check);
                (*ret_done)++;
        }
        return EXIT_DONE;
}

static int check_fix(const Options *o) {
        if (geteuid() != 0)
                return fail_with(EXIT_NOT_PERMITTED, "--fix changes the host; run it as root");
        if (!o->force && !isatty(STDIN_FILENO))
                return fail_with(EXIT_USAGE,
                                 "standard input is not a terminal; use --force to repair "
                                 "without asking");
        return EXIT_DONE;
}

/* ---- the verb ---- */

static int examine(const char *guest, json_t **ret, int *ret_code) {
        int r = doctor_ask(guest, true, false, ret, ret_code);

        if (r < 0)
                return fail_with(EXIT_FAILED, "cannot run umld: %s", strerror(-r));
        if (*ret_code != EXIT_DONE && *ret_code != EXIT_FAILED)
                return *ret_code; /* umld has said why */
        if (json_array_size(*ret) == 0)
                return EXIT_FAILED;
        return EXIT_DONE;
}

static int fix(const Options *o, const char *guest, json_t **list, int *code) {
        unsigned done = 0;
        int r = check_fix(o);

        if (r == EXIT_DONE)
                r = repair_all(o, guest, *list, &done);
        if (r != EXIT_DONE || done == 0)
                return r;
        json_decref(*list);
        *list = NULL;
        return examine(guest, list, code);
}

int verb_doctor(const Options *o, const char *guest) {
        json_auto_t *list = NULL;
        int code = EXIT_FAILED, r;

        if (guest && !guest_name_valid(guest))
                return fail_with(EXIT_USAGE, "%s: invalid guest name", guest);
        if (guest && !guest_configured(guest))
                return fail_with(EXIT_NO_GUEST, "no such guest: %s", guest);
        r = examine(guest, &list, &code);
        if (r == EXIT_DONE && o->fix)
                r = fix(o, guest, &list, &code);
        if (r != EXIT_DONE)
                return r;
        if (o->json)
                return print_json(guest, list, code);
        print_all(guest, list, code);
        return code;
}
