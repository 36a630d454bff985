/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-dir.c - the memory file in a directory chosen by the user, on any file system. */

#include <inttypes.h>
#include <sys/stat.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"
#include "host/memfs.h"
#include "host/private-memfs.h"

static int look(const char *path, MemFs *ret, uint64_t *ret_device, Fault *f) {
        struct stat st;
        MemFs fs;
        int r;

        r = RET_NERRNO(stat(path, &st));
        if (r >= 0 && !S_ISDIR(st.st_mode))
                r = -ENOTDIR;
        if (r >= 0)
                r = memfs_measure(path, &fs);
        if (r < 0)
                return fault_set(f, VERDICT_USAGE, false, r,
                                 "Backing=dir:%s: %m; create that directory, or use auto", path);
        if (fs.noexec || fs.read_only)
                return fault_set(f, VERDICT_MEMORY, false, -EPERM,
                                 "Backing=dir:%s is mounted %s; name another directory, or remount "
                                 "it",
                                 path, fs.noexec ? "noexec" : "read-only");
        *ret = fs;
        *ret_device = st.st_dev;
        return 0;
}

static bool is_tight(const Host *h, const MemFs *fs, uint64_t others) {
        return memory_is_tight(fs->used + others + h->memory.need, fs->size);
}

/* What other guests may still take of it; for one that is not to be started that is not looked at.
 */
static int promised(const Host *h, const MemFs *fs, uint64_t device, uint64_t *ret) {
        uint64_t others = 0;
        int r = h->quiet ? 0 : memory_sum_others(h, device, MEMORY_SUM_AGE, &others);

        if (r >= 0 && !h->quiet && is_tight(h, fs, others))
                r = memory_sum_others(h, device, 0, &others);
        if (r >= 0)
                *ret = others;
        return r;
}

static int fits(const Host *h, const MemFs *fs, uint64_t others, Fault *f) {
        uint64_t room = fs->size - MIN(fs->used, fs->size);

        if (fs->size == 0)
                return 0;
        if (room < others || room - others < h->memory.need)
                return fault_set(f, VERDICT_MEMORY, true, -ENOSPC,
                                 "Backing=dir:%s has %" PRIu64
                                 "M free, other guests may still use %" PRIu64
                                 "M of that, and this one needs %" PRIu64
                                 "M; free some space there or lower Memory=",
                                 h->config->backing_dir, memory_mib(room), memory_mib(others),
                                 memory_mib(h->memory.need));
        if (is_tight(h, fs, others))
                log_warning("Memory=%" PRIu64 "M is a tight fit: %s has %" PRIu64
                            "M free, of which guests may use %" PRIu64 "M",
                            memory_mib(h->config->memory), h->config->backing_dir, memory_mib(room),
                            memory_mib(others + h->memory.need));
        return 0;
}

static int dir_up(Host *h, Fault *f) {
        const char *path = h->config->backing_dir;
        MemoryClaim claim = { .need = h->memory.need };
        uint64_t others = 0;
        MemFs fs = {};
        int r;

        r = look(path, &fs, &claim.device, f);
        if (r < 0)
                return r;
        if (!h->quiet) {
                r = memory_claims_note(h, &claim);
                if (r == -EAGAIN) /* another umld holds the lock */
                        return r;
                if (r < 0)
                        return fault_set(f, VERDICT_MEMORY, true, r,
                                         "%s: cannot record the guest's claim on %s: %m; free some "
                                         "space there",
                                         h->shared, path);
                r = memfs_check_exec(path);
                if (r < 0)
                        return fault_set(f, VERDICT_MEMORY, false, r,
                                         "Backing=dir:%s: files there cannot be mapped executable: "
                                         "%m; name another directory",
                                         path);
        }
        r = promised(h, &fs, claim.device, &others);
        if (r == -EAGAIN)
                return r;
        r = fits(h, &fs, r < 0 ? 0 : others, f);
        if (r < 0)
                return r;
        if (!fs.tmpfs)
                log_warning("Backing=dir:%s is on a disk: everything the guest does in its memory "
                            "is written there, so it may be slow",
                            path);
        h->memory.device = claim.device;
        return free_and_strdup(&h->memory.path, path);
}

static bool dir_holds(Host *h) {
        MemFs fs;

        return memfs_measure(h->memory.path, &fs) >= 0 && !fs.noexec && !fs.read_only &&
               (fs.size == 0 || fs.size >= fs.used + h->memory.need);
}

/* The file is unlinked, so nothing is left of it. */
static int dir_down(Host *h) {
        return 0;
}

const BackingOps backing_dir = { .up = dir_up, .holds = dir_holds, .down = dir_down };
