/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Gives back what of this process' memory only its start needed: free pieces of the heap, and
 * code and constants mapped from files. What is used again is mapped again, from the page cache.
 * Containers of OpenVZ are charged for what is mapped. */
void resident_trim(void);
