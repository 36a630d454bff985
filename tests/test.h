/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every C test includes: asserts that stay on, and cmocka with shorter names. */

#undef NDEBUG
#include <assert.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define ASSERT_OK(expr)                                                                            \
        ({                                                                                         \
                __typeof__(expr) _r = (expr);                                                      \
                if (_r < 0)                                                                        \
                        fail_msg("%s: %s (%d)", #expr, strerror((int) -_r), (int) _r);             \
                _r;                                                                                \
        })
#define ASSERT_ERROR(expr, error) assert_int_equal((expr), -(error))

/* Runs the tests of this program as TAP for meson. */
#define RUN_TESTS(tests)                                                                           \
        (cmocka_set_message_output(CM_OUTPUT_TAP), cmocka_run_group_tests(tests, NULL, NULL))
