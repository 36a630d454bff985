/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "basic/macro.h"

/* Takes the lock file that says "an umld manages this", writes our pid to it and returns its
 * descriptor; closing it, or the death of its owner, releases the lock. -EEXIST: held by
 * *ret_holder (0 = unknown). */
int pid_lock(const char *path, pid_t *ret_holder);

/* The same lock, of which another process has given us a copy: writes our pid to it. */
int pid_lock_renew(int fd);

/* Is the lock file held by anybody? */
bool pid_lock_held(const char *path);

/* Locks a disk image for this umld (flock(), which does not conflict with the kernel's own fcntl()
 * lock) and returns its descriptor. -EEXIST: another umld has it. -EBUSY: a process without umld
 * holds the lock that UML kernels take; *ret_holder is its pid. shared = for reading, together with
 * others. */
int image_lock(const char *path, bool shared, pid_t *ret_holder);

/* Gives that lock back while the image stays open. */
void image_unlock(int fd);

/* Opens an image to look at it only, because the umld that holds that lock file has it open.
 * -EEXIST: it does not, or nobody may tell. */
int image_look(const char *path, const char *lock);

/* Has the umld that holds that lock file this socket open? */
bool pid_lock_has_socket(const char *lock, uint64_t inode);
