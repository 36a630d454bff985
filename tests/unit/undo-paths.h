/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* An image with its undo file, in a directory of their own. */

#include <stdio.h>
#include <stdlib.h>

#include "test.h"

#include "basic/file-util.h"

static char undo_directory[] = "/var/tmp/test-undo.XXXXXX", image_path[64], undo_path[80];

static int make_paths(void **state) {
        if (!mkdtemp(undo_directory))
                return -1;
        snprintf(image_path, sizeof(image_path), "%s/image", undo_directory);
        snprintf(undo_path, sizeof(undo_path), "%s.undo", image_path);
        return 0;
}

static int remove_paths(void **state) {
        return rm_rf(undo_directory);
}

#define RUN_UNDO_TESTS(tests)                                                                      \
        (cmocka_set_message_output(CM_OUTPUT_TAP),                                                 \
         cmocka_run_group_tests(tests, make_paths, remove_paths))
