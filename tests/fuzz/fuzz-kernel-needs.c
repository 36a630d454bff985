/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-kernel-needs.c - any file as a dynamically linked kernel: what it needs is found on this
 * host, or the first that is missing is named. */

#include "fuzz.h"

#include "scratch.h"
#include "uml/kernel-needs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *file = scratch_file("kernel", data, size), *missing = NULL;
        _cleanup_(kernel_needs_done) KernelNeeds needs = {};
        const char *const programs[] = { file };
        int r = kernel_needs_find(programs, 1, &needs, &missing);

        if (r < 0) {
                assert(!needs.loader && needs.names.n == 0 && needs.paths.n == 0);
                assert(!missing || (r == -ENOENT && !strchr(missing, '/')));
                return 0;
        }
        assert(!missing && needs.names.n == needs.paths.n);
        for (size_t i = 0; i < needs.names.n; i++)
                assert(needs.paths.v[i][0] == '/' && !strchr(needs.names.v[i], '/'));
        return 0;
}
