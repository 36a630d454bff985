/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tun-node.c - the guest's kernel opens /dev/net/tun itself, as the guest's user, who may not on
 * every host. */

#include <stdlib.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/share.h"
#include "host/access.h"
#include "host/mount-ns.h"

#define TUN_NODE  "/dev/net/tun"
#define OPEN_MODE "666" /* udev's own */

static int read_mode(const char *node, char **ret) {
        struct stat st;
        char *mode;

        if (stat(node, &st) < 0)
                return -errno;
        mode = strfmt("%o", st.st_mode & 07777);
        if (!mode)
                return -ENOMEM;
        *ret = mode;
        return 0;
}

static int write_mode(const char *node, const char *mode) {
        return RET_NERRNO(chmod(node, (mode_t) strtoul(mode, NULL, 8)));
}

/* Where there are no mount namespaces to be had. */
static const HostSetting tun_mode = { .name = "tun_mode",
                                      .where = TUN_NODE,
                                      .read = read_mode,
                                      .write = write_mode,
                                      .verdict = VERDICT_NETWORK };

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
        r = host_share(h, &tun_mode, OPEN_MODE, f);
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                return fault_set(f, VERDICT_NETWORK, false, r,
                                 TUN_NODE ": cannot be opened to the guest's user %u: %m; chmod "
                                          "0666 it by hand, or set User=root",
                                 (unsigned) h->jail.uid);
        h->jail.tun_access = TUN_MODE_CHANGED;
        return 0;
}

int jail_tun_down(Host *h) {
        h->jail.tun_access = TUN_UNKNOWN;
        return host_unshare(h, &tun_mode);
}
