/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The recipes of one run: read at its beginning, so that a mistake in one is known before anything
 * is written, and one of them applied to the tree in the image. */

#include "image/writer.h"
#include "imager/recipe-files.h"

typedef struct Recipes {
        RecipeFiles files;
        Recipe **v;
        size_t n;
        Strv given; /* NAME=VALUE */
        Strv used;  /* names of what was given that something was done with */
        char *why;
} Recipes;

void recipes_done(Recipes *r);

/* Reads the archive in fd and parses all recipes in it. On failure r->why is one line. */
int recipes_read(Recipes *r, int fd);

/* The value of something given, NULL: it was not. */
const char *recipes_given(const Recipes *r, const char *name);
int recipes_use(Recipes *r, const char *name); /* notes that something was done with it */

/* The recipe for this tree: the first one that says so, in the order of their names; NULL where
 * none does. */
int recipes_choose(Recipes *r, ImageWriter *w, const Recipe **ret);
const Recipe *recipes_named(const Recipes *r, const char *name);

/* Does what the recipe says. What it says itself goes to umlctl. On failure r->why is one line;
 * -ENOSPC is explained by image_full(). */
int recipe_apply(Recipes *r, const Recipe *recipe, ImageWriter *w);

/* The option of umlctl create that nothing was done with, or NULL. */
const char *recipes_unused(const Recipes *r);
