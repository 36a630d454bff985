/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe.c - parses recipes. */

#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "basic/parse-util.h"
#include "imager/recipe.h"

/* What each word behind a verb is: p = an absolute path, m = a mode, r = a regular expression,
 * c = a condition, w = anything. The last one holds for all that follow. */
static const struct {
        const char *name, *words;
        unsigned min, max;
        const char *usage;
} verbs[] = {
        [RECIPE_MATCH] = { "match", "c", 1, UINT_MAX, "CONDITION [and CONDITION]…" },
        [RECIPE_IF] = { "if", "c", 1, UINT_MAX, "CONDITION [and CONDITION]…" },
        [RECIPE_ELSE] = { "else", "", 0, 0, "" },
        [RECIPE_END] = { "end", "", 0, 0, "" },
        [RECIPE_INCLUDE] = { "include", "w", 1, 1, "FILE" },
        [RECIPE_WRITE] = { "write", "pmw", 3, UINT_MAX, "PATH MODE from FILE, or lines LINE…" },
        [RECIPE_PREPEND] = { "prepend", "pw", 2, UINT_MAX, "PATH LINE…" },
        [RECIPE_APPEND] = { "append", "pw", 2, UINT_MAX, "PATH LINE…" },
        [RECIPE_REPLACE] = { "replace", "prw", 3, 3, "PATH REGEX LINE" },
        [RECIPE_DELETE] = { "delete", "pr", 2, 2, "PATH REGEX" },
        [RECIPE_DIRECTORY] = { "directory", "pm", 2, 2, "PATH MODE" },
        [RECIPE_SYMLINK] = { "symlink", "pw", 2, 2, "PATH TARGET" },
        [RECIPE_RENAME] = { "rename", "pp", 2, 2, "PATH PATH" },
        [RECIPE_CHMOD] = { "chmod", "pm", 2, 2, "PATH MODE" },
        [RECIPE_REMOVE] = { "remove", "p", 1, UINT_MAX, "PATH…" },
        [RECIPE_MASK] = { "mask", "w", 1, UINT_MAX, "UNIT…" },
        [RECIPE_RUNLEVEL] = { "runlevel", "w", 2, UINT_MAX, "RUNLEVEL SERVICE…" },
        [RECIPE_WISH] = { "wish", "w", 1, 1, "ready, by-init, any-interface or host-key" },
        [RECIPE_NOTE] = { "note", "w", 1, 1, "TEXT" },
        [RECIPE_FAIL] = { "fail", "w", 1, 1, "TEXT" },
};
static_assert(ARRAY_SIZE(verbs) == RECIPE_VERB_MAX, "a row for each verb");

static const struct {
        const char *name;
        bool regex;
} conditions[] = {
        [CONDITION_EXISTS] = { "exists", false },    [CONDITION_MISSING] = { "missing", false },
        [CONDITION_CONTAINS] = { "contains", true }, [CONDITION_LACKS] = { "lacks", true },
        [CONDITION_GIVEN] = { "given", false },      [CONDITION_NOT_GIVEN] = { "not-given", false },
};
static_assert(ARRAY_SIZE(conditions) == CONDITION_MAX, "a row for each condition");

static const RecipeGiven givens[] = {
        { "label", false, NULL },
        { "hostname", false, NULL },
        { "timezone", false, NULL },
        { "swap", false, NULL },
        { "localtime", true, NULL },
        { "busybox", true, NULL },
        { "password", false, "--password-stdin" },
        { "ssh-key", true, "--ssh-key" },
        { "ssh-host-key", true, NULL },
        { "ssh-host-pub", true, NULL },
        { "firstboot", true, "--firstboot" },
};

const char *recipe_verb_name(RecipeVerb v) {
        return verbs[v].name;
}

const RecipeGiven *recipe_given_find(const char *name, size_t size) {
        FOREACH_ELEMENT (g, givens)
                if (strlen(g->name) == size && memcmp(g->name, name, size) == 0)
                        return g;
        return NULL;
}

const RecipeGiven *recipe_given_row(size_t i) {
        return i < ARRAY_SIZE(givens) ? &givens[i] : NULL;
}

/* ---- the state of parsing ---- */

typedef struct Parser {
        RecipeFind find;
        void *userdata;
        Recipe *recipe;
        const char *file; /* being read, and the line of it */
        unsigned line;
        unsigned depth;                     /* of includes */
        size_t open[RECIPE_STATEMENTS_MAX]; /* the indices of those if and else that have not ended
                                             */
        size_t n_open;
        char *why;
} Parser;

static int _printf_(2, 3) refuse(Parser *p, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = strfmtv(format, ap);
        va_end(ap);
        free(p->why);
        p->why = text ? strfmt("%s:%u: %s", p->file, p->line, text) : NULL;
        return -EINVAL;
}

/* ---- words ---- */

static int check_path(Parser *p, const char *path) {
        if (path[0] != '/' || !path[1])
                return refuse(p, "'%s' is not an absolute path; use for example /etc/fstab", path);
        for (const char *s = path; (s = strstr(s, "/..")); s += 3)
                if (s[3] == '/' || s[3] == '\0')
                        return refuse(p, "'%s' has '..' in it; write the path without it", path);
        return 0;
}

static int check_mode(Parser *p, const char *mode) {
        char *end;
        unsigned long v = strtoul(mode, &end, 8);

        if (mode[0] != '0' || *end || v > 07777)
                return refuse(p, "'%s' is not an octal mode; use for example 0644", mode);
        return 0;
}

static int check_regex(Parser *p, const char *text) {
        char error[128];
        regex_t regex;
        int r = regcomp(&regex, text, REG_EXTENDED | REG_NOSUB);

        if (r == 0) {
                regfree(&regex);
                return 0;
        }
        (void) regerror(r, &regex, error, sizeof(error));
        return refuse(p, "'%s' is not a regular expression: %s; see regex(7)", text, error);
}

/* Each @NAME@ must be something that can be given. */
static int check_names(Parser *p, const char *word) {
        for (const char *s = word; (s = strchr(s, '@'));) {
                size_t n = strspn(s + 1, "abcdefghijklmnopqrstuvwxyz-");
                const RecipeGiven *g;

                if (n == 0 || s[n + 1] != '@') {
                        s++;
                        continue;
                }
                g = recipe_given_find(s + 1, n);
                if (!g || g->file)
                        return refuse(p,
                                      "@%.*s@ is not known; use @label@, @hostname@, @timezone@, "
                                      "@swap@ or @password@",
                                      (int) n, s + 1);
                s += n + 2;
        }
        return 0;
}

int recipe_condition(const Strv *words, size_t *i, Condition *ret) {
        size_t at = *i;

        if (at >= words->n)
                return 0;
        if (at > 0) {
                if (!streq(words->v[at], "and"))
                        return -EINVAL;
                at++;
        }
        for (ConditionKind k = 0; at < words->n && k < CONDITION_MAX; k++) {
                size_t last = at + (conditions[k].regex ? 2 : 1);

                if (!streq(words->v[at], conditions[k].name) || last >= words->n)
                        continue;
                *ret = (Condition){ .kind = k,
                                    .what = words->v[at + 1],
                                    .regex = conditions[k].regex ? words->v[last] : NULL };
                *i = last + 1;
                return 1;
        }
        return -EINVAL;
}

static int check_conditions(Parser *p, const Strv *words) {
        Condition c = {};
        size_t i = 0;
        int r;

        while ((r = recipe_condition(words, &i, &c)) > 0) {
                bool given = c.kind == CONDITION_GIVEN || c.kind == CONDITION_NOT_GIVEN;

                if (given && !recipe_given_find(c.what, strlen(c.what)))
                        return refuse(p, "'%s' cannot be given; see umld.recipe(5)", c.what);
                r = given ? 0 : check_path(p, c.what);
                if (r >= 0 && c.regex)
                        r = check_regex(p, c.regex);
                if (r < 0)
                        return r;
        }
        return r < 0 ? refuse(p, "not a condition; use exists PATH, missing PATH, contains PATH "
                                 "REGEX, lacks PATH REGEX, given NAME or not-given NAME, with "
                                 "'and' between them")
                     : 0;
}

static int check_word(Parser *p, char kind, const char *word) {
        int r = check_names(p, word);

        if (r >= 0 && kind == 'p')
                r = check_path(p, word);
        if (r >= 0 && kind == 'm')
                r = check_mode(p, word);
        if (r >= 0 && kind == 'r')
                r = check_regex(p, word);
        return r;
}

static int check_write(Parser *p, const Strv *words) {
        const char *how = words->v[2];

        if (streq(how, "lines"))
                return 0;
        if (!streq(how, "from") || words->n != 4)
                return refuse(p, "must be write PATH MODE from FILE, or write PATH MODE lines "
                                 "LINE…");
        if (startswith(words->v[3], "given:")) {
                const char *name = words->v[3] + strlen("given:");
                const RecipeGiven *g = recipe_given_find(name, strlen(name));

                return g && g->file ? 0 : refuse(p, "'%s' is not a file that can be given", name);
        }
        if (strchr(words->v[3], '/'))
                return refuse(p, "'%s' must be the name of a file beside the recipe", words->v[3]);
        return 0;
}

static bool is_wish(const char *word) {
        static const char *const wishes[] = { "ready", "by-init", "any-interface", "host-key" };

        FOREACH_ELEMENT (w, wishes)
                if (streq(*w, word))
                        return true;
        return false;
}

static int check_words(Parser *p, const Statement *s) {
        const char *kinds = verbs[s->verb].words;
        int r = 0;

        if (s->words.n < verbs[s->verb].min || s->words.n > verbs[s->verb].max)
                return refuse(p, "%s: wrong number of words; it must be %s%s%s",
                              verbs[s->verb].name, verbs[s->verb].name,
                              *verbs[s->verb].usage ? " " : "", verbs[s->verb].usage);
        if (kinds[0] == 'c')
                return check_conditions(p, &s->words);
        for (size_t i = 0; r >= 0 && i < s->words.n; i++) {
                r = check_word(p, *kinds, s->words.v[i]);
                kinds += kinds[1] != '\0';
        }
        if (r >= 0 && s->verb == RECIPE_WRITE)
                r = check_write(p, &s->words);
        if (r >= 0 && s->verb == RECIPE_WISH && !is_wish(s->words.v[0]))
                r = refuse(p, "wish %s: unknown; use ready, by-init, any-interface or host-key",
                           s->words.v[0]);
        for (size_t i = 0; r >= 0 && i < s->words.n; i++)
                if ((s->verb == RECIPE_MASK || s->verb == RECIPE_RUNLEVEL) &&
                    (strchr(s->words.v[i], '/') || s->words.v[i][0] == '.'))
                        r = refuse(p, "'%s' must be a name, not a path", s->words.v[i]);
        return r;
}

/* ---- statements ---- */

static void statement_done(Statement *s) {
        free(s->file);
        strv_done(&s->words);
}

/* Takes over the statement. */
static int keep(Parser *p, Statement *s) {
        Recipe *r = p->recipe;
        Statement *v;

        if (r->n == RECIPE_STATEMENTS_MAX)
                return refuse(p, "more than %d statements; make the recipe shorter",
                              RECIPE_STATEMENTS_MAX);
        v = realloc(r->v, (r->n + 1) * sizeof(*v));
        if (!v)
                return -ENOMEM;
        r->v = v;
        r->v[r->n++] = *s;
        *s = (Statement){};
        return 0;
}

/* What is open here ends with the statement that comes next. */
static int close_block(Parser *p, RecipeVerb by) {
        Statement *v = p->recipe->v;
        size_t last;

        if (p->n_open == 0)
                return refuse(p, "%s without if; remove it", verbs[by].name);
        last = p->open[p->n_open - 1];
        if (by == RECIPE_ELSE && v[last].verb == RECIPE_ELSE)
                return refuse(p, "second else; end the first one");
        v[last].end = p->recipe->n;
        p->n_open--;
        return 0;
}

static int read_file_lines(Parser *p, const char *name);

static int take(Parser *p, Statement *s) {
        int r = check_words(p, s);

        if (r >= 0 && s->verb == RECIPE_INCLUDE)
                return read_file_lines(p, s->words.v[0]);
        if (r >= 0 && s->verb == RECIPE_MATCH && (p->n_open > 0 || p->depth > 1))
                r = refuse(p, "match must be outside of if, in the recipe itself");
        if (r >= 0 && (s->verb == RECIPE_ELSE || s->verb == RECIPE_END))
                r = close_block(p, s->verb);
        if (r >= 0 && (s->verb == RECIPE_IF || s->verb == RECIPE_ELSE) &&
            p->n_open < RECIPE_STATEMENTS_MAX)
                p->open[p->n_open++] = p->recipe->n;
        return r < 0 ? r : keep(p, s);
}

static int read_line(Parser *p, const char *line) {
        _cleanup_(statement_done) Statement s = { .line = p->line, .file = strdup(p->file) };
        _cleanup_strv_ Strv all = {};
        int r = s.file ? strv_split_shell(&all, line) : -ENOMEM;

        if (r == -EINVAL)
                return refuse(p, "unterminated quote, or a backslash at the end");
        if (r < 0 || all.n == 0)
                return r;
        for (s.verb = 0; s.verb < RECIPE_VERB_MAX; s.verb++)
                if (streq(all.v[0], verbs[s.verb].name))
                        break;
        if (s.verb == RECIPE_VERB_MAX)
                return refuse(p, "unknown statement '%s'; see umld.recipe(5)", all.v[0]);
        for (size_t i = 1; r >= 0 && i < all.n; i++)
                r = strv_push(&s.words, all.v[i]);
        return r < 0 ? r : take(p, &s);
}

static int read_lines(Parser *p, const char *text, size_t size) {
        size_t open = p->n_open;
        int r = 0;

        if (size > RECIPE_SIZE_MAX || memchr(text, '\0', size))
                return refuse(p, "is not a text of at most %d bytes", RECIPE_SIZE_MAX);
        for (const char *end = text + size; r >= 0 && text < end; p->line++) {
                const char *newline = memchr(text, '\n', (size_t) (end - text)) ?: end;
                _cleanup_free_ char *line = strndup(text, (size_t) (newline - text));

                if (!line)
                        return -ENOMEM;
                text = newline + 1;
                if (*strstrip(line) != '#')
                        r = read_line(p, line);
        }
        if (r >= 0 && p->n_open != open)
                r = refuse(p, "if without end; add the end");
        return r;
}

static int read_file_lines(Parser *p, const char *name) {
        const char *path, *text, *file = p->file;
        unsigned line = p->line;
        size_t size;
        int r;

        if (!p->find(name, &path, &text, &size, p->userdata))
                return refuse(p, "there is no file %s beside the recipes", name);
        if (p->depth == RECIPE_INCLUDES_MAX)
                return refuse(p, "files that include each other; remove the include");
        p->depth++;
        p->file = path;
        p->line = 1;
        r = read_lines(p, text, size);
        p->depth--;
        p->file = file;
        p->line = line;
        return r;
}

Recipe *recipe_free(Recipe *r) {
        for (size_t i = 0; r && i < r->n; i++)
                statement_done(&r->v[i]);
        if (r) {
                free(r->name);
                free(r->v);
        }
        free(r);
        return NULL;
}

int recipe_parse(const char *name, RecipeFind find, void *userdata, Recipe **ret, char **ret_why) {
        _cleanup_(recipe_freep) Recipe *recipe = calloc(1, sizeof(*recipe));
        _cleanup_free_ char *file = strfmt("%s.recipe", name);
        _cleanup_free_ Parser *p = calloc(1, sizeof(*p));
        int r;

        if (!recipe || !file || !p || !(recipe->name = strdup(name)))
                return -ENOMEM;
        *p = (Parser){ .find = find, .userdata = userdata, .recipe = recipe, .file = file };
        r = read_file_lines(p, file);
        if (r < 0) {
                *ret_why = p->why;
                return r;
        }
        *ret = TAKE_PTR(recipe);
        return 0;
}
