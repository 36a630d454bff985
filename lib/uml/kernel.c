/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.c - what is known about UML kernels and this CPU. */

#include <fcntl.h>

#if defined(__x86_64__) || defined(__i386__)
        #include <cpuid.h>
#endif

#include "uml/kernel-file.h"
#include "uml/kernel.h"

UmlKernel *uml_kernel_free(UmlKernel *k) {
        if (!k)
                return NULL;
        strv_done(&k->modules);
        strv_done(&k->known);
        free(k->release);
        free(k->path);
        free(k);
        return NULL;
}

static int search(const UmlKernel *k, const char *name) {
        _cleanup_free_ char *assignment = strfmt("%s=", name);
        const char *const strings[] = { assignment, name, NULL };
        _cleanup_close_ int fd = -EBADF;

        if (!assignment)
                return -ENOMEM;
        fd = open(k->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        return fd < 0 ? -errno : kernel_file_has_string(fd, strings);
}

int uml_kernel_knows(UmlKernel *k, const char *name, size_t len) {
        _cleanup_free_ char *flag = strndup(name, len);
        int r;

        if (!flag)
                return -ENOMEM;
        for (size_t i = 0; i < k->known.n; i++)
                if (streq(k->known.v[i], flag))
                        return 1;
        r = search(k, flag);
        if (r > 0)
                (void) strv_push(&k->known, flag); /* else it is searched again */
        return r;
}

bool uml_kernel_takes_sysctls(const UmlKernel *k) {
        return k->proc_sysctl && (k->major > 5 || (k->major == 5 && k->minor >= 8));
}

bool uml_kernel_needs_cpu_fix(const UmlKernel *k, unsigned xstate_size) {
        enum {
                STATE_KNOWN = 2696, /* bytes: the space that these kernels have for NT_X86_XSTATE */
        };

        return (k->major < 6 || (k->major == 6 && k->minor < 13)) && !k->whole_cpu_state &&
               xstate_size > STATE_KNOWN;
}

unsigned cpu_xstate_size(void) {
#if defined(__x86_64__) || defined(__i386__)
        unsigned a, b, c, d;

        if (__get_cpuid(1, &a, &b, &c, &d) && (c & bit_OSXSAVE) &&
            __get_cpuid_count(0xd, 0, &a, &b, &c, &d))
                return b;
#endif
        return 0;
}
