/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Puts the modules that a guest needs into its image, and remembers them. */

#include "umlctl/guest-image.h"
#include "umlctl/guest-modules.h"

/* What the user asked for the last time. */
int modules_named(const char *guest, Strv *named);

/* Into an image that is open, with a message of what was done unless quiet. Returns 0 or the exit
 * code, after an error message. */
int modules_put(GuestImage *image, const ModulesNeed *need, Progress *progress, bool quiet);
