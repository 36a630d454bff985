/* SPDX-License-Identifier: GPL-2.0-or-later */
/* selection.c - chooses the guests that a verb is for. */

#include <ctype.h>
#include <fnmatch.h>
#include <stdlib.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/nearest.h"
#include "basic/parse-util.h"
#include "umlctl/foreign-words.h"
#include "umlctl/guests.h"
#include "umlctl/say.h"
#include "umlctl/selection.h"

void selection_done(Selection *s) {
        strv_done(&s->names);
}

static bool is_pattern(const char *word) {
        return strpbrk(word, "*?[");
}

static bool needs_file(const Verb *v) {
        return !(v->flags & VERB_KNOWN);
}

static int fail_list(int r) {
        return fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "cannot list the guests in %s: %s", umld_dir(DIR_CONFIG), strerror(-r));
}

/* The guests that the verb can be applied to. */
static int list_guests(const Verb *v, Strv *ret) {
        int r = needs_file(v) ? guests_configured(ret) : guests_known(ret);

        return r < 0 ? fail_list(r) : 0;
}

/* ---- by name ---- */

/* The only guest whose name is similar; NULL: there is none. */
static char *similar_name(const char *name) {
        _cleanup_strv_ Strv names = {};
        const char *best = NULL;
        int fewest = 3;

        if (guests_known(&names) < 0)
                return NULL;
        for (size_t i = 0; i < names.n; i++) {
                int slips = slips_between(name, names.v[i]);

                if (slips >= 0 && slips < fewest) {
                        fewest = slips;
                        best = names.v[i];
                }
        }
        return best ? strdup(best) : NULL;
}

static int fail_no_guest(const char *name) {
        _cleanup_free_ char *path = umld_config_path(name), *similar = similar_name(name);

        if (similar)
                return fail_with(EXIT_NO_GUEST, "no such guest: %s; did you mean %s?", name,
                                 similar);
        return fail_with(EXIT_NO_GUEST, "no such guest: %s (%s does not exist)", name,
                         path ?: "its configuration");
}

/* The name of a unit or a file, or in capitals? */
static int fail_invalid(const char *name) {
        _cleanup_free_ char *guest = foreign_guest(name), *similar = similar_name(guest ?: name);

        if (similar)
                return fail_with(EXIT_USAGE, "'%s': invalid guest name; did you mean %s?", name,
                                 similar);
        return fail_with(EXIT_USAGE,
                         "'%s': invalid guest name; use 1 to 15 characters of a-z, 0-9 and '-', "
                         "beginning with a letter",
                         name);
}

static int check_name(const Verb *v, const char *name) {
        if (is_pattern(name))
                return fail_with(EXIT_USAGE,
                                 "'%s': %s is for one guest at a time, so give its name instead of "
                                 "a pattern",
                                 name, v->name);
        if (!guest_name_valid(name))
                return fail_invalid(name);
        if (!(v->flags & (VERB_KNOWN | VERB_CONFIGURED)) || guest_configured(name) ||
            ((v->flags & VERB_KNOWN) && guest_has_socket(name)))
                return 0;
        return fail_no_guest(name);
}

static int add(Strv *names, const char *name) {
        if (strv_holds(names, name))
                return 0;
        return strv_push(names, name) < 0 ? fail_with(EXIT_FAILED, "out of memory") : 0;
}

/* ---- by pattern ---- */

static int add_matching(const Verb *v, const char *pattern, Strv *names) {
        _cleanup_strv_ Strv all = {};
        int r = list_guests(v, &all);
        bool found = false;

        for (size_t i = 0; r == 0 && i < all.n; i++)
                if (fnmatch(pattern, all.v[i], 0) == 0) {
                        found = true;
                        r = add(names, all.v[i]);
                }
        if (r == 0 && !found)
                return fail_with(EXIT_NO_GUEST, "no guest matches '%s'", pattern);
        return r;
}

static int take_words(const Verb *v, char *const *words, Selection *s) {
        int r = 0;

        for (int i = 0; r == 0 && i < s->n_words; i++) {
                bool pattern = (v->flags & VERB_MANY) && is_pattern(words[i]);

                s->single = s->n_words == 1 && !pattern;
                if (pattern)
                        r = add_matching(v, words[i], &s->names);
                else
                        r = check_name(v, words[i]);
                if (r == 0 && !pattern)
                        r = add(&s->names, words[i]);
        }
        return r;
}

/* ---- without a name ---- */

static char *join(const Strv *names) {
        char *all = strdup("");

        for (size_t i = 0; all && i < names->n; i++) {
                char *longer = strfmt("%s%s%s", all, i > 0 ? ", " : "", names->v[i]);

                free(all);
                all = longer;
        }
        return all;
}

static int fail_not_one(const Verb *v, const Strv *names) {
        _cleanup_free_ char *all = join(names);

        if (names->n == 0)
                return fail_with(EXIT_NO_GUEST, "no guest is configured: there is no %s/NAME.conf",
                                 umld_dir(DIR_CONFIG));
        return fail_with(EXIT_USAGE,
                         "%s requires a NAME%s because several guests are configured: %s", v->name,
                         v->flags & VERB_MANY ? " or --all" : "", all ?: "");
}

static int take_only(const Verb *v, const Options *o, Selection *s) {
        _cleanup_strv_ Strv names = {};
        int r = guests_configured(&names);

        if (r < 0)
                return fail_list(r);
        if (names.n == 1) {
                s->single = true;
                if (!(v->flags & VERB_ALL))
                        note("using the only configured guest, %s", names.v[0]);
                return add(&s->names, names.v[0]);
        }
        /* With --json the output for one guest is an object, so its form must not depend on how
         * many guests there are. */
        if ((v->flags & VERB_ALL) && !o->json)
                return list_guests(v, &s->names);
        return fail_not_one(v, &names);
}

/* How many of the arguments are names or patterns? */
static int names_among(const Verb *v, char *const *words, int n) {
        if (!(v->flags & VERB_MANY))
                return MIN(n, 1);
        if (v->flags & VERB_LAST && n > 0 && (v->min > 0 || isdigit((unsigned char) *words[n - 1])))
                return n - 1;
        return n;
}

int selection_make(const Verb *v, const Options *o, char *const *words, int n_words, Selection *s) {
        s->n_words = names_among(v, words, n_words);
        if (s->n_words > 0 && o->all)
                return fail_with(EXIT_USAGE,
                                 "--all means all guests, so leave out either NAME or --all");
        if (s->n_words > 0)
                return take_words(v, words, s);
        if (o->all || (v->flags & VERB_EVERY))
                return list_guests(v, &s->names);
        return take_only(v, o, s);
}
