/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-facts.c - what is taken from the guest's answers about itself, and what is not. */

#include <string.h>

#include "test.h"

#include "daemon/watch/facts.h"

#define CONGESTION "proc sys/net/ipv4/tcp_congestion_control"
#define QDISC      "proc sys/net/core/default_qdisc"

/* A kernel begins each file with an empty datagram of one line. */
static void test_answers(void **state) {
        GuestFacts f = {};

        facts_take(&f, CONGESTION, "\nbbr\n");
        facts_take(&f, QDISC, "\nfq_codel\n");
        facts_take(&f, "proc loadavg", "\n0.12 10.05 0.01 1/41 191\n");
        facts_take(&f, "proc meminfo",
                   "\nMemTotal:          53448 kB\nMemFree:           39432 kB\n"
                   "MemAvailable:      40108 kB\nBuffers:    168 kB\nCach");
        assert_string_equal(f.congestion_control, "bbr");
        assert_string_equal(f.qdisc, "fq_codel");
        assert_string_equal(f.load, "0.12 10.05 0.01");
        assert_int_equal(f.memory, UINT64_C(53448) * 1024);
        assert_int_equal(f.memory_available, UINT64_C(40108) * 1024);
}

static void test_nonsense(void **state) {
        static const char *const names[] = {
                "",    "\n",  "bbr\nrandom: crng init done\n",     "\x1b[31mbbr\n",
                "b b", "BBR", "a-name-of-more-than-31-characters", "../../etc",
        };
        static const char *const loads[] = {
                "",
                "0.12 0.05",
                "0.12 0.05 0.01",
                "0.12 0.05 0.01\n",
                ". . . ",
                "1 2 3 ",
                "0.1 0.2 x.3 1/1 1",
                "-0.1 0.2 0.3 1/1 1",
                "111111111111111111111.1 1111111111111111111.1 111111111111111111111.1 1/1 1",
        };
        static const char *const memories[] = {
                "",
                "MemTotal: 5 kB\n",
                "MemAvailable: 5 kB\n",
                "MemTotal: 5\nMemAvailable: 5\n",
                "MemTotal: x kB\nMemAvailable: 5 kB\n",
        };
        const GuestFacts before = { .congestion_control = "cubic",
                                    .qdisc = "fq",
                                    .load = "1.00 2.00 3.00",
                                    .memory = 4096,
                                    .memory_available = 1024 };
        GuestFacts f = before;

        FOREACH_ELEMENT (text, names) {
                facts_take(&f, CONGESTION, *text);
                facts_take(&f, QDISC, *text);
        }
        FOREACH_ELEMENT (text, loads)
                facts_take(&f, "proc loadavg", *text);
        FOREACH_ELEMENT (text, memories)
                facts_take(&f, "proc meminfo", *text);
        facts_take(&f, "version", "bbr");
        assert_memory_equal(&f, &before, sizeof(f));
}

static void test_nobody(void **state) {
        const GuestFacts *f = facts_watch_get(NULL);

        assert_string_equal(f->congestion_control, "");
        assert_int_equal(f->memory, 0);
        assert_null(facts_watch_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_answers),
                cmocka_unit_test(test_nonsense),
                cmocka_unit_test(test_nobody),
        };

        return RUN_TESTS(tests);
}
