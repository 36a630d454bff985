/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipes.c - the recipes of one run, and which of them fits a tree. */

#include <stdlib.h>

#include "imager/recipe-conditions.h"
#include "imager/recipes.h"

void recipes_done(Recipes *r) {
        for (size_t i = 0; i < r->n; i++)
                recipe_free(r->v[i]);
        free(r->v);
        recipe_files_done(&r->files);
        strv_done(&r->given);
        strv_done(&r->used);
        free(r->why);
}

static bool find_file(const char *name, const char **ret_path, const char **ret_text,
                      size_t *ret_size, void *userdata) {
        const RecipeFile *f = recipe_files_find(userdata, name, false);

        if (!f)
                return false;
        *ret_path = f->path;
        *ret_text = f->data;
        *ret_size = f->size;
        return true;
}

int recipes_read(Recipes *r, int fd) {
        _cleanup_strv_ Strv names = {};
        int e = recipe_files_read(fd, &r->files, &r->why);

        if (e >= 0)
                e = recipe_files_names(&r->files, &names);
        if (e < 0)
                return e;
        r->v = calloc(names.n + 1, sizeof(*r->v));
        if (!r->v)
                return -ENOMEM;
        for (size_t i = 0; e >= 0 && i < names.n; i++) {
                e = recipe_parse(names.v[i], find_file, &r->files, &r->v[r->n], &r->why);
                r->n += e >= 0;
        }
        return e;
}

/* ---- what was given ---- */

/* ---- which one fits ---- */

const Recipe *recipes_named(const Recipes *r, const char *name) {
        for (size_t i = 0; i < r->n; i++)
                if (streq(r->v[i]->name, name))
                        return r->v[i];
        return NULL;
}

/* 1 = one of its match lines is true. */
static int fits(Recipes *r, const Recipe *recipe, ImageWriter *w) {
        int e = 0;

        for (size_t i = 0; e == 0 && i < recipe->n; i++)
                if (recipe->v[i].verb == RECIPE_MATCH)
                        e = recipe_conditions(r, w, &recipe->v[i].words);
        return e;
}

int recipes_choose(Recipes *r, ImageWriter *w, const Recipe **ret) {
        *ret = NULL;
        for (size_t i = 0; i < r->n; i++) {
                int e = fits(r, r->v[i], w);

                if (e < 0)
                        return e;
                if (e > 0) {
                        *ret = r->v[i];
                        return 0;
                }
        }
        return 0;
}
