/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <sys/types.h>

#include "basic/macro.h"

/* Takes the lock file that says "a umld manages this", writes our pid into it and returns its
 * descriptor; closing it, or the death of its owner, gives the lock back. -EEXIST: taken, by
 * *ret_holder (0 = unknown). */
int pid_lock(const char *path, pid_t *ret_holder);

/* Is the lock file taken by anybody? */
bool pid_lock_held(const char *path);

/* Takes a disk image for this umld (flock(), which does not meet the kernel's own fcntl() lock) and
 * returns its descriptor. -EEXIST: another umld has it. -EBUSY: a process without umld has the lock
 * that UML kernels take; *ret_holder is its pid. Shared = for reading, together with others. */
int image_lock(const char *path, bool shared, pid_t *ret_holder);
