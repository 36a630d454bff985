/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Exit codes of umld and umlctl. */
enum {
        EXIT_DONE = 0,
        EXIT_FAILED = 1,
        EXIT_USAGE = 2, /* bad command line or bad configuration */
        EXIT_NOT_RUNNING = 3,
        EXIT_NO_GUEST = 4, /* there is no such guest */
        EXIT_NOT_PERMITTED = 77,
};
