/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe-conditions.c - asks a tree whether the conditions of a recipe are true. */

#include "imager/recipe-conditions.h"
#include "imager/edit.h"

/* A file that is not there, or is no text, has no lines. */
static int contains(ImageWriter *w, const char *path, const char *regex) {
        _cleanup_free_ char *text = NULL;
        ssize_t n = image_read(w, path, RECIPE_TEXT_MAX, &text);

        return n < 0 ? (n == -ENOMEM || n == -EIO ? (int) n : 0) : edit_contains(text, regex);
}

static int is_true(const Recipes *r, ImageWriter *w, const Condition *c) {
        int e;

        switch (c->kind) {
        case CONDITION_EXISTS:
                return image_exists(w, c->what);
        case CONDITION_MISSING:
                return !image_exists(w, c->what);
        case CONDITION_CONTAINS:
                return contains(w, c->what, c->regex);
        case CONDITION_LACKS:
                e = contains(w, c->what, c->regex);
                return e < 0 ? e : !e;
        case CONDITION_GIVEN:
                return recipes_given(r, c->what) != NULL;
        case CONDITION_NOT_GIVEN:
                return recipes_given(r, c->what) == NULL;
        case CONDITION_MAX:
                break;
        }
        return -EINVAL;
}

int recipe_conditions(Recipes *r, ImageWriter *w, const Strv *words) {
        Condition c = {};
        size_t i = 0;
        int e, truth = 1;

        while (truth > 0 && (e = recipe_condition(words, &i, &c)) != 0)
                truth = e < 0 ? e : is_true(r, w, &c);
        return truth;
}
