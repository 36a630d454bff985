/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-hold-list.c - a packet that waits and is sent once more. */

#include <netinet/in.h>

#include "test.h"

#include "basic/cleanup.h"
#include "daemon/net/hold-list.h"

enum {
        LARGE = 60000,
};

static NfPacket packet(uint32_t id, uint32_t size, uint16_t port) {
        return (NfPacket){ .id = id,
                           .size = size,
                           .family = AF_INET,
                           .protocol = IPPROTO_UDP,
                           .source_port = port,
                           .destination_port = 53 };
}

static void add(HeldList *l, uint32_t id, uint32_t size, uint16_t port) {
        const NfPacket p = packet(id, size, port);

        held_list_add(l, &p, NULL);
}

static int set_up(void **state) {
        static HeldList l;

        *state = &l;
        return held_list_new(&l);
}

static int tear_down(void **state) {
        held_list_done(*state);
        return 0;
}

/* The later one waits in the place of the one before, and as long as that one has. */
static void test_renew(void **state) {
        NfPacket again = packet(7, 80, 1001), other = packet(8, 60, 1003);
        HeldList *l = *state;
        uint32_t surplus;
        usec_t since;

        add(l, 1, 60, 1000);
        add(l, 2, 60, 1001);
        add(l, 3, 60, 1002);
        since = l->list[1].since;
        assert_true(held_list_renew(l, &again, &surplus));
        assert_int_equal(surplus, 2);
        assert_int_equal(l->n, 3);
        assert_int_equal(l->list[1].id, 7);
        assert_int_equal(l->list[1].since, since);
        assert_int_equal(l->bytes, 60 + 80 + 60);
        assert_false(held_list_renew(l, &other, &surplus));
        again.early = true; /* it has still to be forwarded, and then comes once more */
        assert_false(held_list_renew(l, &again, &surplus));
}

/* What was recorded cannot be dropped by the kernel. */
static void test_recorded(void **state) {
        const NfPacket first = packet(1, 60, 1000), again = packet(2, 60, 1000);
        HeldList *l = *state;
        uint32_t surplus;

        held_list_add(l, &first, malloc(60));
        assert_true(held_list_renew(l, &again, &surplus));
        assert_int_equal(surplus, 2);
        assert_int_equal(l->list[0].id, 1);
}

/* Small ones do not become large ones, as many as there are. */
static void test_bytes(void **state) {
        HeldList *l = *state;

        for (uint16_t i = 0; i < 100; i++)
                add(l, i, 60, i);
        for (uint16_t i = 0; i < 100; i++) {
                const NfPacket again = packet(1000U + i, LARGE, i);
                const bool fits = l->bytes + LARGE - 60 <= HELD_BYTES_MAX;
                uint32_t surplus;

                assert_true(held_list_renew(l, &again, &surplus));
                assert_int_equal(surplus, fits ? i : 1000U + i);
                assert_true(l->bytes <= HELD_BYTES_MAX);
        }
        assert_true(l->bytes + LARGE > HELD_BYTES_MAX);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(test_renew, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_recorded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
        };

        return RUN_TESTS(tests);
}
