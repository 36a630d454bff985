/* SPDX-License-Identifier: GPL-2.0-or-later */
/* doctor.c - runs umld --doctor, and reads what it prints. */

#include "umlctl/doctor.h"
#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "umlctl/say.h"
#include "umlctl/umld-call.h"

enum {
        SENTENCE_MAX = 1000,
};

#define PATIENCE       (2 * USEC_PER_MINUTE) /* four trials of NAT, and a boot of half a minute */
#define SHORT_PATIENCE (10 * USEC_PER_SEC)   /* of somebody who waits for something else */

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
        int r = umld_call(words, quiet, measure ? PATIENCE : SHORT_PATIENCE, &child);

        if (r < 0)
                return r;
        *ret_code = r;
        return read_lines(child.said, ret);
}

int doctor_repair(const char *guest, const char *check) {
        _cleanup_free_ char *option = strfmt("--repair=%s", check);
        const char *const words[] = { "umld", option, guest, NULL };
        _cleanup_(child_done) Child child = {};
        int r = option ? umld_call(words, false, PATIENCE, &child) : -ENOMEM;

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
