/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Verbs that show something of each guest: as JSON, a document of one guest, or for several an
 * object that has such a document for each name. */

#include <jansson.h>

#include "umlctl/options.h"

typedef struct Each {
        const Options *options;
        const char *guest;
        json_t *document; /* with --json: set by the function below, which gives its reference */
        size_t titles;    /* that have been printed */
} Each;

/* Shows one guest: prints its text, or sets the document. Returns the exit code. */
typedef int (*EachShow)(Each *e);

/* For all guests of a verb that is run once for them. Returns the exit code of the first one that
 * could not be shown. */
int each_guest(const Options *o, EachShow show);

/* What precedes the text of one of several guests. */
void each_title(Each *e);
