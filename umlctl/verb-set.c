/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-set.c - set: changes settings in a guest's configuration. */

#include "api/exit-codes.h"
#include "basic/cleanup.h"
#include "umlctl/config-files.h"
#include "umlctl/config-text.h"
#include "umlctl/say.h"
#include "umlctl/setting-name.h"
#include "umlctl/verbs.h"

typedef enum How {
        HOW_SET,
        HOW_ADD,    /* += */
        HOW_REMOVE, /* -= */
} How;

/* The new text of one file. All changes are made in one file, so that they happen together. */
typedef struct Change {
        ConfigFiles files;
        char *path, *before, *text; /* NULL: none is chosen so far */
} Change;

static void change_done(Change *c) {
        config_files_done(&c->files);
        free(c->path);
        free(c->before);
        free(c->text);
}

typedef struct Request {
        const Setting *setting;
        How how;
        const char *value;
} Request;

/* KEY=VALUE, KEY+=VALUE or KEY-=VALUE */
static int parse(const char *word, Request *ret) {
        size_t size = strcspn(word, "="), name = size;

        if (!word[size])
                return fail_with(EXIT_USAGE, "'%s': must be KEY=VALUE, KEY+=VALUE or KEY-=VALUE",
                                 word);
        ret->how = HOW_SET;
        if (size > 0 && (word[size - 1] == '+' || word[size - 1] == '-')) {
                ret->how = word[size - 1] == '+' ? HOW_ADD : HOW_REMOVE;
                name--;
        }
        ret->setting = setting_named(word, name);
        ret->value = word + size + 1;
        if (!ret->setting)
                return setting_fail("", word, name);
        if (strpbrk(word, "\r\n"))
                return fail_with(EXIT_USAGE, "%s: a value must be a single line",
                                 ret->setting->key);
        if (ret->how == HOW_ADD && !ret->setting->repeatable)
                return fail_with(EXIT_USAGE, "%s takes only one value; use %s=%s",
                                 ret->setting->key, ret->setting->key, ret->value);
        if (ret->how != HOW_SET && isempty(ret->value))
                return fail_with(EXIT_USAGE, "'%s': missing value", word);
        return 0;
}

/* ---- in which file? ---- */

/* Is the setting to be changed in this file? */
static bool concerns(const char *text, const Request *q) {
        if (q->how == HOW_REMOVE)
                return config_text_has(text, q->setting, q->value);
        return config_text_count(text, q->setting, !q->setting->repeatable) > 0;
}

/* The last file that names it, for that is the one in force; *ret_n is how many do. Without any it
 * is NAME.conf. */
static int find_file(const Change *c, const Request *q, char **ret_path, char **ret_text,
                     unsigned *ret_n) {
        ConfigPart part = {};
        int r = 0;

        *ret_n = 0;
        while (r == 0 && config_part_next(c->files.text, c->files.size, &part)) {
                _cleanup_free_ char *path = NULL, *text = NULL;
                bool found;

                r = config_files_copy(&c->files, &part, &path, &text);
                found = r == 0 && concerns(text, q);
                *ret_n += found;
                if (!found && *ret_path)
                        continue;
                free(*ret_path);
                free(*ret_text);
                *ret_path = TAKE_PTR(path);
                *ret_text = TAKE_PTR(text);
        }
        return r;
}

static int choose(Change *c, const Request *q) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        bool whole = q->how == HOW_SET && (q->setting->repeatable || isempty(q->value));
        unsigned n;
        int r = find_file(c, q, &path, &text, &n);

        if (r != 0)
                return r;
        if (n > 1 && whole)
                return fail_with(EXIT_FAILED,
                                 "%s: %s= is set in several files; see umlctl cat %s, and use "
                                 "umlctl edit",
                                 c->files.guest, q->setting->key, c->files.guest);
        if (n == 0 && q->how == HOW_REMOVE)
                return fail_with(EXIT_FAILED, "%s: there is no %s=%s; see umlctl cat %s",
                                 c->files.guest, q->setting->key, q->value, c->files.guest);
        if (!c->path) {
                c->path = TAKE_PTR(path);
                c->before = strdup(text);
                c->text = TAKE_PTR(text);
                return c->before ? 0 : fail_with(EXIT_FAILED, "out of memory");
        }
        if (n > 0 && !streq(c->path, path))
                return fail_with(EXIT_FAILED,
                                 "%s: the settings are in different files, %s and %s; change them "
                                 "one by one",
                                 c->files.guest, c->path, path);
        return 0;
}

/* ---- changing it ---- */

/* A list that is set more than once on one command line gets all these values. */
static int values_of(const Request *q, const Request *all, size_t n, Strv *ret) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                if (all[i].setting == q->setting && all[i].how == HOW_SET && *all[i].value)
                        r = strv_push(ret, all[i].value);
        return r;
}

static int apply(Change *c, const Request *q, const Request *all, size_t n) {
        _cleanup_strv_ Strv values = {};
        _cleanup_free_ char *text = NULL;
        int r;

        switch (q->how) {
        case HOW_ADD:
                r = config_text_add(c->text, q->setting, q->value, &text);
                break;
        case HOW_REMOVE:
                r = config_text_remove(c->text, q->setting, q->value, &text);
                break;
        case HOW_SET:
        default:
                r = values_of(q, all, n, &values);
                if (r >= 0)
                        r = config_text_set(c->text, q->setting, &values, &text);
        }
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot be changed: %s", c->path, strerror(-r));
        free(c->text);
        c->text = TAKE_PTR(text);
        return 0;
}

static int check_once(const Request *all, size_t n) {
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        if (all[i].setting == all[j].setting && !all[i].setting->repeatable)
                                return fail_with(EXIT_USAGE, "%s is given twice; give it once",
                                                 all[i].setting->key);
        return 0;
}

static int change(Change *c, const Request *all, size_t n) {
        int r = check_once(all, n);

        for (size_t i = 0; r == 0 && i < n; i++) {
                r = choose(c, &all[i]);
                if (r == 0)
                        r = apply(c, &all[i], all, n);
        }
        if (r == 0)
                r = config_files_check(&c->files, c->path, c->text);
        if (r != 0)
                return r;
        if (streq(c->text, c->before)) {
                note("%s: %s says so already", c->files.guest, c->path);
                return 0;
        }
        r = config_files_write(&c->files, c->path, c->before, c->text);
        if (r == 0) {
                _cleanup_free_ char *what = strfmt("changed %s", c->path);

                config_files_say_changed(&c->files, what ?: "changed");
        }
        return r;
}

int verb_set(const Options *o, const char *guest) {
        _cleanup_(change_done) Change c = {};
        _cleanup_free_ Request *requests = NULL;
        size_t n = 0;
        int r = 0;

        while (o->words[n])
                n++;
        requests = calloc(n, sizeof(*requests));
        if (!requests)
                return fail_with(EXIT_FAILED, "out of memory");
        for (size_t i = 0; r == 0 && i < n; i++)
                r = parse(o->words[i], &requests[i]);
        if (r == 0)
                r = config_files_read(guest, &c.files);
        return r != 0 ? r : change(&c, requests, n);
}
