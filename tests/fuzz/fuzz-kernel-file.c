/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-kernel-file.c - any file as a kernel: accepted, or refused with a sentence. */

#include "fuzz.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "uml/kernel-file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const char *const strings[] = { ".uml.setup.init", "x", NULL };
        _cleanup_close_ int fd = memfd_create("fuzz", MFD_CLOEXEC);
        _cleanup_free_ char *error = NULL;
        bool is_static = false;

        assert(fd >= 0 && write_all(fd, data, size) >= 0);
        if (kernel_file_check(fd, "fuzz", &is_static, &error) < 0)
                assert(error && strlen(error) < 200 && !is_static);
        else {
                assert(!error);
                assert(memmem(data, size, ".uml.setup.init", strlen(".uml.setup.init")));
        }
        assert(kernel_file_has_string(fd, strings) >= 0);
        return 0;
}
