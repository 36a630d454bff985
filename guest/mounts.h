/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The file systems of the kernel, and what programs in containers expect in /dev. A mount that
 * fails, or is there already, is left as it is. */

void mounts_make(void);

/* Before the power goes off: nothing is written any more. */
void mounts_end(void);
