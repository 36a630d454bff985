/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-cat.c - cat: the configuration of a guest as umld understands it. */

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "conf/entries.h"
#include "conf/parts.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"
#include "umlctl/terminal.h"
#include "umlctl/verbs.h"

typedef struct Cat {
        Config *config;
        ConfigEntries entries;
} Cat;

static void cat_done(Cat *c) {
        config_free(c->config);
        config_entries_done(&c->entries);
}

static int load(Cat *c, const char *guest) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, guest, "root.img"),
                            *file = umld_config_path(guest), *error = NULL;
        int r = disk && file ? config_load(guest, file, disk, &c->config, &error) : -ENOMEM;

        if (r >= 0)
                r = config_explain(c->config, disk, &c->entries);
        return r < 0 ? fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_USAGE, "%s",
                                 error ?: strerror(-r))
                     : 0;
}

/* Where an entry is: the path, which the caller frees, and the line in that file. */
static char *place_of(const Cat *c, const ConfigEntry *e, unsigned *ret_line, bool *ret_dropin) {
        ConfigPart part = {};

        config_part_find(c->config->text, strlen(c->config->text), e->line, &part, ret_line);
        *ret_dropin = part.file;
        return part.file ? strndup(part.file, part.file_size) : strdup(c->config->file);
}

/* ---- for people: a configuration file that says the same ---- */

static void print_files(const Cat *c) {
        ConfigPart part = {};

        printf("# %s\n", c->config->file);
        while (config_part_next(c->config->text, strlen(c->config->text), &part))
                if (part.file)
                        printf("# %.*s\n", (int) part.file_size, part.file);
        printf("# A setting behind '#' is a default.\n");
}

static void print_entry(const Cat *c, const ConfigEntry *e, bool coloured) {
        bool grey = coloured && e->line == 0, dropin = false;
        unsigned line = 0;
        _cleanup_free_ char *place = e->line > 0 ? place_of(c, e, &line, &dropin) : NULL;

        if (dropin && place)
                printf("# %s:%u\n", place, line);
        printf("%s%s%s=%s%s\n", grey ? colour_sequence(COLOUR_GREY) : "", e->line == 0 ? "#" : "",
               e->setting->key, e->value, grey ? colour_sequence(COLOUR_NONE) : "");
}

static void print_text(const Cat *c) {
        bool coloured = terminal_coloured(STDOUT_FILENO);
        const char *section = "";
        size_t n;
        const Setting *s = settings_table(&n);

        print_files(c);
        for (const Setting *end = s + n; s < end; s++)
                for (size_t i = 0; i < c->entries.n; i++) {
                        if (c->entries.v[i].setting != s)
                                continue;
                        if (!streq(section, s->section))
                                printf("\n[%s]\n", s->section);
                        section = s->section;
                        print_entry(c, &c->entries.v[i], coloured);
                }
}

/* ---- JSON ---- */

static json_t *entry_to_json(const Cat *c, const ConfigEntry *e) {
        unsigned line = 0;
        bool dropin;
        _cleanup_free_ char *place = e->line > 0 ? place_of(c, e, &line, &dropin) : NULL;

        return json_pack("{s:s, s:s, s:s, s:b, s:s?, s:o?}", "section", e->setting->section, "key",
                         e->setting->key, "value", e->value, "default", e->line == 0, "file", place,
                         "line", line > 0 ? json_integer(line) : json_null());
}

static json_t *to_json(const Cat *c) {
        json_auto_t *list = json_array();
        size_t n;
        const Setting *s = settings_table(&n);

        for (const Setting *end = s + n; s < end; s++)
                for (size_t i = 0; i < c->entries.n; i++)
                        if (c->entries.v[i].setting == s &&
                            json_array_append_new(list, entry_to_json(c, &c->entries.v[i])) < 0)
                                return NULL;
        return json_incref(list);
}

/* ---- the verb ---- */

/* Adds it to `all`, or prints it if that is NULL. */
static int show(const char *guest, json_t *all) {
        _cleanup_(cat_done) Cat c = {};
        int r = load(&c, guest);

        if (r != 0)
                return r;
        if (!all)
                print_text(&c);
        else if (json_object_set_new(all, guest, to_json(&c)) < 0)
                return fail_with(EXIT_FAILED, "out of memory");
        return EXIT_DONE;
}

int verb_cat(const Options *o, const char *guest) {
        json_auto_t *all = o->json ? json_object() : NULL;
        int code = EXIT_DONE, r;

        if (o->json && !all)
                return fail_with(EXIT_FAILED, "out of memory");
        for (size_t i = 0; i < o->guests->n; i++) {
                if (i > 0 && !all)
                        putchar('\n');
                r = show(o->guests->v[i], all);
                code = code ?: r;
        }
        if (!all || (o->single && code != EXIT_DONE))
                return code;
        r = json_print(o->single ? json_object_get(all, o->guests->v[0]) : all);
        return r < 0 ? fail_with(EXIT_FAILED, "cannot show the configuration: %s", strerror(-r))
                     : code;
}
