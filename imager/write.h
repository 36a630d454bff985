/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The options of umld-image write, and its two ways to make an image. All functions return exit
 * codes. */

#include "image/stream.h"
#include "image/writer.h"
#include "imager/recipes.h"

typedef struct Order {
        uint64_t size;     /* size of the image; 0: not given */
        const char *label; /* label of a new file system */
        bool keep_top;     /* keep a single top directory instead of making it the root directory */
        bool overlay;      /* IMAGE_FD_OVERLAY is an archive */
        const char *tag;   /* of the container image; NULL: it has only one */
        const char *modules; /* IMAGE_FD_MODULES is one with the modules of this kernel's release */
        const char *recipe;  /* the name of one, "auto" or "none"; NULL: auto for an archive */
        Recipes *recipes;    /* NULL: none were handed over */
} Order;

/* What each mode with these options begins with: reads them, drops all privileges, and reads the
 * recipes before the stream, which may take long: a mistake in one is reported at once. recipes is
 * NULL for a mode that applies none. Returns 0 or the exit code. */
int order_begin(int argc, char *argv[], Recipes *recipes, Order *o);

/* The part of it that reads the recipes. */
int read_recipes(const Order *o);

/* Makes the image from an archive. */
int write_tree(Stream *s, const Order *o);

/* Makes it from the image of a disk or a file system. */
int write_copy(Stream *s, const Order *o);

/* Is there an ext2, ext3 or ext4 file system in the image? */
bool image_is_ext(void);

/* Checks and repairs the file system of the image, which has size bytes, and grows it. */
int mend_image(const Order *o, uint64_t size);

/* Of the image that is being written, in bytes. */
uint64_t image_size(void);

/* The failure of putting something into an image, in words. Returns the exit code. */
int fail_write(const ImageWriter *w, int error, const char *why);

/* Puts the modules of a kernel where it looks for them, unless the image has its own. */
int add_modules(ImageWriter *w, const Order *o);

/* Lays the overlay over the tree and closes the image. The writer is taken over. */
int write_end(ImageWriter *w, const Order *o);

/* The last step of both: applies a recipe and adds the overlay to the tree, and closes the image.
 * Takes over the writer.
 */
int write_rest(ImageWriter *w, const Order *o, const char *recipe);

/* Applies the recipe of the order, or the other one where it does not name any. */
int apply_recipe(ImageWriter *w, const Order *o, const char *otherwise);

/* Is the tree of an image to be changed? */
bool write_is_change(const Order *o);
