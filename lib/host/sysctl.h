/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "basic/macro.h"

/* Reads one value below /proc/sys, e.g. "net/ipv4/ip_forward". The caller frees *ret. */
int sysctl_get(const char *name, char **ret);

/* 1 = changed, 0 = was already so. */
int sysctl_set(const char *name, const char *value);

/* The reverse path filter for what comes from an interface: 0 = none, 1 = strict, 2 = loose. The
 * kernel takes the greater number of the interface's own and the one of all interfaces. */
int sysctl_reverse_path(const char *ifname);
