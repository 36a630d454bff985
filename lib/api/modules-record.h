/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is remembered of the kernel modules in a guest's image, in STATE/NAME/modules: the release
 * of the kernel, and on further lines the modules that the user asked for. It is there if umlctl
 * made the image, or put modules into it; other images are not touched. */

#include "basic/string-util.h"

#define MODULES_RECORD "modules"

/* -ENOENT: nothing is remembered. */
int modules_record_read(const char *guest, char **ret_release, Strv *named);

/* Its text, which the caller frees; NULL: out of memory. */
char *modules_record_text(const char *release, const Strv *named);
