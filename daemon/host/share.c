/* SPDX-License-Identifier: GPL-2.0-or-later */
/* share.c - settings of the host that guests share, and that the last one restores. */

#include <unistd.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/share.h"
#include "host/lock.h"

bool host_guest_alive(const char *name, void *userdata) {
        _cleanup_free_ char *lock = strfmt("%s/%s/lock", (const char *) userdata, name);

        return !lock || pid_lock_held(lock);
}

bool host_shared_there(const Host *h) {
        return access(h->shared, F_OK) >= 0;
}

int host_shared_open(const Host *h, const char *name, SharedSetting **ret) {
        return shared_open(h->shared, name, host_guest_alive, h->runtime, ret);
}

static int fault_of_note(const Host *h, const HostSetting *s, int error, Fault *f) {
        if (error == -EAGAIN) /* another umld holds the lock */
                return error;
        return fault_set(f, s->verdict, true, error, "%s: cannot record who needs %s: %m%s",
                         h->shared, s->where, error == -ENOSPC ? "; free some space there" : "");
}

int host_share_open(const Host *h, const HostSetting *s, SharedSetting **ret, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *open = NULL;
        _cleanup_free_ char *now = NULL;
        int r = host_shared_open(h, s->name, &open);

        if (r < 0)
                return fault_of_note(h, s, r, f);
        r = s->read(s->where, &now);
        if (r < 0)
                return r;
        r = shared_join(open, h->config->name, "", now);
        if (r < 0)
                return fault_of_note(h, s, r, f);
        *ret = TAKE_PTR(open);
        return 0;
}

int host_share_set(const Host *h, const HostSetting *s, SharedSetting *open, const char *value,
                   Fault *f) {
        int r = shared_set_ours(open, value);

        return r < 0 ? fault_of_note(h, s, r, f) : s->write(s->where, value);
}

int host_share(const Host *h, const HostSetting *s, const char *value, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *open = NULL;
        _cleanup_free_ char *now = NULL;
        int r = host_share_open(h, s, &open, f);

        if (r >= 0)
                r = s->read(s->where, &now);
        if (r < 0 || streq(now, value))
                return r;
        return host_share_set(h, s, open, value, f);
}

/* Returns 0 even if there is nothing to restore: it is gone, or somebody else has changed it since.
 */
static int put_back(const HostSetting *s, SharedSetting *open, const char *original) {
        _cleanup_free_ char *now = NULL;
        int r = s->read(s->where, &now);

        if (r < 0)
                return r == -ENOENT ? 0 : r;
        r = shared_is_ours(open, now);
        return r > 0 ? s->write(s->where, original) : r;
}

static int leave(const Host *h, const HostSetting *s) {
        _cleanup_(shared_closep) SharedSetting *open = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL;
        int r = host_shared_open(h, s->name, &open);

        if (r >= 0)
                r = shared_leave(open, h->config->name, &original, &ours);
        if (r <= 0)
                return r;
        r = put_back(s, open, original);
        if (r < 0 && s->once) {
                log_warning_errno(r, "%s: cannot be restored (%s), leaving it as it is: %m",
                                  s->where, original);
                r = 0;
        }
        return r < 0 ? r : shared_forget(open);
}

int host_unshare(const Host *h, const HostSetting *s) {
        int r = leave(h, s);

        if (r < 0 && r != -EAGAIN)
                log_warning_errno(r, "%s: cannot be restored, ignoring: %m", s->where);
        return MIN(r, 0);
}
