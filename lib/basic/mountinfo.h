/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The lines of /proc/self/mountinfo: "ID PARENT MAJ:MIN ROOT POINT OPTIONS … - TYPE SOURCE
 * OPTIONS". Pure. */

#include "basic/macro.h"

typedef struct MountLine {
        unsigned long id, parent;
        char *root, *point; /* decoded, within the line */
        const char *options, *type, *super_options;
} MountLine;

/* Decodes "\040" and the like, as blanks are written there. It neither allocates memory nor fails.
 */
void mountinfo_unescape(char *s);

/* Takes a line without its newline apart, which is changed by that; false: it is none. */
bool mountinfo_parse(char *line, MountLine *ret);

/* Is word one of the comma-separated options? */
bool mount_has_option(const char *options, const char *word);

/* Is what is mounted there covered by another mount, on the same directory or on one above? */
bool mountinfo_is_hidden(const char *mountinfo, const MountLine *m);
