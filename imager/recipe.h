/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Recipes: small files that say by what a tree is recognised, and which of its files are written,
 * changed and removed so that it can live in a guest. umld.recipe(5) describes them. This is their
 * parser, which knows nothing of images. */

#include "basic/string-util.h"

enum {
        RECIPE_SIZE_MAX = 64 * 1024,
        RECIPE_STATEMENTS_MAX = 1000, /* with those of all included files */
        RECIPE_INCLUDES_MAX = 8,      /* one within the other */
};

typedef enum RecipeVerb {
        /* About the recipe */
        RECIPE_MATCH,
        RECIPE_IF,
        RECIPE_ELSE,
        RECIPE_END,
        RECIPE_INCLUDE, /* only in the text: its statements are put in its place */
        /* What is done */
        RECIPE_WRITE,
        RECIPE_PREPEND,
        RECIPE_APPEND,
        RECIPE_REPLACE,
        RECIPE_DELETE,
        RECIPE_DIRECTORY,
        RECIPE_SYMLINK,
        RECIPE_RENAME,
        RECIPE_CHMOD,
        RECIPE_REMOVE,
        RECIPE_MASK,
        RECIPE_RUNLEVEL,
        /* What is said */
        RECIPE_WISH,
        RECIPE_NOTE,
        RECIPE_FAIL,
        RECIPE_VERB_MAX,
} RecipeVerb;

typedef struct Statement {
        RecipeVerb verb;
        char *file; /* where it stands */
        unsigned line;
        Strv words; /* behind the verb; of "write … lines" each line is one */
        size_t end; /* of if and else: the index of the else or end that ends what depends on it */
} Statement;

typedef struct Recipe {
        char *name; /* of its file, without ".recipe" */
        Statement *v;
        size_t n;
} Recipe;

/* Finds a file that lies beside the recipes. Its path is for messages. */
typedef bool (*RecipeFind)(const char *name, const char **ret_path, const char **ret_text,
                           size_t *ret_size, void *userdata);

/* Parses NAME.recipe. On failure *ret_why is "FILE:LINE: what is wrong; what to do", the caller's
 * to free. */
int recipe_parse(const char *name, RecipeFind find, void *userdata, Recipe **ret, char **ret_why);
Recipe *recipe_free(Recipe *r);
DEFINE_CLEANUP(Recipe *, recipe_free)

const char *recipe_verb_name(RecipeVerb v);

/* What a recipe may ask about or put into its words as @NAME@: what umlctl was told of the guest.
 * Files are used by `from given:NAME`. */
typedef struct RecipeGiven {
        const char *name;
        bool file;
        const char
                *option; /* of umlctl create that asks for it, which must not be without effect */
} RecipeGiven;

const RecipeGiven *recipe_given_find(const char *name, size_t size);
const RecipeGiven *recipe_given_row(size_t i); /* NULL behind the last one */

/* One condition of a match or an if, from words[*i] on; *i goes behind it and behind an "and". */
typedef enum ConditionKind {
        CONDITION_EXISTS,   /* PATH */
        CONDITION_MISSING,  /* PATH */
        CONDITION_CONTAINS, /* PATH REGEX */
        CONDITION_LACKS,    /* PATH REGEX */
        CONDITION_GIVEN,    /* NAME */
        CONDITION_NOT_GIVEN,
        CONDITION_MAX,
} ConditionKind;

typedef struct Condition {
        ConditionKind kind;
        const char *what, *regex; /* within the statement's words */
} Condition;

/* 1 = there is one, 0 = that was all, -EINVAL. */
int recipe_condition(const Strv *words, size_t *i, Condition *ret);
