/* SPDX-License-Identifier: GPL-2.0-or-later */
/* confine.c - THE table of the layers that confine a guest's kernel. */

#include "basic/confine.h"

const ConfineInfo confine_table[CONFINE_MAX] = {
        [CONFINE_USER] = { "user", "User", "use what belongs to root or another guest" },
        [CONFINE_CAPABILITIES] = { "capabilities", "DropCapabilities",
                                   "use capabilities that it inherited from a process of the host",
                                   .late = true },
        [CONFINE_NO_NEW_PRIVILEGES] = { "no-new-privileges", "NoNewPrivileges",
                                        "gain privileges by executing a set-user-ID program",
                                        .late = true },
        [CONFINE_PID_NAMESPACE] = { "pid-namespace", "PrivatePIDs",
                                    "see or signal the host's processes" },
        [CONFINE_IPC_NAMESPACE] = { "ipc-namespace", "PrivateIPC",
                                    "use the host's System V objects and message queues" },
        [CONFINE_UTS_NAMESPACE] = { "uts-namespace", "ProtectHostname", "see the host's name",
                                    .late = true },
        [CONFINE_NETWORK_NAMESPACE] = { "network-namespace", "PrivateNetwork",
                                        "connect from the host, listen on it, or use another tap "
                                        "than the guest's" },
        [CONFINE_ROOT] = { "root", "PrivateRoot",
                           "see any file of the host but its kernel, disks and memory" },
        [CONFINE_CGROUP] = { "cgroup", "ControlGroup",
                             "leave processes behind that outlive the guest" },
        [CONFINE_MEMORY] = { "memory", "MemoryLimit",
                             "use more of the host's memory than was promised to the guest" },
        [CONFINE_CPU] = { "cpu", "CPUQuota", "keep the host's CPUs busy" },
        [CONFINE_BANDWIDTH] = { "bandwidth", "Bandwidth", "use all of the host's bandwidth" },
        [CONFINE_NOT_DUMPABLE] = { "not-dumpable", "NotDumpable",
                                   "read the memory of other processes of the guest" },
        [CONFINE_SECCOMP] = { "seccomp", "Seccomp",
                              "make system calls that no guest needs, or open network "
                              "sockets",
                              .late = true },
        [CONFINE_LIMITS] = { "limits", "Limits",
                             "use up the host's processes, descriptors, disk space or locked "
                             "memory",
                             .late = true },
};

ConfineLayer confine_from_name(const char *name) {
        for (int i = 0; i < CONFINE_MAX; i++)
                if (streq(confine_table[i].name, name))
                        return (ConfineLayer) i;
        return CONFINE_INVALID;
}
