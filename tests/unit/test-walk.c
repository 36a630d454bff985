/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-walk.c - what comes of a packet, by chains of rules that are made up. */

#include <string.h>

#include "test.h"

#include "nat/walk.h"

typedef struct Rule {
        const char *chain; /* that it is in */
        Match match;
        StepKind kind;
        const char *to;
} Rule;

static const Rule *find(const Rule *r, const char *chain) {
        while (r->chain && strcmp(r->chain, chain) != 0)
                r++;
        return r->chain ? r : NULL;
}

static const void *first(const void *rules, const char *chain) {
        return find(rules, chain);
}

static const void *next(const void *rules, const void *rule) {
        const Rule *r = rule;

        return find(r + 1, r->chain);
}

static void judge(const void *rules, const void *rule, const Packet *p, Step *ret) {
        const Rule *r = rule;

        *ret = (Step){ r->match, r->kind, r->to };
}

static void check(const Rule *rules, bool drops, WalkEnd end, const char *chain, bool policy) {
        const Ruleset set = { first, next, judge, rules };
        const Packet packet = {};
        Walk w;

        walk(&set, "F", drops, "ours", &packet, &w);
        assert_int_equal(w.end, end);
        if (chain)
                assert_string_equal(w.chain, chain);
        assert_int_equal(w.policy, policy);
}

#define RULES(...) ((const Rule[]){ __VA_ARGS__, {} })

static void test_certain(void **state) {
        check(RULES({ "F", MATCH_NO, STEP_DROP }), false, WALK_PASSES, NULL, false);
        check(RULES({ "F", MATCH_NO, STEP_ACCEPT }), true, WALK_DROPS, "F", true);
        check(RULES({ "F", MATCH_YES, STEP_DROP }), false, WALK_DROPS, "F", false);
        check(RULES({ "F", MATCH_YES, STEP_ACCEPT }, { "F", MATCH_YES, STEP_DROP }), true,
              WALK_PASSES, NULL, false);
        check(RULES({ "F", MATCH_YES, STEP_TAKE }), true, WALK_TAKES, "F", false);
        check(RULES({ "F", MATCH_YES, STEP_CONTINUE }, { "F", MATCH_YES, STEP_DROP }), false,
              WALK_DROPS, "F", false);
}

static void test_chains(void **state) {
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "a" }, { "a", MATCH_YES, STEP_DROP }), false,
              WALK_DROPS, "a", false);
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "a" }, { "a", MATCH_YES, STEP_RETURN },
                    { "a", MATCH_YES, STEP_DROP }),
              true, WALK_DROPS, "F", true);
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "a" }, { "a", MATCH_NO, STEP_DROP },
                    { "F", MATCH_YES, STEP_DROP }),
              false, WALK_DROPS, "F", false);
        check(RULES({ "F", MATCH_YES, STEP_GOTO, "a" }, { "a", MATCH_NO, STEP_DROP },
                    { "F", MATCH_YES, STEP_DROP }),
              false, WALK_PASSES, NULL, false);
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "none" }), false, WALK_PASSES, NULL, false);
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "ours" }, { "F", MATCH_YES, STEP_DROP }), false,
              WALK_ENDS_HERE, NULL, false);
}

static void test_uncertain(void **state) {
        check(RULES({ "F", MATCH_MAYBE, STEP_DROP }), false, WALK_MAY_DROP, "F", false);
        check(RULES({ "F", MATCH_MAYBE, STEP_ACCEPT }), true, WALK_MAY_DROP, "F", true);
        check(RULES({ "F", MATCH_MAYBE, STEP_ACCEPT }), false, WALK_PASSES, NULL, false);
        /* dropped either way, and told with what does it for certain */
        check(RULES({ "F", MATCH_MAYBE, STEP_JUMP, "a" }, { "a", MATCH_YES, STEP_DROP },
                    { "F", MATCH_YES, STEP_DROP }),
              false, WALK_DROPS, "F", false);
        check(RULES({ "F", MATCH_MAYBE, STEP_JUMP, "a" }, { "a", MATCH_YES, STEP_DROP }), false,
              WALK_MAY_DROP, "a", false);
        check(RULES({ "F", MATCH_MAYBE, STEP_JUMP, "a" }, { "a", MATCH_YES, STEP_ACCEPT }), true,
              WALK_MAY_DROP, "F", true);
        /* a return that may not be one */
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "a" }, { "a", MATCH_MAYBE, STEP_RETURN },
                    { "a", MATCH_YES, STEP_DROP }),
              false, WALK_MAY_DROP, "a", false);
        check(RULES({ "F", MATCH_YES, STEP_QUEUE }, { "F", MATCH_YES, STEP_ACCEPT }), false,
              WALK_MAY_DROP, "F", false);
}

/* The kernel has no such rules, but what is read while they change might. */
static void test_circle(void **state) {
        check(RULES({ "F", MATCH_YES, STEP_JUMP, "a" }, { "a", MATCH_YES, STEP_JUMP, "a" }), false,
              WALK_MAY_DROP, "a", false);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_certain),
                cmocka_unit_test(test_chains),
                cmocka_unit_test(test_uncertain),
                cmocka_unit_test(test_circle),
        };

        return RUN_TESTS(tests);
}
