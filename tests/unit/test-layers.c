/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-layers.c - what becomes of a start without a layer that is required. */

#include "test.h"

#include "daemon/host/host.h"
#include "daemon/host/layers.h"

static void test_required(void **state) {
        static const struct {
                int error;
                bool retry;
        } cases[] = {
                { -EOPNOTSUPP, false },
                { -EPERM, false },
                { -EBUSY, true }, /* others are in umld's control group, which may soon end */
        };

        FOREACH_ELEMENT (k, cases) {
                Config c = { .required = CONFINE_BIT(CONFINE_MEMORY) };
                Host h = { .config = &c, .quiet = true };
                Fault f = {};

                ASSERT_OK(layers_required_up(&h, &f));
                layer_set_refused(&h, CONFINE_MEMORY, k->error, NULL);
                assert_int_equal(layers_required_up(&h, &f), k->error);
                assert_int_equal(f.retry, k->retry);
                fault_done(&f);
                layer_set_on(&h, CONFINE_MEMORY, NULL); /* at another try */
                ASSERT_OK(layers_required_up(&h, &f));
                layer_set_refused(&h, CONFINE_CPU, k->error, NULL); /* not required */
                ASSERT_OK(layers_required_up(&h, &f));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_required) };

        return RUN_TESTS(tests);
}
