/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* To be called first: makes the C library return the memory of large buffers when they are freed.
 */
void resident_begin(void);

/* Releases memory of this process that only its start needed: free parts of the heap, and code and
 * constants mapped from files. What is used again is mapped again, from the page cache. OpenVZ
 * containers are charged for what is mapped. */
void resident_trim(void);

/* The same of the heap alone, which costs next to nothing. */
void resident_trim_heap(void);
