/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-beancounters.c - any text as OpenVZ's table of resources, and as what tells of control
 * groups. */

#include "fuzz.h"

#include <stdlib.h>

#include "basic/cleanup.h"
#include "host/beancounters.h"
#include "host/hostmem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const resources[] = { "privvmpages", "shmpages", "kmemsize",
                                                 "Version:", "" };
        _cleanup_free_ char *text = strndup((const char *) data, size), *top = NULL, *dir = NULL;
        size_t half;
        int r;

        assert(text);
        FOREACH_ELEMENT (resource, resources) {
                Beancounter b = { .held = 4711 };
                uint64_t limit = 0, left;

                r = beancounter_find(text, *resource, &b);
                assert(r == 0 || ((r == -ENODATA || r == -EBADMSG) && b.held == 4711));
                left = beancounter_left(&b, 4096, &limit);
                assert(left <= limit);
        }
        half = strlen(text) / 2; /* the first as mountinfo, the second as cgroup */
        {
                _cleanup_free_ char *mountinfo = strndup(text, half);

                assert(mountinfo);
                r = memory_cgroup_find(mountinfo, text + half, &top, &dir);
        }
        assert(r >= 0 && r <= 2 && (r > 0) == (top != NULL) && (r > 0) == (dir != NULL));
        assert(!dir || strncmp(dir, top, strlen(top)) == 0);
        return 0;
}
