/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-shm.c - memory files in /dev/shm, which other processes use as well: it is made large
 * enough for what all guests on it may still take, and restored when the last of them is gone. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"
#include "daemon/host/share.h"
#include "host/memfs.h"
#include "host/private-memfs.h"

#define SHM_DIRECTORY "/dev/shm"

/* "BYTES exec" or "BYTES noexec": the file system's state as recorded for the shared setting. */
static char *format_memfs(uint64_t size, bool noexec) {
        return strfmt("%" PRIu64 " %s", size, noexec ? "noexec" : "exec");
}

static int read_memfs(const char *path, char **ret) {
        MemFs fs;
        char *text;
        int r = memfs_measure(path, &fs);

        if (r < 0)
                return r;
        text = format_memfs(fs.size, fs.noexec);
        if (!text)
                return -ENOMEM;
        *ret = text;
        return 0;
}

static int write_memfs(const char *path, const char *text) {
        char flag[8] = "";
        uint64_t size;

        if (sscanf(text, "%" SCNu64 " %7s", &size, flag) != 2)
                return -EBADMSG;
        return memfs_remount(path, size, streq(flag, "noexec"));
}

/* Others may have filled it beyond its original size, and may never end. */
static const HostSetting shm = { .name = "shm",
                                 .where = SHM_DIRECTORY,
                                 .read = read_memfs,
                                 .write = write_memfs,
                                 .verdict = VERDICT_MEMORY,
                                 .once = true };

static int fault_of_note(const Host *h, int r, Fault *f) {
        if (r == -EAGAIN) /* another umld holds the lock */
                return r;
        return fault_set(f, VERDICT_MEMORY, true, r,
                         "%s: cannot record the guest's use of " SHM_DIRECTORY
                         ": %m; free some space there",
                         h->shared);
}

static int remount(const Host *h, SharedSetting *s, const MemFs *fs, uint64_t size, uint64_t want,
                   Fault *f) {
        _cleanup_free_ char *ours = format_memfs(size, false);
        int r;

        r = ours ? host_share_set(h, &shm, s, ours, f) : -ENOMEM;
        if (r < 0 && !f->text)
                return fault_set(f, VERDICT_MEMORY, false, r,
                                 SHM_DIRECTORY " is %" PRIu64 "M%s with %" PRIu64
                                               "M in use, needs to be %" PRIu64
                                               "M for its guests, and the host refuses to remount "
                                               "it: %m; lower Memory= or have it enlarged",
                                 memory_mib(fs->size), fs->noexec ? " (noexec)" : "",
                                 memory_mib(fs->used), memory_mib(want));
        if (r < 0)
                return r;
        log_info("%s remounted: %" PRIu64 "M%s -> %" PRIu64 "M", SHM_DIRECTORY,
                 memory_mib(fs->size), fs->noexec ? " noexec" : "", memory_mib(size));
        return 1;
}

/* Large enough that it is not nearly full again at once, as far as the host has that much. */
static uint64_t size_for(uint64_t want) {
        uint64_t size = want + want / 8;
        MemInfo m;

        if (meminfo_read(host_memory_sources.meminfo, &m) >= 0 && size > m.total)
                size = MAX(want, m.total);
        return memory_mib(size) << 20; /* a size that the kernel reports unchanged */
}

/* What all of its guests may use, in addition to what is already there. */
static int sum_up(const Host *h, usec_t max_age, MemFs *ret_fs, uint64_t *ret_want) {
        uint64_t all, open;
        MemFs fs;
        int r;

        r = memory_sum_get(h, h->memory.device, max_age, &all, &open);
        if (r < 0)
                return r;
        r = memfs_measure(SHM_DIRECTORY,
                          &fs); /* after it: what is allocated meanwhile counts twice */
        if (r < 0)
                return r;
        *ret_fs = fs;
        *ret_want = fs.used + open;
        return 0;
}

static bool has_room(const MemFs *fs, uint64_t want, bool early) {
        return fs->size == 0 || (fs->size >= want && !(early && memory_is_tight(want, fs->size)));
}

/* The same, for what needs to be known only if it is little. */
static int sum_up_soon(const Host *h, bool early, MemFs *ret_fs, uint64_t *ret_want) {
        int r = sum_up(h, MEMORY_SUM_AGE, ret_fs, ret_want);

        return r < 0 || has_room(ret_fs, *ret_want, early) ? r : sum_up(h, 0, ret_fs, ret_want);
}

int memory_shm_fit(Host *h, bool early, Fault *f) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        uint64_t want = 0;
        MemFs fs;
        int r;

        r = sum_up_soon(h, early, &fs, &want); /* before the lock, which it takes itself */
        if (r >= 0)
                r = host_share_open(h, &shm, &s, f);
        if (r >= 0) /* another umld may just have enlarged it */
                r = memfs_measure(SHM_DIRECTORY, &fs);
        if (r < 0)
                return f->text ? r : fault_of_note(h, r, f);
        if (!fs.noexec && has_room(&fs, want, early))
                return 0;
        return remount(h, s, &fs, fs.size == 0 ? 0 : MAX(size_for(want), fs.size), want, f);
}

static void warn_if_tight(const Host *h) {
        uint64_t want;
        MemFs fs;

        if (sum_up_soon(h, true, &fs, &want) >= 0 && !has_room(&fs, want, true))
                log_warning("Memory=%" PRIu64 "M is a tight fit: of the %" PRIu64
                            "M of " SHM_DIRECTORY " %" PRIu64 "M are used or promised",
                            memory_mib(h->config->memory), memory_mib(fs.size), memory_mib(want));
}

static int check_kind(MemFs *ret, uint64_t *ret_device, Fault *f) {
        struct stat st;
        MemFs fs;
        int r;

        r = memfs_measure(SHM_DIRECTORY, &fs);
        if (r >= 0)
                r = RET_NERRNO(stat(SHM_DIRECTORY, &st));
        if (r < 0)
                return fault_set(f, VERDICT_MEMORY, false, r,
                                 SHM_DIRECTORY ": %m; mount a tmpfs there");
        if (!fs.tmpfs || fs.read_only)
                return fault_set(f, VERDICT_MEMORY, false, -EINVAL,
                                 SHM_DIRECTORY " is %s; mount a tmpfs there",
                                 fs.tmpfs ? "read-only" : "no tmpfs");
        *ret = fs;
        *ret_device = st.st_dev;
        return 0;
}

static int shm_down(Host *h);

static int shm_make_room(Host *h, Fault *f) {
        MemoryClaim claim = { .need = h->memory.need, .device = h->memory.device };
        int r;

        r = memory_claims_note(h, &claim);
        if (r < 0)
                return fault_of_note(h, r, f);
        r = memory_shm_fit(h, false, f);
        if (r < 0)
                return r;
        r = memfs_check_exec(SHM_DIRECTORY);
        if (r < 0)
                return fault_set(f, VERDICT_MEMORY, false, r,
                                 SHM_DIRECTORY ": the host refuses executable mappings there: %m; "
                                               "check for a security policy that forbids them");
        return 0;
}

static int shm_up(Host *h, Fault *f) {
        MemFs fs;
        int r = check_kind(&fs, &h->memory.device, f);

        if (r >= 0 && !h->quiet) {
                r = shm_make_room(h, f);
                if (r == -EAGAIN)
                        return r;
                if (r < 0)
                        (void) shm_down(h);
                else
                        warn_if_tight(h);
        }
        if (r < 0) {
                h->memory.device = 0;
                return r;
        }
        return free_and_strdup(&h->memory.path, SHM_DIRECTORY);
}

/* Somebody else may have changed it since. */
static bool shm_holds(Host *h) {
        MemFs fs;

        return memfs_measure(SHM_DIRECTORY, &fs) >= 0 && fs.tmpfs && !fs.noexec && !fs.read_only &&
               (fs.size == 0 || fs.size >= fs.used + h->memory.need);
}

static int shm_down(Host *h) {
        return host_unshare(h, &shm);
}

const BackingOps backing_shm = { .up = shm_up, .holds = shm_holds, .down = shm_down };
