/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listener-units.c - which service of the host's has a listening socket, from control groups alone.
 *
 * The descriptors of another process of root's are visible to who has CAP_SYS_PTRACE, which the
 * unit umld@.service does not have. Control groups are visible to all: that in which a socket was
 * created (its id is the inode number of its directory), and that of each process. systemd creates
 * the sockets of its own socket units in groups without any process, or in that of PID 1. */

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "basic/file-util.h"
#include "basic/process.h"
#include "basic/string-util.h"
#include "host/cgroup.h"
#include "host/listeners.h"

#define PROC_FILE_MAX (1 << 20)

/* A scope holds whatever a user has started, and the process that serves the session. */
static bool is_service(const char *directory) {
        const char *name = strrchr(directory, '/'), *suffix = strrchr(directory, '.');

        return (suffix && streq(suffix, ".service")) || (name && streq(name, "/init.scope"));
}

/* 0 = it is in none of version 2, or gone. */
static uint64_t group_of(pid_t pid, const char *mountinfo, bool *ret_service) {
        _cleanup_free_ char *text = NULL, *directory = NULL;
        struct stat st;
        char path[32];

        snprintf(path, sizeof(path), "/proc/%d/cgroup", (int) pid);
        if (read_file(path, PROC_FILE_MAX, &text) < 0)
                return 0;
        directory = cgroup_own_directory(mountinfo, text);
        if (!directory || stat(directory, &st) < 0)
                return 0;
        *ret_service = is_service(directory);
        return st.st_ino;
}

/* A process of a group: if it is a service's and wanted, what was created in the group is its. */
static void found(pid_t pid, uint64_t group, bool service, OwnerWanted wanted, const Listener *list,
                  size_t n, Owner *owners, bool *known) {
        char comm[16];

        for (size_t i = 0; i < n; i++) {
                if (list[i].cgroup != group)
                        continue;
                known[i] = true;
                process_comm(pid, comm);
                if (owners[i].pid > 0 || !service || (wanted && !wanted(pid, comm)))
                        continue;
                owners[i].pid = pid;
                strcpy(owners[i].comm, comm);
        }
}

/* Nobody is in the group any more: a socket unit's, or one whose service has handed the socket on.
 * Only where PID 1 has sorted the processes into groups. */
static void leave_to_manager(const char *mountinfo, const Listener *list, size_t n,
                             OwnerWanted wanted, Owner *owners, const bool *known) {
        bool sorts = false;
        char comm[16];

        if (group_of(1, mountinfo, &sorts) == 0 || !sorts)
                return;
        process_comm(1, comm);
        for (size_t i = 0; i < n; i++)
                if (!known[i] && owners[i].pid == 0 && list[i].cgroup > 0 &&
                    (!wanted || wanted(1, comm))) {
                        owners[i].pid = 1;
                        strcpy(owners[i].comm, comm);
                }
}

int listener_units(const Listener *list, size_t n, OwnerWanted wanted, Owner *owners) {
        _cleanup_free_ char *mountinfo = NULL;
        _cleanup_free_ bool *known = calloc(n + 1, sizeof(*known));
        _cleanup_closedir_ DIR *d = opendir("/proc");
        struct dirent *de;
        int r;

        if (!known)
                return -ENOMEM;
        if (!d)
                return -errno;
        r = read_file("/proc/self/mountinfo", PROC_FILE_MAX, &mountinfo);
        if (r < 0)
                return r;
        while ((de = readdir(d))) {
                bool service = false;
                uint64_t group;
                pid_t pid;

                if (!isdigit((unsigned char) de->d_name[0]))
                        continue;
                pid = (pid_t) atoi(de->d_name);
                group = group_of(pid, mountinfo, &service);
                if (group > 0)
                        found(pid, group, service, wanted, list, n, owners, known);
        }
        leave_to_manager(mountinfo, list, n, wanted, owners, known);
        return 0;
}
