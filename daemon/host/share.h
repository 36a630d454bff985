/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A setting of the host that the guests on it need to be the same, such as ip_forward: the first
 * guest that needs it changes it, and the last one puts it back, unless somebody else has changed
 * it since. How that survives the death of any umld says host/shared.h.
 *
 * Who needs what is noted under one lock for all settings and all umlds. Where another umld holds
 * it, each of these returns what shared_open() does, with no fault set and nothing logged. */

#include "daemon/host/host.h"
#include "host/shared.h"

typedef struct HostSetting {
        const char *name;  /* that it is noted by */
        const char *where; /* what the next two are about, and messages name */
        /* Its value as text, which the caller frees. -ENOENT: it is gone, with nothing to be put
         * back. */
        int (*read)(const char *where, char **ret);
        int (*write)(const char *where, const char *value);
        Verdict verdict; /* where it cannot be noted that it is needed */
        bool once;       /* where it cannot be put back that is not tried again */
} HostSetting;

/* Notes that the guest needs the setting, and gives it that value if it has another. Where the host
 * refuses to, *f is left empty for the caller to say what that means. */
int host_share(const Host *h, const HostSetting *s, const char *value, Fault *f);

/* The guest needs it no longer; that it never did is fine. A failure is logged. */
int host_unshare(const Host *h, const HostSetting *s);

/* host_share() in two steps, for a value that depends on the one that the setting has: opened,
 * nobody else can share or unshare it until shared_close(). */
int host_share_open(const Host *h, const HostSetting *s, SharedSetting **ret, Fault *f);
int host_share_set(const Host *h, const HostSetting *s, SharedSetting *open, const char *value,
                   Fault *f);

/* What all of these begin with. */
int host_shared_open(const Host *h, const char *name, SharedSetting **ret);
