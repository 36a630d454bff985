/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-crash-reader.c - any file as a crash report: refused, or JSON with all its keys. */

#include "fuzz.h"

#include <jansson.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "umlctl/crash-reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *s = strndup((const char *) data, size), *out = NULL;
        static size_t keys;
        json_t *report = NULL;

        assert(s);
        if (crash_parse(s, &report) < 0) {
                assert(!report);
                return 0;
        }
        assert(json_is_real(json_object_get(report, "when")));
        assert(json_is_string(json_object_get(report, "verdict")));
        assert(json_is_array(json_object_get(report, "console")));
        assert(keys == 0 || json_object_size(report) == keys);
        keys = json_object_size(report);
        assert((out = json_dumps(report, 0)));
        json_decref(report);
        return 0;
}
