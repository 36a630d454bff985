/* SPDX-License-Identifier: GPL-2.0-or-later */
/* limits.c - how much of the host a guest's kernel may use: derived from what it was given. */

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

#include "basic/fd-util.h"
#include "daemon/host/host.h"
#include "daemon/host/limits.h"

#define MEBIBYTE UINT64_C(1048576)

/* A guest's kernel allows one process for each 128 KiB of its memory. The limit is twice that, so
 * that the guest's own comes first. */
#define MEMORY_OF_PROCESS UINT64_C(65536)
#define PROCESSES_MIN     UINT64_C(256)
#define PROCESSES_MAX     UINT64_C(16384)

/* In addition to one for each process of the guest, which a kernel with seccomp=on needs. */
#define FILES_OF_KERNEL UINT64_C(256)

/* A file of hostfs stays open for as long as the guest's kernel remembers it. */
#define FILES_OF_HOSTFS UINT64_C(16384)

/* Private memory of one process; that of the guest is a shared file, which does not count. */
#define DATA_MAX (256 * MEBIBYTE)

/* The memory file is a little larger than the memory. */
#define MEMORY_FILE_ROOM (64 * MEBIBYTE)

/* The kernel counts all processes of a user, so this can be limited only if the guest has a user of
 * its own. */
static uint64_t processes_of(const Config *c) {
        if (!streq(c->user, "auto"))
                return 0;
        if (c->memory / MEMORY_OF_PROCESS <= PROCESSES_MIN)
                return PROCESSES_MIN;
        return MIN(c->memory / MEMORY_OF_PROCESS, PROCESSES_MAX);
}

static uint64_t size_of(int fd) {
        struct stat st;

        return fd >= 0 && fd_stat(fd, &st) >= 0 && S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0;
}

/* A copy-on-write file can grow to the size of its backing file, and in addition has a header and a
 * bitmap with one bit for each 512 bytes. */
static uint64_t file_size_of(const Host *h) {
        uint64_t most = h->config->memory + MEMORY_FILE_ROOM;

        if (config_hostfs_writes(h->config)) /* its directories are for files of any size */
                return 0;
        for (size_t i = 0; i < h->config->n_disks; i++) {
                uint64_t disk = size_of(h->disk_fds[2 * i]);

                if (h->config->disks[i].cow)
                        disk += disk / 1024 + MEBIBYTE;
                most = MAX(most, disk);
                most = MAX(most, size_of(h->disk_fds[2 * i + 1]));
        }
        return most;
}

LaunchLimits limits_of(const Host *h) {
        LaunchLimits l = { .processes = processes_of(h->config),
                           .file_size = file_size_of(h),
                           .data = DATA_MAX };

        if (config_has_hostfs(h->config))
                l.files += FILES_OF_HOSTFS;
        l.files += FILES_OF_KERNEL + (l.processes > 0 ? l.processes : PROCESSES_MAX);
        return l;
}

void limits_say(Host *h) {
        const LaunchLimits l = limits_of(h);
        char text[LAYER_DETAIL_MAX], processes[32] = "processes not limited",
                                     size[32] = "of any size";

        if (!layer_wanted(h, CONFINE_LIMITS))
                return;
        if (l.processes > 0)
                snprintf(processes, sizeof(processes), "%" PRIu64 " processes", l.processes);
        if (l.file_size > 0)
                snprintf(size, sizeof(size), "up to %" PRIu64 "M",
                         (l.file_size + MEBIBYTE - 1) / MEBIBYTE);
        snprintf(text, sizeof(text), "%s, %" PRIu64 " descriptors, files %s", processes, l.files,
                 size);
        layer_set_on(h, CONFINE_LIMITS, text);
}
