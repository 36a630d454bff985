/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Swaps to the disks that umld names on the kernel's command line: umld_swap (ubdb,ubdc). What does
 * not work is said on standard error. */
void swap_up(const char *cmdline);
