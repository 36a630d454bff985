/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-mconsole.c - sends a command to the management console of a guest's kernel. */

#include <langinfo.h>
#include <stdio.h>
#include <unistd.h>

#include "api/bus-names.h"
#include "api/exit-codes.h"
#include "basic/console-text.h"
#include "basic/string-util.h"
#include "umlctl/bus-client.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

/* Joins the arguments with a space between them, as the kernel expects its commands. */
static char *join_words(char *const *words) {
        char *all = strdup("");

        for (; all && *words; words++) {
                char *longer = strfmt("%s%s%s", all, isempty(all) ? "" : " ", *words);

                free(all);
                all = longer;
        }
        return all;
}

static int call(sd_bus *bus, const char *command, bool force, sd_bus_message **ret,
                sd_bus_error *error) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, UMLD_BUS_PATH, UMLD_BUS_INTERFACE,
                                           UMLD_METHOD_MCONSOLE);
        if (r >= 0)
                r = sd_bus_message_append(m, "sb", command, (int) force);
        return r < 0 ? r : sd_bus_call(bus, m, BUS_ORDER_LIMIT, error, ret);
}

/* The reply is UTF-8; for a terminal without it, it is reduced to ASCII. */
static int print_answer(const char *text) {
        ConsoleText filter = { .utf8 = !isatty(STDOUT_FILENO) ||
                                       streq(nl_langinfo(CODESET), "UTF-8") };
        _cleanup_free_ char *out = malloc(CONSOLE_TEXT_ROOM(strlen(text)));
        size_t n;

        if (!out)
                return -ENOMEM;
        while (*text == '\n') /* replies to `proc` begin with newlines */
                text++;
        n = console_text_put(&filter, text, strlen(text), out);
        n += console_text_end(&filter, out + n);
        fwrite(out, 1, n, stdout);
        if (n > 0 && out[n - 1] != '\n')
                putchar('\n');
        return 0;
}

static int show_answer(const char *guest, sd_bus_message *reply) {
        const char *text;
        int error, whole, r;

        r = sd_bus_message_read(reply, "isb", &error, &text, &whole);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: unexpected reply from umld: %s", guest,
                                 strerror(-r));
        if (error != 0)
                return fail_with(EXIT_FAILED, "%s: the kernel returned an error: %s", guest,
                                 isempty(text) && error < 0 ? strerror(-error) : text);
        if (print_answer(text) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        if (!whole)
                return fail_with(EXIT_FAILED, "%s: the end of the reply was lost", guest);
        return EXIT_DONE;
}

int verb_mconsole(const Options *o, const char *guest) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_close_unrefp) sd_bus *bus = NULL;
        _cleanup_free_ char *command = join_words(o->words);
        pid_t pid = 0;
        int r;

        if (!command)
                return fail_with(EXIT_FAILED, "out of memory");
        r = bus_connect(guest, BUS_ANSWER_LIMIT, &bus, &pid);
        if (r == -ENOENT)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running", guest);
        if (r < 0)
                return bus_connect_fail(guest, r, pid);
        r = call(bus, command, o->force, &reply, &error);
        if (r < 0)
                return fail_with(bus_error_exit_code(&error, r), "%s: %s", guest,
                                 error.message ?: strerror(-r));
        return show_answer(guest, reply);
}
