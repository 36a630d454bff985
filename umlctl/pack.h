/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Files of the host as an archive, by umld-image, for being laid over the tree of an image. */

#include "umlctl/jobs.h"
#include "umlctl/workspace.h"

/* Packs FILE:PATH…, owned by root, into this file of the workspace; *ret is open for reading.
 * Returns 0 or a negative errno, of which *ret_why may know more, one line that the caller frees.
 */
int pack_files(const Workspace *w, const char *file, const Strv *pairs, Progress *progress,
               int *ret, char **ret_why);
