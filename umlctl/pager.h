/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Shows long output in a pager. */

/* If standard output is a terminal, and UMLD_PAGER, PAGER or what is installed names a pager,
 * starts it, and sends to it what is printed from here on; otherwise does nothing. */
void pager_open(void);

/* Waits until the user has left the pager; does nothing if there is none. */
void pager_close(void);
