/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory.c - space for the guest's memory file. Nothing reserves that space: a file system that
 * fills up later kills the guest by SIGBUS, and a host that runs out of memory kills it outright;
 * so both are checked before a start. */

#include <inttypes.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"
#include "host/mount-ns.h"

enum {
        MARGIN = 8 * 1024 * 1024, /* page tables of the tmpfs, and rounding */
};

static const BackingOps *const backings[] = {
        [BACKING_SHM] = &backing_shm,
        [BACKING_PRIVATE] = &backing_private,
        [BACKING_DIR] = &backing_dir,
};
static_assert(ARRAY_SIZE(backings) == MEMORY_BACKING_MAX, "operations for every backing");

void memory_done(HostMemory *m) {
        free(m->path);
        free(m->refused);
        *m = (HostMemory){};
}

/* ---- does the host have that much memory? ---- */

static int refuse_host(const Host *h, const MemoryLimit *l, uint64_t others, Fault *f) {
        _cleanup_free_ char *promised =
                others > 0 ? strfmt(", and other guests may still use %" PRIu64 "M of that",
                                    memory_mib(others))
                           : strdup("");

        return fault_set(f, VERDICT_MEMORY, true, -ENOMEM,
                         "Memory=%" PRIu64 "M: the host has too little memory: by %s %" PRIu64
                         "M of %" PRIu64 "M are left, the guest needs %" PRIu64
                         "M%s; lower Memory=, here or for another guest",
                         memory_mib(h->config->memory), l->name, memory_mib(l->left),
                         memory_mib(l->limit), memory_mib(h->memory.need), promised ?: "");
}

static uint64_t wanted_with(const Host *h, uint64_t others) {
        return h->memory.need > UINT64_MAX - others ? UINT64_MAX : h->memory.need + others;
}

static bool is_tight(const MemoryLimit *l, uint64_t wanted) {
        return wanted > l->left ||
               memory_is_tight(l->limit - MIN(l->left - wanted, l->limit), l->limit);
}

static bool is_roomy(const Host *h, uint64_t others) {
        MemoryLimit limits[MEMORY_LIMITS_MAX];
        size_t n = host_memory_limits(&host_memory_sources, limits);

        for (size_t i = 0; i < n; i++)
                if (is_tight(&limits[i], wanted_with(h, others)))
                        return false;
        return true;
}

static int check_host(const Host *h, uint64_t others, Fault *f) {
        MemoryLimit limits[MEMORY_LIMITS_MAX];
        size_t n = host_memory_limits(&host_memory_sources, limits);
        uint64_t wanted = wanted_with(h, others);

        for (size_t i = 0; i < n; i++) {
                const MemoryLimit *l = &limits[i];

                if (wanted > l->left && wanted - l->left > l->swap)
                        return refuse_host(h, l, others, f);
                if (wanted > l->left)
                        log_warning("Memory=%" PRIu64 "M is a tight fit: by %s %" PRIu64
                                    "M are left, so the host may have to swap",
                                    memory_mib(h->config->memory), l->name, memory_mib(l->left));
                else if (is_tight(l, wanted))
                        log_warning("Memory=%" PRIu64 "M is a tight fit: by %s %" PRIu64
                                    "M of %" PRIu64 "M are left, of which guests may use %" PRIu64
                                    "M",
                                    memory_mib(h->config->memory), l->name, memory_mib(l->left),
                                    memory_mib(l->limit), memory_mib(wanted));
        }
        return 0;
}

/* Checks that cost next to nothing. */
static int check_ram(const Host *h, Fault *f) {
        MemoryLimit l = { .name = "MemAvailable" };
        MemInfo m;

        if (meminfo_read(host_memory_sources.meminfo, &m) < 0 ||
            h->memory.need <= m.available + m.swap_free)
                return 0;
        l.limit = m.total;
        l.left = m.available;
        return refuse_host(h, &l, 0, f);
}

/* ---- where should it go? ---- */

/* What other guests may still take, for one that is not to be started. */
static int promised(const Host *h, uint64_t *ret) {
        MemoryClaims others = {};
        int r = memory_claims_others(h, &others);

        *ret = memory_claims_open(&others, 0);
        return r;
}

/* Records the claim before free memory is checked, so that of two guests that start at the same
 * time at least one sees the other. */
static int admit(Host *h, Fault *f) {
        const MemoryClaim claim = { .need = h->memory.need, .device = h->memory.device };
        uint64_t others = 0;
        int r = 0;

        if (h->quiet)
                r = promised(h, &others);
        else {
                r = memory_claims_note(h, &claim);
                if (r >= 0)
                        r = memory_sum_others(h, 0, MEMORY_SUM_AGE, &others);
                if (r >= 0 && !is_roomy(h, others))
                        r = memory_sum_others(h, 0, 0, &others);
        }
        if (r == -EAGAIN && !h->quiet) /* another umld holds the lock */
                return r;
        if (r < 0 && !h->quiet)
                return fault_set(
                        f, VERDICT_MEMORY, true, r,
                        "%s: cannot record the guest's claim on memory: %m; free some space there",
                        h->shared);
        return check_host(h, others, f);
}

static int add_refusal(HostMemory *m, MemoryBacking backing, const char *why) {
        char *longer = strfmt("%s%s%s: %s", m->refused ?: "", m->refused ? "; " : "",
                              memory_backing_to_string(backing), why);

        if (!longer)
                return -ENOMEM;
        free(m->refused);
        m->refused = longer;
        return 0;
}

static int take(Host *h, MemoryBacking backing, Fault *f) {
        int r = backings[backing]->up(h, f);

        if (r >= 0)
                h->memory.backing = backing;
        return r;
}

/* The first of them that works on this host; goes_on: a private one is being made. A kernel that
 * sees no other part of the host's /dev/shm must not be able to fill it either; one that sees all
 * of it can anyhow. */
static int take_first(Host *h, bool goes_on, Fault *f) {
        static const MemoryBacking orders[2][2] = { { BACKING_SHM, BACKING_PRIVATE },
                                                    { BACKING_PRIVATE, BACKING_SHM } };
        const MemoryBacking *order = orders[layer_wanted(h, CONFINE_ROOT)];
        bool retry = false;
        int r = -EINVAL;

        for (size_t i = goes_on && order[0] != BACKING_PRIVATE; i < ARRAY_SIZE(orders[0]); i++) {
                _cleanup_(fault_done) Fault fault = {};

                r = take(h, order[i], &fault);
                if (r == -EAGAIN) {
                        *f = fault;
                        fault = (Fault){};
                }
                if (r >= 0 || r == -EAGAIN) /* not a refusal by the host */
                        return r;
                retry = retry || fault.retry;
                log_notice("memory cannot be backed by %s: %s", memory_backing_to_string(order[i]),
                           fault.text ?: strerror(-r));
                r = add_refusal(&h->memory, order[i], fault.text ?: strerror(-r)) < 0 ? -ENOMEM : r;
        }
        return fault_set(f, VERDICT_MEMORY, retry, r,
                         "no place for the guest's memory (%s); correct one of these, or set "
                         "Backing=dir:PATH, which may be slow",
                         h->memory.refused ?: "out of memory");
}

int memory_up(Host *h, Fault *f) {
        bool goes_on = ns_job_makes(&h->jail.making_mount, MOUNT_MEMORY);
        HostMemory *m = &h->memory;
        int r;

        m->need = h->config->memory + MARGIN;
        if (m->backing != BACKING_AUTO) {
                /* Checks it after a death, quickly: the claim has been recorded all the time, so
                 * others have left space for it. */
                if (backings[m->backing]->holds(h))
                        return check_ram(h, f);
                log_notice("the guest's memory directory is gone, creating it again");
                (void) backings[m->backing]->down(h);
        }
        if (!goes_on) {
                r = admit(h, f);
                if (r < 0)
                        return r;
                memory_done(m);
                m->need = h->config->memory + MARGIN;
        }
        if (h->config->backing == BACKING_AUTO)
                return take_first(h, goes_on, f);
        return take(h, h->config->backing, f);
}

int memory_down(Host *h, Fault *f) {
        bool again = false;
        int left = 0, r;

        FOREACH_ELEMENT (backing, backings) {
                r = *backing ? (*backing)->down(h) : 0;
                again |= r == -EAGAIN;
                left = MIN(r, left);
        }
        r = memory_claims_drop(h);
        if (again || r == -EAGAIN)
                return -EAGAIN;
        if (r < 0)
                log_warning_errno(r, "%s: cannot remove the guest's claim on memory, ignoring: %m",
                                  h->shared);
        memory_done(&h->memory);
        return MIN(r, left);
}
