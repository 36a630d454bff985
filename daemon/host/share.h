/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A setting of the host that guests share, such as ip_forward: the first guest that needs it
 * changes it, and the last one restores it, unless somebody else has changed it since.
 * host/shared.h describes how that survives the death of any umld.
 *
 * One lock of all umlds protects the records of all settings. If another umld holds it, each of
 * these functions returns -EAGAIN like shared_open(), without setting a fault or logging. */

#include "daemon/host/host.h"
#include "host/shared.h"

typedef struct HostSetting {
        const char *name;  /* name of its record */
        const char *where; /* argument of the next two, named in messages */
        /* Its value as text, which the caller frees. -ENOENT: it is gone, so there is nothing to
         * restore. */
        int (*read)(const char *where, char **ret);
        int (*write)(const char *where, const char *value);
        Verdict verdict; /* of a fault if the record cannot be written */
        bool once;       /* a failure to restore it is not retried */
} HostSetting;

/* Records that the guest needs the setting, and changes it if it has another value. If the host
 * refuses, *f is left empty: the caller knows what that means. */
int host_share(const Host *h, const HostSetting *s, const char *value, Fault *f);

/* The guest no longer needs it, if it ever did. A failure is logged. */
int host_unshare(const Host *h, const HostSetting *s);

/* host_share() in two steps, for a value that depends on the one that the setting has: opened,
 * nobody else can share or unshare it until shared_close(). */
int host_share_open(const Host *h, const HostSetting *s, SharedSetting **ret, Fault *f);
int host_share_set(const Host *h, const HostSetting *s, SharedSetting *open, const char *value,
                   Fault *f);

/* Has anything been recorded yet? A check opens no record, as that would create it. */
bool host_shared_there(const Host *h);
/* Opens the record; the first part of all of these. */
int host_shared_open(const Host *h, const char *name, SharedSetting **ret);
