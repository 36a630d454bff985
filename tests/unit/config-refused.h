/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Configurations that must be refused, and the exact words about it. */

#include <string.h>

#include "test.h"

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "conf/config.h"

typedef struct Case {
        const char *text;
        const char *error; /* behind "web.conf:" */
} Case;

static inline void assert_bytes_refused(const char *text, size_t size, const char *error) {
        _cleanup_free_ char *seen = NULL, *expected = strfmt("web.conf:%s", error);
        Config *c = NULL;
        int r = config_parse("web", "web.conf", text, size, "/state/web/root.img", &c, &seen);

        if (r >= 0)
                fail_msg("taken: %s", text);
        assert_int_equal(r, -EINVAL);
        assert_null(c);
        assert_non_null(seen);
        assert_string_equal(seen, expected);
}

static inline void assert_refused(const Case *cases, size_t n) {
        for (size_t i = 0; i < n; i++)
                assert_bytes_refused(cases[i].text, strlen(cases[i].text), cases[i].error);
}
