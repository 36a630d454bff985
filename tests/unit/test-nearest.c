/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nearest.c - what counts as a slip of the fingers, and how many are forgiven. */

#include "test.h"

#include "basic/nearest.h"

static void test_slips(void **state) {
        static const struct {
                const char *typed, *known;
                int slips;
        } cases[] = {
                { "Memory", "Memory", 0 },
                { "memory", "Memory", 0 },  /* case is no slip */
                { "Memoy", "Memory", 1 },   /* missing */
                { "Memoory", "Memory", 1 }, /* too much */
                { "Menory", "Memory", 1 },  /* wrong */
                { "Meomry", "Memory", 1 },  /* swapped */
                { "emMory", "Memory", 1 },
                { "Mmoy", "Memory", 2 },
                { "Mmy", "Memory", -1 },
                { "Mem", "Memory", -1 },
                { "Tpa", "Tap", 1 },
                { "Ta", "Tap", 1 },
                { "T", "Tap", -1 },
                { "", "Tap", -1 },
                { "", "a", 1 }, /* one is always allowed */
                { "HostAdress", "HostAddress", 1 },
                { "Colour", "Console", -1 },
                { "thirty-three-letters-are-too-many", "Memory", -1 },
                { "Memory", "thirty-three-letters-are-too-many", -1 },
                { "thirty-two-letters-are-compared-", "thirty-two-letters-are-compared-", 0 },
        };

        FOREACH_ELEMENT (c, cases)
                if (slips_between(c->typed, c->known) != c->slips)
                        fail_msg("%s for %s: %d", c->typed, c->known,
                                 slips_between(c->typed, c->known));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_slips),
        };

        return RUN_TESTS(tests);
}
