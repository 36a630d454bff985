/* SPDX-License-Identifier: GPL-2.0-or-later */
/* write-recipe.c - chooses the recipe for the tree in the image, and applies it. */

#include <string.h>

#include "api/image-protocol.h"
#include "imager/message.h"
#include "imager/write.h"

bool write_is_change(const Order *o) {
        return o->overlay || (o->recipe && !streq(o->recipe, "none")) ||
               (o->recipes && recipes_unused(o->recipes));
}

int read_recipes(const Order *o) {
        Recipes *r = o->recipes;
        int e = r ? recipes_read(r, IMAGE_FD_RECIPES) : 0;

        if (e < 0)
                return say_error("%s", r->why ?: strerror(-e));
        if (r && o->recipe && !streq(o->recipe, "auto") && !streq(o->recipe, "none") &&
            !recipes_named(r, o->recipe))
                return say_error("there is no recipe %s; see umld.recipe(5)", o->recipe);
        return 0;
}

static int find_recipe(ImageWriter *w, Recipes *r, const char *name, const Recipe **ret) {
        int e = 0;

        *ret = NULL;
        if (streq(name, "auto"))
                e = recipes_choose(r, w, ret);
        else if (!streq(name, "none"))
                *ret = recipes_named(r, name);
        if (e < 0)
                return say_error("cannot choose a recipe: %s", strerror(-e));
        if (!*ret && streq(name, "auto"))
                say_note("no recipe fits this tree, which is used unchanged; see umld.recipe(5)");
        return 0;
}

/* An option without effect would be found out when nobody can log in. */
static int check_unused(const Recipes *r, const Recipe *recipe) {
        const char *option = recipes_unused(r);

        if (!option)
                return 0;
        if (recipe)
                return say_error("%s: the recipe %s does nothing with it; omit the option, or name "
                                 "another recipe with --recipe",
                                 option, recipe->name);
        return say_error("%s: this is done by a recipe, and none is applied; name one with "
                         "--recipe",
                         option);
}

int apply_recipe(ImageWriter *w, const Order *o, const char *otherwise) {
        Recipes *r = o->recipes;
        const Recipe *recipe = NULL;
        int e = r ? find_recipe(w, r, o->recipe ?: otherwise, &recipe) : 0;

        if (e != 0 || !r)
                return e;
        if (recipe) {
                e = recipe_apply(r, recipe, w);
                if (e < 0)
                        return fail_write(w, e, r->why);
                say_result("recipe", "%s", recipe->name);
        }
        return check_unused(r, recipe);
}
