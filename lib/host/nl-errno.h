/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* libnl returns negative numbers that look like -errno and are not: -NLE_OBJ_NOTFOUND is -12, which
 * would print "Cannot allocate memory". Every result of libnl is converted here. */

/* Negative NLE code -> negative errno; 0 and positive numbers are returned unchanged. Codes that
 * libnl itself could not map, and codes newer than this table, become -EIO. */
int nl_to_errno(int nle);
