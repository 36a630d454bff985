/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Words that users of docker(1), machinectl(1), systemctl(1) and virsh(1) type: what to type here.
 * NULL: not such a word. */
const char *foreign_verb(const char *word);
const char *foreign_option(const char *word); /* without its dashes and its value */
const char *foreign_column(const char *word);

/* The name of a guest in that of its unit or of its configuration file, which the caller frees:
 * umld@web.service, web.service and web.conf are web. NULL: it is none of these. */
char *foreign_guest(const char *word);
