/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Obstacles in words, and the commands that remove them. */

#include "nat/obstacle.h"

/* "ufw", or "the firewall". */
const char *firewall_name(Firewall f);

/* "rule in chain ufw-reject-forward of table ip filter"; the caller frees it. */
char *obstacle_place(const Obstacle *o);
/* The commands for the firewall that did it, to be pasted into a root shell; the caller frees
 * them. */
char *obstacle_remedy(const Obstacle *o, const char *tap);
