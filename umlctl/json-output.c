/* SPDX-License-Identifier: GPL-2.0-or-later */
/* json-output.c - prints JSON. */

#include <errno.h>
#include <stdio.h>

#include "umlctl/json-output.h"

/* Sixteen digits show the current time to the microsecond without noise after that; ASCII keeps
 * control characters of any encoding from the terminal. */
#define FORM (JSON_REAL_PRECISION(16) | JSON_ENSURE_ASCII)

int json_print(const json_t *document) {
        if (json_dumpf(document, stdout, JSON_INDENT(2) | FORM) < 0)
                return -EIO;
        putchar('\n');
        return 0;
}

int json_print_line(const json_t *document) {
        if (json_dumpf(document, stdout, JSON_COMPACT | FORM) < 0)
                return -EIO;
        putchar('\n');
        return fflush(stdout) == 0 ? 0 : -errno;
}
