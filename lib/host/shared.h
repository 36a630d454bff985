/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Settings of the host that several guests need (ip_forward, the size of /dev/shm): the first user
 * records the original value, the last one restores it. Kept as files in a directory on a tmpfs:
 *
 *   DIR/SETTING/original     the value before the first user
 *   DIR/SETTING/ours         the value that umld set last
 *   DIR/SETTING/ours.before  the value that umld set before that
 *   DIR/SETTING/user.NAME    one for each guest that needs it, with the guest's claim as text
 *
 * All under flock() on DIR/lock. A user whose umld is dead does not count; the caller knows whether
 * it is alive.
 *
 * Because umld may be killed between any two steps, a value is recorded before it is set on the
 * host:
 *
 *   shared_open, shared_join(…, current value), shared_set_ours(new value), set the new value
 *   shared_open, shared_leave; if that returns 1: if shared_is_ours(current value) restore the
 * original; shared_forget
 *
 * and the next user finds what it needs to continue. Texts have at most SHARED_TEXT_MAX bytes. */

#include "basic/cleanup.h"
#include "basic/string-util.h"

enum {
        SHARED_TEXT_MAX = 4000,
};

typedef struct SharedSetting SharedSetting;

/* Locks the setting. alive(name, userdata) is asked whether a user still counts (NULL: all do), but
 * only where that matters: whether anybody uses the setting takes one who is alive, and a host may
 * have many. Dead ones are dropped when they are met. -EAGAIN: somebody has the lock, DIR/lock. One
 * lock is for all settings of DIR, so a process must have one open at a time, and not for long. */
int shared_open(const char *dir, const char *setting,
                bool (*alive)(const char *name, void *userdata), void *userdata,
                SharedSetting **ret);
SharedSetting *shared_close(SharedSetting *s); /* unlocks */
DEFINE_CLEANUP(SharedSetting *, shared_close)

/* Records that guest name needs the setting, with its claim (free text). If there is no user yet,
 * `original`, the current value, is recorded as the one to restore; unless it is still what umld
 * set for users that died without leaving: then what they recorded stays. */
int shared_join(SharedSetting *s, const char *name, const char *claim, const char *original);
/* Records the value that umld is about to set. */
int shared_set_ours(SharedSetting *s, const char *value);
/* Is this the value that umld set? 1 = yes: it is the last one recorded, or the one before, which
 * is still set if an umld was killed between recording and setting. 0 = no: it has been changed
 * since by somebody else. */
int shared_is_ours(SharedSetting *s, const char *value);
/* Removes user name (which need not exist). 1 = no user is left: *ret_original (which the caller
 * frees) should be restored if the value is still *ret_ours (shared_is_ours()); then call
 * shared_forget(). 0 = others remain, or nothing was recorded. */
int shared_leave(SharedSetting *s, const char *name, char **ret_original, char **ret_ours);
int shared_forget(SharedSetting *s);

/* The claim of user name, which the caller frees. -ENOENT: it has none. */
int shared_claim(const SharedSetting *s, const char *name, char **ret);
/* The names and claims of all users except name (NULL: all), in two vectors of the same length. All
 * are asked whether they are alive; with shared_claims() none is, and the caller asks for those
 * that matter. */
int shared_users(SharedSetting *s, const char *except, Strv *ret_names, Strv *ret_claims);
int shared_claims(SharedSetting *s, const char *except, Strv *ret_names, Strv *ret_claims);
bool shared_user_lives(SharedSetting *s, const char *name);
