/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Settings of the host that several guests need at once (ip_forward, the size of /dev/shm): the
 * first user notes the original value, the last one puts it back. Kept as files in a directory on a
 * tmpfs:
 *
 *   DIR/SETTING/original     the value before the first user
 *   DIR/SETTING/ours         the value that umld gave it last
 *   DIR/SETTING/ours.before  the one that umld gave it before that
 *   DIR/SETTING/user.NAME    one for each guest that needs it, with the guest's claim as text
 *
 * All under flock() on DIR/lock. A user whose umld is dead does not count: liveness is asked of the
 * caller.
 *
 * A umld may be killed between any two steps. So a value is noted before it is given to the host:
 *
 *   shared_open, shared_join(…, value now), shared_set_ours(new value), give the host the new value
 *   shared_open, shared_leave; where that says 1: if shared_is_ours(value now) put the original
 * back; shared_forget
 *
 * and whoever comes next finds what is needed to go on. Texts have at most SHARED_TEXT_MAX bytes.
 */

#include "basic/cleanup.h"
#include "basic/string-util.h"

enum {
        SHARED_TEXT_MAX = 4000,
};

typedef struct SharedSetting SharedSetting;

/* Locks the setting and drops users that alive(name, userdata) says are dead (NULL: all are alive).
 * Waits for others, but not for ever: -ETIMEDOUT where somebody held the lock for ten seconds. One
 * lock is for all settings of DIR, so a process must have one open at a time. */
int shared_open(const char *dir, const char *setting,
                bool (*alive)(const char *name, void *userdata), void *userdata,
                SharedSetting **ret);
SharedSetting *shared_close(SharedSetting *s); /* unlocks */
DEFINE_CLEANUP(SharedSetting *, shared_close)

/* Notes that guest name needs the setting, with its claim (free text). Where there is no user yet,
 * original, the value now, is noted as the one to go back to; unless that is still what umld gave
 * it for users that died without leaving: then what they noted stays. */
int shared_join(SharedSetting *s, const char *name, const char *claim, const char *original);
/* Notes what umld is about to set the value to. */
int shared_set_ours(SharedSetting *s, const char *value);
/* Did umld give it this value? 1 = yes: it is the last one noted, or the one before, which it still
 * has where a umld was killed between noting and setting. 0 = no: somebody else has changed it
 * since. */
int shared_is_ours(SharedSetting *s, const char *value);
/* Forgets user name (who need not be one). 1 = no user is left: *ret_original (the caller's to
 * free()) should be put back if the value is still *ret_ours (shared_is_ours()); then call
 * shared_forget(). 0 = others remain, or nothing was noted. */
int shared_leave(SharedSetting *s, const char *name, char **ret_original, char **ret_ours);
int shared_forget(SharedSetting *s);

/* The names and claims of all live users except name (NULL: all), in two vectors of the same
 * length. */
int shared_users(SharedSetting *s, const char *except, Strv *ret_names, Strv *ret_claims);
