/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nearest.c - the distance between a typed word and a known one.
 *
 * A typing error is an extra letter, a missing one, a wrong one, or two neighbours swapped (the
 * optimal string alignment distance). One error is allowed for every three letters, and at least
 * one. */

#include <ctype.h>

#include "basic/nearest.h"

enum {
        WORD_MAX = 32, /* longer than all words that umld knows */
};

static bool same(char a, char b) {
        return tolower((unsigned char) a) == tolower((unsigned char) b);
}

int slips_between(const char *typed, const char *known) {
        /* rows[i % 3][j]: distance between the first i letters typed and the first j known */
        unsigned rows[3][WORD_MAX + 1], slips;
        size_t n = strlen(typed), m = strlen(known);

        if (n > WORD_MAX || m > WORD_MAX)
                return -1;
        for (size_t j = 0; j <= m; j++)
                rows[0][j] = (unsigned) j;
        for (size_t i = 1; i <= n; i++) {
                unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3],
                         *two_above = rows[(i + 1) % 3];

                row[0] = (unsigned) i;
                for (size_t j = 1; j <= m; j++) {
                        row[j] = above[j - 1] + !same(typed[i - 1], known[j - 1]);
                        row[j] = MIN(row[j], above[j] + 1);
                        row[j] = MIN(row[j], row[j - 1] + 1);
                        if (i > 1 && j > 1 && same(typed[i - 1], known[j - 2]) &&
                            same(typed[i - 2], known[j - 1]))
                                row[j] = MIN(row[j], two_above[j - 2] + 1);
                }
        }
        slips = rows[n % 3][m];
        return slips <= MAX((unsigned) m / 3, 1U) ? (int) slips : -1;
}
