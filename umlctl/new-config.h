/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The configuration that create writes. */

#include "umlctl/options.h"

enum {
        CREATE_MEMORY_MIB = 128,
};

/* What the image itself asks for. */
typedef struct ImageWishes {
        bool ready;   /* the guest says READY=1 itself */
        bool by_init; /* its init configures the network interface */
} ImageWishes;

/* Writes the text of NAME.conf; the caller frees it. It has been checked by the parser that umld
 * uses. Returns 0 or the exit code, after an error message. */
int new_config(const char *name, const CreateOptions *o, const ImageWishes *wishes, char **ret);
