/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Lists the guests of this host, found by their files. */

#include "basic/string-util.h"

/* Appends the names of all configured guests, sorted. A missing directory holds none. */
int guests_configured(Strv *ret);

/* Appends these and the guests of which only a control socket is left. */
int guests_known(Strv *ret);

bool guest_configured(const char *name);

/* CONFIG/NAME.conf.d; the caller frees it. */
char *guest_dropin_directory(const char *name);

/* Tells that there are drop-ins, which a new guest may not expect. */
void guest_note_dropins(const char *name);

/* Does the guest have a control socket (in use or not), or may we not look? */
bool guest_has_socket(const char *name);
/* Has it an umld, or does it run although its umld was killed? */
bool guest_locked(const char *guest);
/* Does it run although its umld was killed? */
bool guest_orphaned(const char *name);

/* Writes the guest name of a configuration file, "web" for "web.conf", to buf; false: it is not
 * one. */
#define GUEST_NAME_MAX 15
bool guest_name_from_file(const char *file, char buf[static GUEST_NAME_MAX + 1]);
