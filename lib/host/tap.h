/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tap devices through /dev/net/tun (Documentation/networking/tuntap.rst). The device is persistent:
 * it exists without an open descriptor until tap_remove(), so the guest's kernel attaches to it by
 * name. */

#include <sys/types.h>

#include "basic/macro.h"

/* Makes sure that a persistent tap of that name exists and belongs to owner (a tap without an owner
 * could be attached by any user). 1 = created, 0 = existed (kernels before 3.12 do not tell: always
 * 1). -ENODEV: the host has no /dev/net/tun driver; -ENOENT: no device node; -EPERM: TUN refused;
 * -EBUSY: a process is attached (see tap_holder); -EINVAL: the name is that of another kind of
 * interface. */
int tap_create(const char *ifname, uid_t owner);

/* 1 = removed, 0 = did not exist. -EBUSY as above. */
int tap_remove(const char *ifname);

/* Would it work, as far as can be told without making one? 0, or -ENODEV, -ENOENT, -EPERM as above;
 * -ENOTTY: the node is some other file. */
int tap_driver_try(void);

/* Finds who is attached: the lowest pid of this network namespace whose /proc/PID/fdinfo names the
 * tap, and its command name, which the process chose itself: escape it. 1 = found, 0 = nobody. */
int tap_holder(const char *ifname, pid_t *ret_pid, char ret_comm[static 16]);
