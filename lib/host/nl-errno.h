/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* libnl returns negative numbers of its own which look like -errno and are not: -NLE_OBJ_NOTFOUND
 * is -12, and that would print "Cannot allocate memory". Whoever calls libnl passes the result
 * through here. */

/* Negative NLE code -> negative errno; 0 and positive numbers stay. What libnl itself could not
 * name, and codes newer than this table, become -EIO. */
int nl_to_errno(int nle);
