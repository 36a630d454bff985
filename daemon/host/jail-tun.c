/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tun-node.c - the guest's kernel opens /dev/net/tun itself, as the guest's user, who may not on
 * every host. */

#include <stdio.h>
#include <stdlib.h>

#include "basic/log.h"
#include "daemon/host/host.h"
#include "host/access.h"
#include "host/mount-ns.h"
#include "host/shared.h"

#define TUN_NODE    "/dev/net/tun"
#define TUN_SETTING "tun_mode"

enum {
        TUN_MODE = 0666, /* udev's own */
};

static int open_setting(Host *h, SharedSetting **ret) {
        return shared_open(h->shared, TUN_SETTING, host_guest_alive, h->runtime, ret);
}

/* Where there are no mount namespaces to be had. */
static int open_to_all(Host *h) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        char ours[8], original[8];
        struct stat st;
        int r;

        if (stat(TUN_NODE, &st) < 0)
                return -errno;
        snprintf(original, sizeof(original), "%o", st.st_mode & 07777);
        snprintf(ours, sizeof(ours), "%o", TUN_MODE);
        if ((r = open_setting(h, &s)) < 0 ||
            (r = shared_join(s, h->config->name, "1", original)) < 0 ||
            (r = shared_set_ours(s, ours)) < 0)
                return r;
        return RET_NERRNO(chmod(TUN_NODE, TUN_MODE));
}

/* Whoever opened it to all, such as the umld of another guest, may have taken that back since. */
static bool still_open(const Host *h) {
        struct stat st;

        return h->jail.tun_access == TUN_OWN_NODE || h->jail.uid == 0 ||
               (stat(TUN_NODE, &st) >= 0 &&
                (st.st_mode & (S_IROTH | S_IWOTH)) == (S_IROTH | S_IWOTH));
}

int jail_tun_up(Host *h, Fault *f) {
        const AccessWish wish = { TUN_NODE, R_OK | W_OK };
        size_t which;
        int r;

        if (h->jail.tun_access != TUN_UNKNOWN && still_open(h))
                return 0;
        if (h->jail.uid == 0 || access_as_user(h->jail.uid, &wish, 1, &which) >= 0) {
                h->jail.tun_access = TUN_OPEN_TO_ALL;
                return 0;
        }
        r = mount_ns_add_tun(&h->jail.mount_ns_fd, h->jail.uid);
        if (r >= 0) {
                h->jail.tun_access = TUN_OWN_NODE;
                return 0;
        }
        log_info_errno(r, "the guest cannot have a " TUN_NODE
                          " of its own (%m), opening the host's to all users");
        r = open_to_all(h);
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, false, r,
                                 TUN_NODE ": cannot be opened to the guest's user %u: %m; chmod "
                                          "0666 it by hand, or set User=root",
                                 (unsigned) h->jail.uid);
        h->jail.tun_access = TUN_MODE_CHANGED;
        return 0;
}

int jail_tun_down(Host *h) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL;
        struct stat st;
        char now[8];
        int r;

        h->jail.tun_access = TUN_UNKNOWN;
        r = open_setting(h, &s);
        if (r >= 0)
                r = shared_leave(s, h->config->name, &original, &ours);
        if (r > 0) {
                if (stat(TUN_NODE, &st) >= 0) {
                        snprintf(now, sizeof(now), "%o", st.st_mode & 07777);
                        r = shared_is_ours(s, now);
                        if (r > 0)
                                r = RET_NERRNO(
                                        chmod(TUN_NODE, (mode_t) strtoul(original, NULL, 8)));
                }
                if (r >= 0)
                        r = shared_forget(s);
        }
        if (r < 0)
                log_warning_errno(r, TUN_NODE ": cannot be given its mode back, ignoring: %m");
        return MIN(r, 0);
}
