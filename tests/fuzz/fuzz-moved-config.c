/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-moved-config.c - the configuration in an export: after it was unpacked, each disk lies in
 * the directory of the guest, as the parser of umld sees it. */

#include "fuzz.h"

#include <stdlib.h>

#include "conf/config.h"
#include "umlctl/moved-config.h"

#define DIRECTORY "/var/lib/umld/two"

static bool is_inside(const char *path) {
        const char *rest = startswith(path, DIRECTORY "/");

        return rest && *rest && !strchr(rest, '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = strndup((const char *) data, size), *out = NULL, *packed = NULL,
                            *error = NULL;
        _cleanup_(config_freep) Config *c = NULL;
        char *names[] = { (char *) "root.img" };

        assert(text);
        assert(moved_pack(text, &(Strv){ names, 1 }, "kernel", &packed) >= 0);
        if (moved_unpack(text, DIRECTORY, "/c/two.conf.d", &out) < 0)
                return 0;
        if (config_parse("two", "two.conf", out, strlen(out), DIRECTORY "/root.img", &c, &error) <
            0)
                return 0;
        for (size_t i = 0; i < c->n_disks; i++)
                assert(is_inside(c->disks[i].path));
        return 0;
}
