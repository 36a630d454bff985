/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* JSON on standard output. */

#include <jansson.h>

/* Prints a document over several lines. */
int json_print(const json_t *document);

/* Prints it in one line, and flushes that, for a reader that waits for it. */
int json_print_line(const json_t *document);
