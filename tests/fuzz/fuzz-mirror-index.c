/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-mirror-index.c - the indices of mirrors. */

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "umlctl/mirror-index.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *) data, size);
        MirrorFile a = {}, b = {};

        if (!text)
                return 0;
        if (mirror_read_alpine(text, "alpine-minirootfs", &a) >= 0)
                assert(a.name && !strchr(a.name, '/') && strlen(a.sum) == SHA256_TEXT);
        if (mirror_read_sums(text, "arch", ".zst", &b) >= 0)
                assert(b.name && !strchr(b.name, '/') && strlen(b.sum) == SHA256_TEXT);
        free(a.name);
        free(b.name);
        free(text);
        return 0;
}
