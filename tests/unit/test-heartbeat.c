/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-heartbeat.c - who is alive, who is not, and who is not to blame. */

#include <string.h>

#include "test.h"

#include "daemon/watch/heartbeat.h"

#define S  USEC_PER_SEC
#define MS USEC_PER_MSEC

static const HeartbeatRule rule = { .check = 5 * S, .timeout = 30 * S };

/* A guest and a host, played. */
typedef struct Play {
        Heartbeat h;
        usec_t now;
        char state;
        uint64_t cpu;
        bool deaf, queue_full;
        usec_t latency;
        unsigned ticks;
} Play;

static Play begin(void) {
        return (Play){ .now = 1000 * S, .state = 'S', .latency = 50 };
}

/* One tick at its time and `late` behind it, and, unless the guest is deaf, its answer. */
static HeartbeatAdvice tick(Play *p, usec_t late) {
        HeartbeatSight seen;
        HeartbeatAdvice a;

        if (p->h.due > 0)
                p->now = p->h.due + late;
        seen = (HeartbeatSight){ .now = p->now, .process_state = p->state, .cpu = p->cpu };
        a = heartbeat_tick(&p->h, &rule, &seen);
        p->ticks++;
        if (a == HEARTBEAT_ASK)
                heartbeat_asked(&p->h, p->now, !p->queue_full);
        if (!p->deaf && p->state != 'T' && p->state != 't') {
                p->now += p->latency;
                heartbeat_answered(&p->h, p->now);
        }
        return a;
}

static void expect(const Play *p, GuestHealth health) {
        assert_string_equal(guest_health_to_string(p->h.health), guest_health_to_string(health));
}

static void test_good(void **state) {
        Play p = begin();

        expect(&p, HEALTH_UNKNOWN);
        for (int i = 0; i < 100; i++) {
                usec_t before = p.now;

                assert_int_equal(tick(&p, 100 * MS), HEARTBEAT_ASK);
                expect(&p, HEALTH_GOOD);
                assert_true(p.h.latency == 50);
                assert_true(p.h.due >= before && p.h.due <= p.now + rule.check);
        }
}

static void test_busy(void **state) {
        Play p = begin();

        p.latency = 500 * MS - 1;
        tick(&p, 0);
        expect(&p, HEALTH_GOOD);
        p.latency = 500 * MS;
        tick(&p, 0);
        expect(&p, HEALTH_BUSY);
        p.latency = 4 * S;
        tick(&p, 0);
        expect(&p, HEALTH_BUSY);
        p.latency = 10;
        tick(&p, 0);
        expect(&p, HEALTH_GOOD);
}

/* In whatever way it is silent, it takes HangTimeout and no tick less or more. */
static void check_hang(Play *p, uint64_t cpu_per_tick) {
        usec_t began;
        HeartbeatAdvice a;

        tick(p, 0);
        p->deaf = true;
        p->cpu += cpu_per_tick;
        tick(p, 0);
        began = p->now;
        do {
                p->cpu += cpu_per_tick;
                a = tick(p, 0);
                if (a != HEARTBEAT_HUNG)
                        expect(p, HEALTH_STALLED);
        } while (a != HEARTBEAT_HUNG && p->ticks < 100);
        expect(p, HEALTH_HUNG);
        assert_true(p->now - began == rule.timeout);
        assert_true(p->h.outstanding <= 3);
}

static void test_hung(void **state) {
        Play sleeping = begin(), spinning = begin(), full = begin(), gone = begin();

        check_hang(&sleeping, 0);
        spinning.state = 'R';
        spinning.cpu = 1;
        check_hang(&spinning, 500);
        full.queue_full = true;
        check_hang(&full, 0);
        gone.state = 0; /* /proc cannot be read */
        check_hang(&gone, 0);
}

/* It has never answered since the console was announced. */
static void test_hung_from_the_start(void **state) {
        Play p = begin();
        usec_t began = p.now;

        p.deaf = true;
        while (tick(&p, 0) != HEARTBEAT_HUNG)
                assert_true(p.ticks < 100);
        assert_true(p.now - began == rule.timeout);
}

static void test_recovers(void **state) {
        Play p = begin();

        for (int round = 0; round < 10; round++) {
                p.deaf = true;
                for (int i = 0; i < 5; i++)
                        assert_int_not_equal(tick(&p, 0), HEARTBEAT_HUNG);
                p.deaf = false;
                p.now += S;
                heartbeat_answered(&p.h, p.now);
                assert_true(p.h.silent == 0);
                assert_int_equal(p.h.outstanding, 0);
                expect(&p, HEALTH_BUSY);
                tick(&p, 0);
                expect(&p, HEALTH_GOOD);
        }
}

/* The answers to all questions of a long silence come at once; the later ones change nothing. */
static void test_late_answers(void **state) {
        Play p = begin();
        usec_t latency;

        p.deaf = true;
        for (int i = 0; i < 4; i++)
                tick(&p, 0);
        heartbeat_answered(&p.h, p.now);
        latency = p.h.latency;
        assert_true(latency >= 15 * S);
        heartbeat_answered(&p.h, p.now + 1);
        heartbeat_answered(&p.h, p.now + 2);
        assert_true(p.h.latency == latency);
        assert_int_equal(p.h.outstanding, 0);
}

static void test_questions_are_few(void **state) {
        Play p = begin();
        unsigned asked = 0;

        p.deaf = true;
        p.state = 'T';
        for (int i = 0; i < 1000; i++)
                asked += tick(&p, 0) == HEARTBEAT_ASK;
        assert_int_equal(asked, 3);
}

/* For however long: whoever stops it may let it go on. */
static void check_never_hung(char process_state, GuestHealth health) {
        Play p = begin();

        p.cpu = 7;
        tick(&p, 0);
        p.deaf = true;
        p.state = process_state;
        tick(&p, 0);
        for (int i = 0; i < 1000; i++) {
                assert_int_not_equal(tick(&p, 0), HEARTBEAT_HUNG);
                expect(&p, health);
        }
        /* back again: the patience starts again, and is not over at once */
        p.state = 'S';
        assert_int_not_equal(tick(&p, 0), HEARTBEAT_HUNG);
        assert_true(p.h.silent == 0);
        p.deaf = false;
        tick(&p, 0);
        tick(&p, 0);
        expect(&p, HEALTH_GOOD);
}

static void test_not_to_blame(void **state) {
        check_never_hung('T', HEALTH_STOPPED);
        check_never_hung('t', HEALTH_STOPPED);
        check_never_hung('D', HEALTH_STARVED);
        check_never_hung('R', HEALTH_STARVED); /* wants to run and gets no time */
}

/* umld itself is late: an overloaded host, or one that was suspended or had its clock set. */
static void test_late_ticks(void **state) {
        Play p = begin();

        tick(&p, 0);
        p.deaf = true;
        tick(&p, 0);
        for (int i = 0; i < 100; i++) {
                assert_int_not_equal(tick(&p, 24 * USEC_PER_HOUR), HEARTBEAT_HUNG);
                expect(&p, HEALTH_STARVED);
                assert_true(p.h.silent == 0);
        }
        /* what is a little late counts */
        for (int i = 0; tick(&p, S) != HEARTBEAT_HUNG; i++)
                assert_true(i < 20);
}

/* A jump in the midst of a silence neither ends nor shortens the patience. */
static void test_jump_in_silence(void **state) {
        Play p = begin();
        usec_t before;

        tick(&p, 0);
        p.deaf = true;
        tick(&p, 0);
        for (int i = 0; i < 4; i++)
                tick(&p, 0);
        before = p.h.silent;
        assert_true(before == 20 * S);
        assert_int_not_equal(tick(&p, 3 * USEC_PER_HOUR), HEARTBEAT_HUNG);
        assert_true(p.h.silent == before);
        assert_int_not_equal(tick(&p, 0), HEARTBEAT_HUNG); /* it could not know either */
        assert_true(p.h.silent == before);
        assert_int_not_equal(tick(&p, 0), HEARTBEAT_HUNG);
        assert_int_equal(tick(&p, 0), HEARTBEAT_HUNG);
}

/* A HangTimeout below HangCheck is kept as well. */
static void test_short_patience(void **state) {
        const HeartbeatRule impatient = { .check = 60 * S, .timeout = 2 * S };
        Heartbeat h = {};
        HeartbeatSight seen = { .now = 100 * S, .process_state = 'S' };

        assert_int_equal(heartbeat_tick(&h, &impatient, &seen), HEARTBEAT_ASK);
        heartbeat_asked(&h, seen.now, true);
        assert_true(h.due == seen.now + impatient.timeout);
        seen.now = h.due;
        assert_int_equal(heartbeat_tick(&h, &impatient, &seen), HEARTBEAT_HUNG);
}

static void test_names(void **state) {
        for (GuestHealth v = 0; v < GUEST_HEALTH_MAX; v++)
                assert_int_equal(guest_health_from_string(guest_health_to_string(v)), v);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_good),
                cmocka_unit_test(test_busy),
                cmocka_unit_test(test_hung),
                cmocka_unit_test(test_hung_from_the_start),
                cmocka_unit_test(test_recovers),
                cmocka_unit_test(test_late_answers),
                cmocka_unit_test(test_questions_are_few),
                cmocka_unit_test(test_not_to_blame),
                cmocka_unit_test(test_late_ticks),
                cmocka_unit_test(test_jump_in_silence),
                cmocka_unit_test(test_short_patience),
                cmocka_unit_test(test_names),
        };

        return RUN_TESTS(tests);
}
