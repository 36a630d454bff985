/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-xt-memory.c - a legacy table is read as a whole or not at all, wherever memory ends. */

#include <stddef.h>

#include "private-net.h"

#include "nat/xt-read.h"
#include "nat/xt-tables.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

static unsigned requests, failing; /* the number of the one that fails; 0: none does */

static bool fails(void) {
        if (failing == 0 || ++requests != failing)
                return false;
        errno = ENOMEM;
        return true;
}

void *malloc(size_t size) {
        return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size) {
        return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size) {
        return fails() ? NULL : __libc_realloc(p, size);
}

static int setup(void **state) {
        private_net_renew();
        return 0;
}

/* Chains, their rules, and the policies of those that have one. */
static unsigned count(const XtLibrary *xt, struct xtc_handle *h) {
        unsigned n = 0;

        for (const char *c = xt->first_chain(h); c; c = xt->next_chain(h)) {
                n += 1 + (xt->policy(c, h) != NULL);
                for (const void *e = xt->first_rule(c, h); e; e = xt->next_rule(e, h))
                        n++;
        }
        return n;
}

/* Opens the table with that request failing. false: there are not so many of them. */
static bool open_without(const XtLibrary *xt, NatFamily family, unsigned request,
                         unsigned expected) {
        struct xtc_handle *h = NULL;
        bool failed;
        int r;

        requests = 0;
        failing = request;
        r = xt_table_open(xt, family, NAT_TABLE_FILTER, &h);
        failed = request > 0 && requests >= request;
        failing = 0;
        if (r < 0)
                assert_int_equal(r, -ENOMEM);
        else {
                assert_int_equal(count(xt, h), expected);
                xt->free(h);
        }
        return failed;
}

static void test_whole_or_not_at_all(void **state) {
        static const char *const tools[] = { "iptables-legacy", "ip6tables-legacy" };
        /* INPUT, FORWARD and OUTPUT with their policies, ONE and TWO, and five rules. */
        const unsigned expected = 3 * 2 + 2 + 5;

        for (NatFamily family = 0; family < NAT_FAMILY_MAX; family++) {
                const XtLibrary *ways[] = { xt_library(family), xt_reader(family) };

                shell("t=%s; $t -N ONE && $t -N TWO && $t -A INPUT -i lo -j ONE && "
                      "$t -A FORWARD -j TWO && $t -A ONE -j ACCEPT && $t -A TWO -j ONE && "
                      "$t -A OUTPUT -o eth0 -j DROP && $t -P OUTPUT DROP",
                      tools[family]);
                FOREACH_ELEMENT (xt, ways) {
                        unsigned request = 1;

                        assert_false(open_without(*xt, family, 0, expected));
                        while (open_without(*xt, family, request, expected))
                                request++;
                        assert_true(request > 3);
                }
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(test_whole_or_not_at_all, setup),
        };

        private_net_enter();
        return RUN_TESTS(tests);
}
