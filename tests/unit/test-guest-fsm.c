/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-guest-fsm.c - what must hold in every cell of the state table, and whole lives walked
 * through it. */

#include <string.h>

#include "test.h"

#include "daemon/guest/fsm.h"

static bool has_process(GuestState s) {
        return s == GUEST_BOOTING || s == GUEST_RUNNING || s == GUEST_STOPPING;
}

static bool acts_on_process(GuestAction a) {
        return a == ACT_STOP || a == ACT_STOP_SICK || a == ACT_STOP_NEXT || a == ACT_KILL ||
               a == ACT_KILL_HUNG;
}

static void test_every_cell(void **state) {
        for (GuestState s = 0; s < GUEST_STATE_MAX; s++) {
                for (GuestEvent e = 0; e < GUEST_EVENT_MAX; e++) {
                        GuestTransition t = guest_fsm(s, e);

                        assert_in_range(t.next, 0, GUEST_STATE_MAX - 1);
                        if (t.action == ACT_IGNORE)
                                assert_int_equal(t.next, s);
                        /* A process is only acted on where there is one, and only launched where
                         * there is none. */
                        if (acts_on_process(t.action))
                                assert_true(has_process(s));
                        if (t.action == ACT_LAUNCH)
                                assert_int_equal(s, GUEST_PREPARING);
                        if (t.action == ACT_PREPARE)
                                assert_false(has_process(s));
                        /* The states without a process and without a future are entered by
                         * ACT_FINISH alone, and that comes behind an undo alone. */
                        if (t.action == ACT_FINISH) {
                                assert_int_equal(s, GUEST_STOPPING);
                                assert_int_equal(t.next,
                                                 e == EV_UNDONE ? GUEST_STOPPED : GUEST_FAILED);
                        }
                        if (t.action == ACT_UNDO || t.action == ACT_UNDO_FAULT)
                                assert_int_equal(t.next, GUEST_STOPPING);
                        if (t.action == ACT_FINISH)
                                assert_true(e == EV_UNDONE || e == EV_UNDONE_FAULT);
                        else if (t.action != ACT_IGNORE)
                                assert_true(t.next != GUEST_STOPPED && t.next != GUEST_FAILED);
                        assert_int_equal(t.action == ACT_WAIT,
                                         t.action != ACT_IGNORE && t.next == GUEST_BACKOFF);
                }
        }
}

/* Whatever a state with a process waits for, its end is understood, in all three ways. */
static void test_every_end_is_answered(void **state) {
        for (GuestState s = 0; s < GUEST_STATE_MAX; s++) {
                if (!has_process(s))
                        continue;
                assert_int_equal(guest_fsm(s, EV_DIED_AGAIN).next, GUEST_BACKOFF);
                assert_int_equal(guest_fsm(s, EV_DIED_DONE).action, ACT_UNDO);
                assert_int_equal(guest_fsm(s, EV_DIED_FAULT).action, ACT_UNDO_FAULT);
        }
}

/* A stop and a power cut are obeyed in every state in which there is something to stop. */
static void test_orders(void **state) {
        for (GuestState s = 0; s < GUEST_STATE_MAX; s++) {
                bool idle = s == GUEST_STOPPED || s == GUEST_FAILED;

                assert_int_equal(guest_fsm(s, EV_KILL).action != ACT_IGNORE, !idle);
                if (s != GUEST_STOPPING) /* a second stop does not begin again */
                        assert_int_equal(guest_fsm(s, EV_STOP).action != ACT_IGNORE, !idle);
        }
        assert_int_equal(guest_fsm(GUEST_STOPPING, EV_STOP).action, ACT_IGNORE);
}

static void walk(const GuestEvent *events, size_t n, const GuestAction *actions, GuestState end) {
        GuestState s = GUEST_STOPPED;

        for (size_t i = 0; i < n; i++) {
                GuestTransition t = guest_fsm(s, events[i]);

                assert_int_equal(t.action, actions[i]);
                s = t.next;
        }
        assert_string_equal(guest_state_to_string(s), guest_state_to_string(end));
}

#define WALK(end, ...)                                                                             \
        ({                                                                                         \
                const struct {                                                                     \
                        GuestEvent event;                                                          \
                        GuestAction action;                                                        \
                } _steps[] = { __VA_ARGS__ };                                                      \
                GuestEvent _e[ARRAY_SIZE(_steps)];                                                 \
                GuestAction _a[ARRAY_SIZE(_steps)];                                                \
                for (size_t _i = 0; _i < ARRAY_SIZE(_steps); _i++) {                               \
                        _e[_i] = _steps[_i].event;                                                 \
                        _a[_i] = _steps[_i].action;                                                \
                }                                                                                  \
                walk(_e, ARRAY_SIZE(_steps), _a, end);                                             \
        })

static void test_lives(void **state) {
        /* up, crash, up again, clean stop */
        WALK(GUEST_STOPPED, { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH },
             { EV_READY, ACT_ANNOUNCE }, { EV_DIED_AGAIN, ACT_WAIT }, { EV_TIMER, ACT_PREPARE },
             { EV_PREPARED, ACT_LAUNCH }, { EV_READY, ACT_ANNOUNCE }, { EV_STOP, ACT_STOP },
             { EV_DIED_DONE, ACT_UNDO }, { EV_STOP, ACT_IGNORE }, { EV_UNDONE, ACT_FINISH });
        /* never ready */
        WALK(GUEST_BACKOFF, { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH },
             { EV_TIMER, ACT_KILL_HUNG }, { EV_DIED_AGAIN, ACT_WAIT });
        /* hangs, and is ended once: what it ends with is a death like others */
        WALK(GUEST_BACKOFF, { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH },
             { EV_READY, ACT_ANNOUNCE }, { EV_HUNG, ACT_KILL_HUNG }, { EV_DIED_AGAIN, ACT_WAIT },
             { EV_HUNG, ACT_IGNORE });
        WALK(GUEST_STOPPING, { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH },
             { EV_HUNG, ACT_KILL_HUNG }, { EV_STOP, ACT_STOP }, { EV_HUNG, ACT_IGNORE });
        /* its service hangs, its kernel does not: a clean shutdown */
        WALK(GUEST_BACKOFF, { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH },
             { EV_SICK, ACT_IGNORE }, { EV_READY, ACT_ANNOUNCE }, { EV_SICK, ACT_STOP_SICK },
             { EV_SICK, ACT_IGNORE }, { EV_TIMER, ACT_STOP_NEXT }, { EV_DIED_AGAIN, ACT_WAIT });
        /* does not go by kindness */
        WALK(GUEST_STOPPED, { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH },
             { EV_READY, ACT_ANNOUNCE }, { EV_STOP, ACT_STOP }, { EV_TIMER, ACT_STOP_NEXT },
             { EV_READY, ACT_IGNORE }, { EV_TIMER, ACT_STOP_NEXT }, { EV_KILL, ACT_KILL },
             { EV_DIED_DONE, ACT_UNDO }, { EV_UNDONE, ACT_FINISH });
        /* a fault of the set-up */
        WALK(GUEST_FAILED, { EV_START, ACT_PREPARE }, { EV_DIED_FAULT, ACT_UNDO_FAULT },
             { EV_UNDONE_FAULT, ACT_FINISH });
        /* ended while it is set up */
        WALK(GUEST_STOPPED, { EV_START, ACT_PREPARE }, { EV_STOP, ACT_UNDO },
             { EV_PREPARED, ACT_IGNORE }, { EV_UNDONE, ACT_FINISH });
        /* the wait is cut short */
        WALK(GUEST_BOOTING, { EV_START, ACT_PREPARE }, { EV_DIED_AGAIN, ACT_WAIT },
             { EV_START, ACT_PREPARE }, { EV_PREPARED, ACT_LAUNCH });
}

static void test_names(void **state) {
        for (GuestState s = 0; s < GUEST_STATE_MAX; s++)
                assert_int_equal(guest_state_from_string(guest_state_to_string(s)), s);
        for (Verdict v = 0; v < VERDICT_MAX; v++)
                assert_int_equal(verdict_from_string(verdict_to_string(v)), v);
        assert_int_equal(guest_state_from_string("paused"), GUEST_STATE_INVALID);
        assert_null(guest_state_to_string(GUEST_STATE_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_every_cell), cmocka_unit_test(test_every_end_is_answered),
                cmocka_unit_test(test_orders),     cmocka_unit_test(test_lives),
                cmocka_unit_test(test_names),
        };

        return RUN_TESTS(tests);
}
