/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The start of an umld: is it the first one of its guest, or the heir of another? Before the event
 * loop, so this may wait a little. */

#include "conf/config.h"
#include "daemon/base/adoption.h"

/* Takes the lock of the guest, which nobody else has, or which is in the estate: then *ret is that.
 * -EEXIST has been logged; -ENOENT: the directory has been removed. */
int inherit_lock(const char *name, const char *directory, int *ret_lock, Adoption **ret);

/* Enters the mount namespace of the predecessor, which is another one with PrivateMounts= of a
 * service manager, and without which what is mounted for the guest could not be seen. */
int inherit_mounts(Adoption *a);

/* If a program that was executed to take the guest over has died of that, the one that did that is
 * executed in our place. Returns if there is no reason to, or no way. */
void inherit_program(Adoption *a, char *const *argv);

/* What the guest runs with takes the place of *config, which is of its file, or NULL; *ret_next is
 * for its next start, or NULL. */
int inherit_config(const Adoption *a, const char *name, Config **config, Config **ret_next);
