/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* THE table of the layers that confine a guest's kernel on the host: their names, the keys in
 * [Confine] that switch them off, and who applies them. Each is on by default; what a host refuses
 * is left out, and shown. */

#include "basic/macro.h"

typedef enum ConfineLayer {
        CONFINE_USER,
        CONFINE_CAPABILITIES,
        CONFINE_NO_NEW_PRIVILEGES,
        CONFINE_PID_NAMESPACE,
        CONFINE_IPC_NAMESPACE,
        CONFINE_UTS_NAMESPACE,
        CONFINE_NETWORK_NAMESPACE,
        CONFINE_ROOT,
        CONFINE_CGROUP,
        CONFINE_MEMORY,
        CONFINE_CPU,
        CONFINE_BANDWIDTH,
        CONFINE_NOT_DUMPABLE,
        CONFINE_SECCOMP,
        CONFINE_LIMITS,
        CONFINE_MAX,
        CONFINE_INVALID = -EINVAL,
} ConfineLayer;

/* A set of them. */
#define CONFINE_BIT(layer) (UINT32_C(1) << (layer))
#define CONFINE_ALL        (CONFINE_BIT(CONFINE_MAX) - 1)

typedef struct ConfineInfo {
        const char *name;    /* in Required= and in the status */
        const char *key;     /* of [Confine], which switches it off */
        const char *meaning; /* what a kernel that was taken over cannot do */
        bool late; /* applied by umld-init in the kernel's process, else by umld before that: when
                      it is known whether the host refuses it */
} ConfineInfo;

extern const ConfineInfo confine_table[CONFINE_MAX];

/* CONFINE_INVALID: no layer has that name. */
ConfineLayer confine_from_name(const char *name);
