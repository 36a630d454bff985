/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld keeps of root's capabilities, also where no service manager has taken the others away.
 */

/* Before anything is read or set up. A host that refuses is left as it is. */
void privileges_begin(void);

/* Once the host is set up: gives up what only that takes. */
void privileges_set_up(void);
