/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that umlctl hands over for recipes, as an archive: the recipes, what lies beside them,
 * and in given/ what it was told of the guest. */

#include "imager/recipe.h"

typedef struct RecipeFile {
        char *path; /* on the host */
        char *data; /* with a NUL behind it */
        size_t size;
} RecipeFile;

typedef struct RecipeFiles {
        RecipeFile *v;
        size_t n;
} RecipeFiles;

void recipe_files_done(RecipeFiles *f);

/* Reads the archive. *ret_why is one line, which the caller frees. */
int recipe_files_read(int fd, RecipeFiles *ret, char **ret_why);

/* The file of that name beside the recipes, or, with given, in given/. The last of several counts:
 * directories of the administrator come behind ours. NULL: there is none. */
const RecipeFile *recipe_files_find(const RecipeFiles *f, const char *name, bool given);

/* The names of all recipes, without ".recipe", each once, in order. */
int recipe_files_names(const RecipeFiles *f, Strv *ret);
