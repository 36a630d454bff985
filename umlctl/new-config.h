/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The configuration that create writes. */

#include "conf/config.h"
#include "umlctl/options.h"

enum {
        CREATE_MEMORY_MIB = 128,
};

/* What the image requires. */
typedef struct ImageWishes {
        bool ready;         /* the guest reports READY=1 itself */
        bool by_init;       /* its init configures the network interface */
        bool any_interface; /* it serves vec0 as well as eth0 */
        bool vector;        /* and its kernel has it */
} ImageWishes;

/* Writes the text of NAME.conf; the caller frees it. It has been checked by the parser that umld
 * uses, whose result is *ret_config. Both are freed first. Returns 0 or the exit code, after an
 * error message. */
int new_config(const char *name, const CreateOptions *o, const ImageWishes *wishes, char **ret,
               Config **ret_config);
