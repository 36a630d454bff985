/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-kernel-answers.c - any text as a kernel's answer: read into something small and printable.
 */

#include "fuzz.h"

#include <ctype.h>

#include "uml/kernel-answers.h"

static void assert_name(const char *s) {
        assert(*s && strlen(s) <= 64);
        for (; *s; s++)
                assert(isgraph((unsigned char) *s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = calloc(1, sizeof(*k));
        _cleanup_free_ char *text = strndup((const char *) data, size);

        assert(k && text);
        if (kernel_read_version(text, k) >= 0) {
                assert_name(k->release);
                assert(k->major <= UINT16_MAX && k->minor <= UINT16_MAX);
        } else
                assert(!k->release);
        if (kernel_read_config(text, k) >= 0)
                assert(strstr(text, "CONFIG_UML=y"));
        if (kernel_read_help(text, k) < 0)
                assert(!k->seccomp);
        assert(!k->seccomp || strstr(text, "seccomp"));
        return 0;
}
