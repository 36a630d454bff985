/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Messages of umld-image to umlctl (lib/api/image-protocol.h). */

#include "basic/macro.h"

void say_progress(uint64_t bytes, void *unused); /* limited to a few per second */
void say_note(const char *format, ...) _printf_(1, 2);
void say_result(const char *key, const char *format, ...) _printf_(2, 3);

/* Asks umlctl for a file. Returns a descriptor, or -ENOENT where it has none of that name. */
int ask_file(const char *name);

/* Returns EXIT_FAILED. */
int say_error(const char *format, ...) _printf_(1, 2);
