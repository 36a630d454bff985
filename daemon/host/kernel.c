/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.c - the guest's kernel: what it can do, and whether it can run on this CPU. */

#include "basic/log.h"
#include "daemon/base/companions.h"
#include "daemon/boot/cmdline.h"
#include "daemon/host/host.h"
#include "uml/kernel-probe.h"

enum {
        PROBE_TIMEOUT = 2 * USEC_PER_SEC, /* for each question; it answers in 1 ms */
};

void kernel_done(Kernel *k) {
        uml_kernel_free(k->uml);
        free(k->cpu_fix);
        free(k->console_fix);
        *k = (Kernel){};
}

/* Is it the one that was asked? */
static bool same_kernel(const Kernel *k, const char *path, const struct stat *st) {
        return k->uml && streq(k->uml->path, path) && k->stat.st_dev == st->st_dev &&
               k->stat.st_ino == st->st_ino && k->stat.st_mtim.tv_sec == st->st_mtim.tv_sec &&
               k->stat.st_mtim.tv_nsec == st->st_mtim.tv_nsec;
}

/* Kernels that cannot hold this CPU's state panic at the first task switch unless they are helped.
 */
static int find_cpu_fix(Kernel *kernel, Fault *f) {
        const UmlKernel *k = kernel->uml;
        int r;

        free(kernel->cpu_fix);
        kernel->cpu_fix = NULL;
        kernel->lacks_fix = false;
        if (!uml_kernel_needs_cpu_fix(k->major, k->minor, cpu_xstate_size()))
                return 0;
        if (k->static_linked) {
                kernel->lacks_fix = true;
                return fault_set(f, VERDICT_KERNEL, false, -ENOEXEC,
                                 "Kernel=%s: Linux %s cannot hold this CPU's state (%u bytes) and, "
                                 "being statically linked, cannot be helped; use a kernel of 6.13 "
                                 "or later, or a dynamically linked one",
                                 k->path, k->release, cpu_xstate_size());
        }
        r = companion_find(COMPANION_CPU_FIX, &kernel->cpu_fix);
        if (r == -ENOENT)
                return fault_set(
                        f, VERDICT_KERNEL, false, r,
                        "%s is missing: Linux %s needs it on this CPU; install umld completely",
                        kernel->cpu_fix, k->release);
        return r;
}

/* Without it the guest keeps the size that its terminal had when it booted. */
static void find_console_fix(Kernel *kernel) {
        int r;

        free(kernel->console_fix);
        kernel->console_fix = NULL;
        if (kernel->uml->static_linked)
                return;
        r = companion_find(COMPANION_CONSOLE_FIX, &kernel->console_fix);
        if (r >= 0)
                return;
        log_warning_errno(r, "%s: %m; the guest will not follow its terminal's size",
                          kernel->console_fix ?: "umld-console-fix.so");
        free(kernel->console_fix);
        kernel->console_fix = NULL;
}

int kernel_up(Host *h, Fault *f) {
        const Config *c = h->config;
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *error = NULL;
        const char *unknown;
        struct stat st;
        int r;

        if (stat(config_kernel(c), &st) >= 0 && same_kernel(&h->kernel, config_kernel(c), &st))
                return 0;
        r = uml_kernel_probe(config_kernel(c), PROBE_TIMEOUT, &k, &error);
        if (r < 0)
                return fault_set(f, VERDICT_KERNEL, false, r, "%s", error ?: config_kernel(c));
        if (guest_transport(c, k) == TRANSPORT_AUTO)
                return fault_set(f, VERDICT_KERNEL, false, -EOPNOTSUPP,
                                 "Transport=%s: Linux %s (%s) does not have it; set Transport=auto "
                                 "or use another kernel",
                                 transport_to_string(c->transport), k->release, config_kernel(c));
        uml_kernel_free(h->kernel.uml);
        h->kernel.uml = TAKE_PTR(k);
        h->kernel.stat = st;
        h->jail.reachable = false;
        unknown = guest_unknown_argument(c, h->kernel.uml);
        if (unknown)
                log_warning("Append=%s: Linux %s does not know that word and will hand it to the "
                            "guest's init",
                            unknown, h->kernel.uml->release);
        find_console_fix(&h->kernel);
        return find_cpu_fix(&h->kernel, f);
}
