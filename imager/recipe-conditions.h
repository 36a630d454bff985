/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Conditions of recipes, asked of a tree. */

#include "imager/recipes.h"

enum {
        RECIPE_TEXT_MAX = 1024 * 1024, /* of a file whose lines are looked at or changed */
};

/* Are all true? 1 = yes. */
int recipe_conditions(Recipes *r, ImageWriter *w, const Strv *words);
