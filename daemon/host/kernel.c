/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel.c - the guest's kernel: its features, and whether it can run on this CPU. */

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/path-trust.h"
#include "basic/string-util.h"
#include "daemon/base/companions.h"
#include "daemon/boot/cmdline.h"
#include "daemon/host/host.h"
#include "uml/kernel-probe.h"
#include "uml/kernel-record.h"

/* STATE/NAME/kernel: what the guest's kernel has answered */
#define KERNEL_RECORD "kernel"

enum {
        PROBE_TIMEOUT = 10 * USEC_PER_SEC, /* it answers in 1 ms */
};

void kernel_done(Kernel *k) {
        uml_probe_free(k->probe);
        uml_kernel_free(k->uml);
        free(k->cpu_fix);
        free(k->console_fix);
        free(k->tun_fix);
        *k = (Kernel){};
}

static bool same_file(const struct stat *a, const struct stat *b) {
        return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

char *kernel_identity(const Kernel *k) {
        const struct stat *st = &k->stat;

        return strfmt("%" PRIu64 " %" PRIu64 " %" PRIi64 " %" PRIi64 " %ld", (uint64_t) st->st_dev,
                      (uint64_t) st->st_ino, (int64_t) st->st_size, (int64_t) st->st_mtim.tv_sec,
                      (long) st->st_mtim.tv_nsec);
}

void kernel_adopt(Kernel *k, const char *identity) {
        uint64_t device, inode;
        int64_t size, seconds;
        long nanoseconds;

        if (sscanf(identity, "%" SCNu64 " %" SCNu64 " %" SCNi64 " %" SCNi64 " %ld", &device, &inode,
                   &size, &seconds, &nanoseconds) != 5)
                return;
        k->stat = (struct stat){ .st_dev = device, .st_ino = inode, .st_size = size };
        k->stat.st_mtim = (struct timespec){ .tv_sec = seconds, .tv_nsec = nanoseconds };
}

/* Is it the kernel that was queried? */
static bool is_known(const Kernel *k, const char *path, const struct stat *st) {
        return k->uml && streq(k->uml->path, path) && same_file(&k->stat, st);
}

/* Begins to query its features, unless a query is in progress. */
static int ask(Kernel *k, const char *path, const struct stat *st, UmlKernel **ret, Fault *f) {
        _cleanup_free_ char *error = NULL;
        int r = 0;

        if (k->probe && !same_file(&k->asked, st))
                k->probe = uml_probe_free(k->probe);
        if (!k->probe)
                r = uml_probe_start(path, PROBE_TIMEOUT, &k->probe, &error);
        if (r < 0)
                return fault_set(f, VERDICT_KERNEL, false, r, "%s", error ?: path);
        k->asked = *st;
        r = uml_probe_poll(k->probe, ret, &error);
        if (r == -EAGAIN)
                return fault_wait(f, VERDICT_KERNEL, uml_probe_fd(k->probe),
                                  "the query of the features of %s", path);
        k->probe = uml_probe_free(k->probe);
        if (r < 0)
                return fault_set(f, VERDICT_KERNEL, false, r, "%s", error ?: path);
        return 0;
}

/* What it answered at an earlier start. A file that cannot be executed is queried, which tells why
 * not. */
static UmlKernel *recall(const Config *c, const char *path, const struct stat *st) {
        _cleanup_free_ char *record = umld_path(DIR_STATE, c->name, KERNEL_RECORD);
        UmlKernel *k = NULL;

        return record && access(path, X_OK) >= 0 && kernel_record_read(record, path, st, &k) >= 0
                       ? k
                       : NULL;
}

/* Without the record the next start takes some milliseconds longer, and nobody has to know. */
static void remember(const Config *c, const UmlKernel *k, const struct stat *st) {
        _cleanup_free_ char *record = umld_path(DIR_STATE, c->name, KERNEL_RECORD), *text = NULL;
        int r;

        if (!record || !kernel_record_settled(st) || !(text = kernel_record_text(k, st)))
                return;
        r = write_file_atomic(record, text, strlen(text), 0644);
        if (r < 0)
                log_debug_errno(r, "%s: %m; the next start will query the kernel again", record);
}

/* Kernels that have no space for this CPU's state panic at the first task switch without the
 * workaround. */
static int find_cpu_fix(Kernel *kernel, Fault *f) {
        const UmlKernel *k = kernel->uml;
        int r;

        free(kernel->cpu_fix);
        kernel->cpu_fix = NULL;
        kernel->lacks_fix = false;
        if (!uml_kernel_needs_cpu_fix(k, cpu_xstate_size()))
                return 0;
        if (k->static_linked) {
                kernel->lacks_fix = true;
                return fault_set(f, VERDICT_KERNEL, false, -ENOEXEC,
                                 "Kernel=%s: Linux %s has no space for this CPU's state (%u bytes) "
                                 "and, being static, cannot be fixed; use a kernel of 6.13 or "
                                 "later, a dynamically linked one, or one made by "
                                 "tools/build-kernel",
                                 k->path, k->release, cpu_xstate_size());
        }
        r = companion_find(COMPANION_CPU_FIX, &kernel->cpu_fix);
        if (r == -ENOENT)
                return fault_set(f, VERDICT_KERNEL, false, r,
                                 "%s is missing, but Linux %s needs it on this CPU; reinstall umld",
                                 kernel->cpu_fix, k->release);
        return r;
}

/* Without this object the guest keeps the terminal size that it booted with. */
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

/* Without this object it has to stay in the host's network namespace, which the status shows. */
static void find_tun_fix(Kernel *kernel) {
        free(kernel->tun_fix);
        kernel->tun_fix = NULL;
        if (kernel->uml->static_linked || companion_find(COMPANION_TUN_FIX, &kernel->tun_fix) >= 0)
                return;
        free(kernel->tun_fix);
        kernel->tun_fix = NULL;
}

static void take(Kernel *kernel, UmlKernel *uml, const Config *c) {
        const char *unknown = guest_unknown_argument(c, uml);

        if (unknown)
                log_warning(
                        "Append=%s: unknown to Linux %s, which will pass it to the guest's init",
                        unknown, uml->release);
        if (config_has_ipv6(c) && uml->ipv6_module)
                log_notice("HostAddress6=: Linux %s has IPv6 as a module; the guest's init has to "
                           "load it (modprobe ipv6) before it configures the address",
                           uml->release);
        uml_kernel_free(kernel->uml);
        kernel->uml = uml;
        kernel->stat = (struct stat){}; /* set when the kernel has passed the checks */
        find_console_fix(kernel);
        find_tun_fix(kernel);
}

int kernel_up(Host *h, Fault *f) {
        const Config *c = h->config;
        _cleanup_(uml_kernel_freep) UmlKernel *k = NULL;
        _cleanup_free_ char *where = NULL;
        struct stat st = {};
        size_t known;
        bool asked, adopted;
        int r;

        if (h->silent) /* an adopted guest goes on without */
                return fault_set(f, VERDICT_KERNEL, true, -ETIMEDOUT,
                                 "%s: not checked, since its file system does not respond",
                                 config_kernel(c));
        r = RET_NERRNO(stat(config_kernel(c), &st));
        if (r >= 0 && is_known(&h->kernel, config_kernel(c), &st))
                return 0;
        if (path_changed_by_others(config_kernel(c), &where) > 0)
                return fault_set(f, VERDICT_KERNEL, false, -EPERM,
                                 "Kernel=%s: %s may be written by others than root and the user "
                                 "that umld runs as; run chown root and chmod go-w on it",
                                 config_kernel(c), where);
        if (r >= 0 && !h->kernel.probe)
                k = recall(c, config_kernel(c), &st);
        asked = !k;
        r = asked ? ask(&h->kernel, config_kernel(c), &st, &k, f) : 0;
        if (r < 0)
                return r;
        known = k->known.n;
        adopted = !h->kernel.uml && same_file(&h->kernel.stat, &st);
        if (guest_transport(c, k) == TRANSPORT_AUTO)
                return fault_set(f, VERDICT_KERNEL, false, -EOPNOTSUPP,
                                 "Transport=%s: Linux %s (%s) does not have it; set Transport=auto "
                                 "or use another kernel",
                                 transport_to_string(c->transport), k->release, config_kernel(c));
        if (c->cpus > 1 && !k->smp)
                return fault_set(f, VERDICT_KERNEL, false, -EOPNOTSUPP,
                                 "CPUs=%u: Linux %s (%s) was built without CONFIG_SMP and has one "
                                 "CPU; set CPUs=1 or use another kernel",
                                 c->cpus, k->release, config_kernel(c));
        take(&h->kernel, TAKE_PTR(k), c);
        if (!h->quiet && (asked || h->kernel.uml->known.n > known))
                remember(c, h->kernel.uml, &st);
        if (!adopted) {
                h->jail.reachable = false;
                jail_drop_mount_ns(&h->jail); /* it may have the one before */
        }
        r = find_cpu_fix(&h->kernel, f);
        if (r >= 0)
                h->kernel.stat = st;
        return r;
}
