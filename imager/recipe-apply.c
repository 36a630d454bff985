/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe-apply.c - does to the tree in an image what a recipe says. Nothing of the tree is run. */

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "imager/edit.h"
#include "imager/message.h"
#include "imager/recipe-conditions.h"

typedef struct Work {
        Recipes *recipes;
        ImageWriter *w;
        const Statement *s;
        Strv words; /* those of the statement, with what was given in place of @NAME@ */
} Work;

static int _printf_(3, 4) refuse(Work *k, int error, const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        text = strfmtv(format, ap);
        va_end(ap);
        free(k->recipes->why);
        k->recipes->why = strfmt("%s:%u: %s", k->s->file, k->s->line, text ?: "");
        return error;
}

static int check(Work *k, int r) {
        if (r >= 0)
                return r;
        return refuse(k, r, "%s %s: %s", recipe_verb_name(k->s->verb),
                      k->words.n > 0 ? k->words.v[0] : "", image_why(k->w));
}

static mode_t mode_of(const char *word) {
        return (mode_t) strtoul(word, NULL, 8);
}

/* ---- @NAME@ ---- */

static int put_given(Work *k, FILE *f, const char *name, size_t size) {
        const RecipeGiven *g = recipe_given_find(name, size);
        const char *value = g ? recipes_given(k->recipes, g->name) : NULL;

        if (!value)
                return refuse(k, -ENOKEY, "@%.*s@ was not given; ask by `if given %.*s`",
                              (int) size, name, (int) size, name);
        (void) fwrite(value, 1, strcspn(value, "\n"), f);
        return recipes_use(k->recipes, g->name);
}

static int expand(Work *k, FILE *f, const char *word) {
        int r = 0;

        for (const char *s = word; r >= 0 && *s;) {
                size_t n = *s == '@' ? strspn(s + 1, "abcdefghijklmnopqrstuvwxyz-") : 0;

                if (n > 0 && s[n + 1] == '@') {
                        r = put_given(k, f, s + 1, n);
                        s += n + 2;
                } else
                        (void) fputc(*s++, f);
        }
        return r;
}

static int expand_words(Work *k) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < k->s->words.n; i++) {
                _cleanup_free_ char *text = NULL;
                size_t size;
                FILE *f = open_memstream(&text, &size);

                if (!f)
                        return -ENOMEM;
                r = expand(k, f, k->s->words.v[i]);
                if (memstream_close(f, &text) < 0)
                        return -ENOMEM;
                if (r >= 0)
                        r = strv_push(&k->words, text);
        }
        return r;
}

/* ---- files ---- */

static int write_from(Work *k, const char *path, mode_t mode, const char *from) {
        const char *given = startswith(from, "given:");
        const RecipeFile *f = recipe_files_find(&k->recipes->files, given ?: from, given != NULL);
        int r;

        if (!f)
                return refuse(k, -ENOENT, "write %s: there is no file %s%s", path, from,
                              given ? "; ask by `if given`" : " beside the recipes");
        r = given ? recipes_use(k->recipes, given) : 0;
        return r < 0 ? r : check(k, image_put(k->w, path, mode, f->data, f->size));
}

static int write_lines(Work *k, const char *path, mode_t mode) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return -ENOMEM;
        for (size_t i = 3; i < k->words.n; i++)
                fprintf(f, "%s\n", k->words.v[i]);
        if (memstream_close(f, &text) < 0)
                return -ENOMEM;
        return check(k, image_put(k->w, path, mode, text, size));
}

static int do_write(Work *k) {
        char *const *v = k->words.v;

        return streq(v[2], "from") ? write_from(k, v[0], mode_of(v[1]), v[3])
                                   : write_lines(k, v[0], mode_of(v[1]));
}

static int do_directory(Work *k) {
        ImageNode node;

        image_node_init(&node, S_IFDIR | mode_of(k->words.v[1]));
        return check(k, image_directory(k->w, k->words.v[0], &node));
}

static int symlink_to(Work *k, const char *path, const char *target) {
        ImageNode node;

        image_node_init(&node, S_IFLNK | 0777);
        return check(k, image_symlink(k->w, path, &node, target));
}

static int do_symlink(Work *k) {
        return symlink_to(k, k->words.v[0], k->words.v[1]);
}

static int do_rename(Work *k) {
        if (!image_exists(k->w, k->words.v[0]))
                return 0;
        return check(k, image_rename(k->w, k->words.v[0], k->words.v[1]));
}

static int do_chmod(Work *k) {
        if (!image_exists(k->w, k->words.v[0]))
                return 0;
        return check(k, image_chmod(k->w, k->words.v[0], mode_of(k->words.v[1])));
}

typedef struct Matches {
        const char *directory, *pattern;
        Strv paths;
} Matches;

static int on_entry(const char *name, mode_t type, void *userdata) {
        Matches *m = userdata;

        return fnmatch(m->pattern, name, 0) == 0
                       ? strv_pushf(&m->paths, "%s/%s", m->directory, name)
                       : 0;
}

/* Those whose last component matches a pattern of the shell. */
static int remove_matching(Work *k, const char *path) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *directory = strndup(path, (size_t) (slash - path));
        Matches m = { .directory = directory, .pattern = slash + 1 };
        int r = directory ? image_list(k->w, directory, on_entry, &m) : -ENOMEM;

        if (r == -ENOENT || r == -ENOTDIR)
                r = 0;
        for (size_t i = 0; r >= 0 && i < m.paths.n; i++)
                r = image_remove(k->w, m.paths.v[i]);
        strv_done(&m.paths);
        return r;
}

static int do_remove(Work *k) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < k->words.n; i++) {
                const char *path = k->words.v[i];

                r = check(k, strpbrk(strrchr(path, '/'), "*?[") ? remove_matching(k, path)
                                                                : image_remove(k->w, path));
        }
        return r;
}

/* ---- services ---- */

static int do_mask(Work *k) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < k->words.n; i++) {
                _cleanup_free_ char *path = strfmt("/etc/systemd/system/%s", k->words.v[i]);

                r = path ? symlink_to(k, path, "/dev/null") : -ENOMEM;
        }
        return r;
}

/* Services that the tree does not have are left out: trees of one kind differ in that. */
static int do_runlevel(Work *k) {
        int r = 0;

        for (size_t i = 1; r >= 0 && i < k->words.n; i++) {
                _cleanup_free_ char *script = strfmt("/etc/init.d/%s", k->words.v[i]),
                                    *path = strfmt("/etc/runlevels/%s/%s", k->words.v[0],
                                                   k->words.v[i]);

                if (!script || !path)
                        return -ENOMEM;
                if (image_exists(k->w, script))
                        r = symlink_to(k, path, script);
        }
        return r;
}

/* ---- lines ---- */

/* Keeps mode and owner, and a symbolic link that leads to it. */
static int rewrite(Work *k, const char *path, const char *text) {
        _cleanup_(image_file_freep) ImageFile *f = NULL;
        _cleanup_free_ char *real = NULL;
        ImageStat st;
        int r = image_resolve(k->w, path, &real);

        if (r == -ENOENT)
                return image_put(k->w, path, 0644, text, strlen(text));
        if (r >= 0)
                r = image_stat(k->w, real, &st);
        if (r >= 0)
                r = image_file_begin(k->w, real, &st.node, &f);
        if (r >= 0)
                r = image_file_write(f, 0, text, strlen(text));
        return r < 0 ? r : image_file_end(TAKE_PTR(f), strlen(text));
}

typedef int (*Edit)(const char *text, char *const *words, char **ret);

static int append(const char *text, char *const *words, char **ret) {
        return edit_append(text, words[0], ret);
}

static int prepend(const char *text, char *const *words, char **ret) {
        return edit_prepend(text, words[0], ret);
}

static int replace(const char *text, char *const *words, char **ret) {
        return edit_replace(text, words[0], words[1], ret);
}

static int delete (const char *text, char *const *words, char **ret) {
        return edit_delete(text, words[0], ret);
}

/* A file that is not there has no lines. */
static int change(Work *k, Edit edit, char *const *words) {
        _cleanup_free_ char *text = NULL, *new = NULL;
        const char *path = k->words.v[0];
        ssize_t n = image_read(k->w, path, RECIPE_TEXT_MAX, &text);
        int r;

        if (n < 0 && n != -ENOENT && n != -ENOTDIR)
                return check(k, (int) n);
        if (n >= 0 && strlen(text) != (size_t) n)
                return refuse(k, -EINVAL, "%s: is not a text file", path);
        r = edit(text ?: "", words, &new);
        if (r < 0)
                return refuse(k, r, "%s: cannot be changed: %s", path, strerror(-r));
        return r > 0 ? check(k, rewrite(k, path, new)) : 0;
}

static int do_append(Work *k) {
        int r = 0;

        for (size_t i = 1; r >= 0 && i < k->words.n; i++)
                r = change(k, append, k->words.v + i);
        return r;
}

/* The first of them comes first. */
static int do_prepend(Work *k) {
        int r = 0;

        for (size_t i = k->words.n; r >= 0 && i-- > 1;)
                r = change(k, prepend, k->words.v + i);
        return r;
}

static int do_replace(Work *k) {
        return change(k, replace, k->words.v + 1);
}

static int do_delete(Work *k) {
        return change(k, delete, k->words.v + 1);
}

/* ---- what is said ---- */

static int do_wish(Work *k) {
        say_result("wish", "%s", k->words.v[0]);
        return 0;
}

static int do_note(Work *k) {
        say_note("%s", k->words.v[0]);
        return 0;
}

static int do_fail(Work *k) {
        return refuse(k, -EINVAL, "%s", k->words.v[0]);
}

static int (*const actions[RECIPE_VERB_MAX])(Work *k) = {
        [RECIPE_WRITE] = do_write,     [RECIPE_APPEND] = do_append,
        [RECIPE_PREPEND] = do_prepend, [RECIPE_REPLACE] = do_replace,
        [RECIPE_DELETE] = do_delete,   [RECIPE_DIRECTORY] = do_directory,
        [RECIPE_SYMLINK] = do_symlink, [RECIPE_RENAME] = do_rename,
        [RECIPE_CHMOD] = do_chmod,     [RECIPE_REMOVE] = do_remove,
        [RECIPE_MASK] = do_mask,       [RECIPE_RUNLEVEL] = do_runlevel,
        [RECIPE_WISH] = do_wish,       [RECIPE_NOTE] = do_note,
        [RECIPE_FAIL] = do_fail,
};

static int act(Recipes *r, ImageWriter *w, const Statement *s) {
        Work k = { .recipes = r, .w = w, .s = s };
        int e;

        if (!actions[s->verb])
                return 0;
        e = expand_words(&k);
        if (e >= 0)
                e = actions[s->verb](&k);
        strv_done(&k.words);
        return e;
}

/* Where it goes on after statement i: an if that is not true goes behind its else, and an else that
 * is come to has had its if. */
static int next(Recipes *r, const Recipe *recipe, ImageWriter *w, size_t i, size_t *ret) {
        const Statement *s = &recipe->v[i];
        int e = 0;

        *ret = i + 1;
        if (s->verb == RECIPE_ELSE)
                *ret = s->end;
        else if (s->verb == RECIPE_IF) {
                e = recipe_conditions(r, w, &s->words);
                if (e == 0)
                        *ret = s->end + 1;
        } else
                e = act(r, w, s);
        return MIN(e, 0);
}

int recipe_apply(Recipes *r, const Recipe *recipe, ImageWriter *w) {
        int e = 0;

        for (size_t i = 0; e >= 0 && i < recipe->n;)
                e = next(r, recipe, w, i, &i);
        return e;
}
