/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checks-memory.c - doctor: is there memory for a guest, and where can its memory file be? */

#include <inttypes.h>

#include "daemon/doctor/doctor.h"
#include "daemon/host/memory-claims.h"
#include "host/hostmem.h"
#include "host/memfs.h"

#define SHM "/dev/shm"

/* The step "memory" says whether another place is left. */
void check_shm(Exam *e) {
        MemFs fs;
        int r = memfs_measure(SHM, &fs);
        const char *space;

        if (r < 0) {
                exam_tell(e, DOCTOR_WARNING, "mount a tmpfs there", SHM ": %s", strerror(-r));
                return;
        }
        if (!fs.tmpfs || fs.read_only) {
                exam_tell(e, DOCTOR_WARNING, "mount a tmpfs there",
                          SHM " is %s, so the memory of guests cannot be there",
                          fs.tmpfs ? "read-only" : "no tmpfs");
                return;
        }
        space = fs.noexec ? ", noexec, which is changed for guests" : "";
        if (fs.size == 0)
                exam_tell(e, DOCTOR_OK, "", "a tmpfs without a limit%s", space);
        else
                exam_tell(e, DOCTOR_OK, "",
                          "a tmpfs of %" PRIu64 "M, %" PRIu64 "M in use%s; it is enlarged for "
                          "guests where the host allows that",
                          memory_mib(fs.size), memory_mib(fs.used), space);
}

void check_memory(Exam *e) {
        MemoryLimit limits[MEMORY_LIMITS_MAX];
        size_t n = host_memory_limits(&host_memory_sources, limits);
        const MemoryLimit *least = host_memory_tightest(limits, n);
        uint64_t need = e->config ? e->config->memory : 0;

        if (!least)
                exam_tell(e, DOCTOR_UNKNOWN, "", "how much memory the host has left");
        else if (!e->running && least->left < need)
                exam_tell(e, DOCTOR_WARNING, "stop another guest, or set a lower Memory=",
                          "%" PRIu64 "M left by %s, but %s may use %" PRIu64 "M",
                          memory_mib(least->left), least->name,
                          e->name ? "the guest" : "a guest with the default Memory=",
                          memory_mib(need));
        else
                exam_tell(e, DOCTOR_OK, "", "%" PRIu64 "M left by %s", memory_mib(least->left),
                          least->name);
}

/* A UML kernel takes its memory page by page, so what is free may be promised already. */
void check_promises(Exam *e) {
        MemoryLimit limits[MEMORY_LIMITS_MAX];
        size_t n = host_memory_limits(&host_memory_sources, limits);
        const MemoryLimit *least = host_memory_tightest(limits, n);
        MemoryClaims claims = {};
        uint64_t open;
        int r = e->setup ? memory_claims_others(e->setup->host, &claims) : -ENODATA;

        if (r < 0) {
                exam_tell(e, DOCTOR_UNKNOWN, geteuid() == 0 ? "" : "run it as root",
                          "what other guests were promised");
                return;
        }
        open = memory_claims_open(&claims, 0);
        if (least && open > least->left)
                exam_tell(e, DOCTOR_WARNING,
                          "stop a guest, set a lower Memory= for one, or set Balloon=auto",
                          "%zu other guests may still take %" PRIu64 "M, more than the %" PRIu64
                          "M left",
                          claims.n, memory_mib(open), memory_mib(least->left));
        else
                exam_tell(e, DOCTOR_OK, "", "%zu other guests may still take %" PRIu64 "M",
                          claims.n, memory_mib(open));
}
