/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Which guests there are, by the files of theirs that lie around. */

#include "basic/string-util.h"

/* Appends the names of all that have a configuration, sorted. A directory that is not there holds
 * none. */
int guests_configured(Strv *ret);

/* The same together with those of which only a control socket is left. */
int guests_known(Strv *ret);

bool guest_configured(const char *name);

/* Has it a control socket (with or without somebody behind it), or is it forbidden to look? */
bool guest_has_socket(const char *name);

/* The name in an entry of the configuration directory, "web" for "web.conf", in buf; false: it is
 * none. */
#define GUEST_NAME_MAX 15
bool guest_name_from_file(const char *file, char buf[static GUEST_NAME_MAX + 1]);
