/* SPDX-License-Identifier: GPL-2.0-or-later */
/* privileges.c - THE table of the capabilities that umld keeps, and what each is for. */

#include <linux/capability.h>

#include "basic/capabilities.h"
#include "basic/log.h"
#include "daemon/privileges.h"

/* The unit's CapabilityBoundingSet= is the same list, but for what the set-up alone needs. */
static const struct {
        int capability;
        bool set_up; /* no longer needed once the host is set up */
        const char *purpose;
} kept[] = {
        { CAP_NET_ADMIN, false, "tap, addresses, sysctls, firewall rules" },
        { CAP_NET_RAW, false, "probes of the host's rules, the record of new connections" },
        { CAP_NET_BIND_SERVICE, false, "Proxy= on low ports" },
        { CAP_SETUID, false, "the users of guests and helpers" },
        { CAP_SETGID, false, "their groups" },
        { CAP_SETPCAP, false, "empty bounding sets of guests and helpers" },
        { CAP_SYS_ADMIN, false, "namespaces and mounts of guests, /dev/shm" },
        { CAP_SYS_CHROOT, false, "entering mount namespaces" },
        { CAP_SYS_PTRACE, false, "who has a port, a tap or a lock; the unit is without it" },
        { CAP_CHOWN, false, "giving disks to guests" },
        { CAP_FOWNER, false, "modes and access control lists of what was given" },
        { CAP_FSETID, false, "set-group-ID bits that a guest of root's sets by Root=hostfs" },
        { CAP_DAC_OVERRIDE, false, "disks, logs and sockets of other users" },
        { CAP_MKNOD, false, "a tun node of the guest's own; the unit is without it" },
        { CAP_SYS_MODULE, true, "modprobe for the modules of tap and rules" },
};

static void keep(bool set_up) {
        uint64_t wanted = 0;
        int r;

        FOREACH_ELEMENT (k, kept)
                if (!k->set_up || set_up)
                        wanted |= UINT64_C(1) << k->capability;
        r = capabilities_keep(wanted);
        if (r < 0)
                log_debug_errno(r, "cannot give up capabilities, continuing with all of them: %m");
}

void privileges_begin(void) {
        keep(true);
}

void privileges_set_up(void) {
        keep(false);
}
