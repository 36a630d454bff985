/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Tap devices by /dev/net/tun (Documentation/networking/tuntap.rst). The device is persistent: it
 * lives without an open descriptor until tap_remove(), so the guest's kernel attaches to it by
 * name. */

#include <sys/types.h>

#include "basic/macro.h"

/* Makes sure a persistent tap of that name exists and belongs to owner (never nobody's: a tap
 * without an owner can be attached by any user). 1 = made, 0 = was there (kernels before 3.12 do
 * not tell: always 1). -ENODEV: the host has no /dev/net/tun driver; -ENOENT: no device node;
 * -EPERM: TUN refused; -EBUSY: somebody is attached (see tap_holder); -EINVAL: the name is that of
 * another kind of interface. */
int tap_create(const char *ifname, uid_t owner);

/* 1 = removed, 0 = was not there. -EBUSY as above. */
int tap_remove(const char *ifname);

/* Who is attached: the lowest pid of this network namespace whose /proc/PID/fdinfo names the tap,
 * and its command name, as the process chose it: escape that. 1 = found, 0 = nobody. */
int tap_holder(const char *ifname, pid_t *ret_pid, char ret_comm[static 16]);
