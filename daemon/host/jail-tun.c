/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-tun.c - access to /dev/net/tun for the guest's kernel, which opens it as the guest's user.
 */

#include "basic/log.h"
#include "daemon/host/share.h"
#include "host/access.h"
#include "host/acl.h"
#include "host/mount-ns.h"
#include "host/tun-node.h"

static int read_node(const char *node, char **ret) {
        char text[ACL_TEXT_MAX], *copy;
        Acl a;
        int r = acl_get(node, &a);

        if (r < 0)
                return r;
        copy = strdup(acl_format(&a, text));
        if (!copy)
                return -ENOMEM;
        *ret = copy;
        return 0;
}

static int write_node(const char *node, const char *text) {
        Acl a;
        int r = acl_parse(text, &a);

        return r < 0 ? r : acl_set(node, &a);
}

/* The access to the host's node, for hosts without mount namespaces, or where no node can be made.
 */
static const HostSetting *node_access(void) {
        static HostSetting setting = { .name = "tun_node",
                                       .read = read_node,
                                       .write = write_node,
                                       .verdict = VERDICT_NETWORK };

        setting.where = tun_node();
        return &setting;
}

static int open_further(Host *h, int (*open)(Acl *a, uid_t uid), Fault *f) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        char text[ACL_TEXT_MAX];
        Acl a;
        int r;

        if ((r = host_share_open(h, node_access(), &s, f)) < 0 ||
            (r = acl_get(tun_node(), &a)) < 0 || (r = open(&a, h->jail.uid)) < 0)
                return r;
        return host_share_set(h, node_access(), s, acl_format(&a, text), f);
}

static int to_all(Acl *a, uid_t uid) {
        (void) uid;
        acl_add_all(a);
        return 0;
}

/* Widens access to the host's node no more than necessary, and never silently. */
static int open_host_node(Host *h, int why_no_own, Fault *f) {
        int r = open_further(h, acl_add_user, f);

        if (r >= 0) {
                h->jail.tun_access = TUN_USER_LET_IN;
                log_warning_errno(why_no_own,
                                  "the guest cannot have a " TUN_NODE
                                  " of its own (%m): its user %u may open the host's until the "
                                  "guest stops",
                                  (unsigned) h->jail.uid);
                return 0;
        }
        if (r == -EAGAIN || f->text)
                return r;
        log_debug_errno(r, TUN_NODE ": cannot be opened to one user alone: %m");
        r = open_further(h, to_all, f);
        if (r < 0)
                return r;
        h->jail.tun_access = TUN_MODE_CHANGED;
        log_warning_errno(why_no_own,
                          "the guest cannot have a " TUN_NODE
                          " of its own (%m), and the host's has no access control list: all "
                          "users may open it until the last guest that needs it stops");
        return 0;
}

/* The guest's user may already open it. If an umld did that, for example another guest's, it must
 * stay so as long as this guest needs it. */
static int join_those_who_opened(Host *h) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        char now[ACL_TEXT_MAX];
        Acl a;
        int r;

        if ((r = host_shared_open(h, node_access()->name, &s)) < 0 ||
            (r = acl_get(tun_node(), &a)) < 0 || (r = shared_is_ours(s, acl_format(&a, now))) < 0)
                return r;
        if (r == 0) {
                h->jail.tun_access = TUN_OPEN_TO_ALL;
                return 0;
        }
        h->jail.tun_access = acl_has_all(&a) ? TUN_MODE_CHANGED : TUN_USER_LET_IN;
        return shared_join(s, h->config->name, "", now);
}

/* Whoever opened it, for example another guest's umld, may have reverted that since. */
static bool still_open(const Host *h) {
        Acl a;

        return h->jail.tun_access == TUN_OWN_NODE || h->jail.uid == 0 ||
               (acl_get(tun_node(), &a) >= 0 && (acl_has_all(&a) || acl_has_user(&a, h->jail.uid)));
}

/* May the guest's user open the host's node anyhow? */
static int is_open_to_user(Host *h, Fault *f) {
        const AccessWish wish = { tun_node(), R_OK | W_OK };
        size_t which;
        int r = access_as_user(&h->jail.tun, h->jail.uid, &wish, 1, &which);

        return r == -EAGAIN ? fault_wait(f, VERDICT_NETWORK, h->jail.tun.output,
                                         "the check of who may open " TUN_NODE)
                            : r >= 0;
}

static int make_own_node(Host *h, Fault *f) {
        int r;

        if (h->jail.has_tree) /* nothing can be added to it */
                jail_drop_mount_ns(&h->jail);
        r = mount_ns_add(&h->jail.making_mount, &h->jail.mount_ns_fd,
                         &(const MountWish){ .what = MOUNT_TUN, .owner = h->jail.uid });
        if (r == -EAGAIN)
                return jail_wait_for_namespace(&h->jail.making_mount, VERDICT_NETWORK, f);
        if (r < 0)
                return open_host_node(h, r, f);
        h->jail.tun_access = TUN_OWN_NODE;
        return 0;
}

int jail_tun_up(Host *h, Fault *f) {
        int r;

        if (h->jail.net_ns_fd >= 0) {
                h->jail.tun_access = TUN_BROKER;
                return 0;
        }
        if (h->jail.tun_access != TUN_UNKNOWN && still_open(h))
                return 0;
        if (h->jail.uid == 0) {
                h->jail.tun_access = TUN_OPEN_TO_ALL;
                return 0;
        }
        r = ns_job_makes(&h->jail.making_mount, MOUNT_TUN) ? 0 : is_open_to_user(h, f);
        if (r >= 0)
                r = r > 0 ? join_those_who_opened(h) : make_own_node(h, f);
        if (r >= 0 || r == -EAGAIN || f->text)
                return MIN(r, 0);
        return fault_set(f, VERDICT_NETWORK, false, r,
                         TUN_NODE ": cannot be opened to the guest's user %u: %m; chmod 0666 it by "
                                  "hand, or set User=root",
                         (unsigned) h->jail.uid);
}

/* Others may need the node longer, but not for this guest's user. */
static int shut_user_out(Host *h) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        char text[ACL_TEXT_MAX];
        Acl a;
        int r;

        if (h->jail.uid == 0 || acl_get(tun_node(), &a) < 0 || !acl_has_user(&a, h->jail.uid))
                return 0;
        if ((r = host_shared_open(h, node_access()->name, &s)) < 0 ||
            (r = acl_get(tun_node(), &a)) < 0 || (r = shared_is_ours(s, acl_format(&a, text))) <= 0)
                return r;
        acl_remove_user(&a, h->jail.uid);
        r = shared_set_ours(s, acl_format(&a, text));
        return r < 0 ? r : acl_set(tun_node(), &a);
}

int jail_tun_down(Host *h, Fault *f) {
        int r = shut_user_out(h);

        (void) f;
        if (r == -EAGAIN)
                return r;
        if (r < 0)
                log_warning_errno(r, TUN_NODE ": cannot be closed to user %u again, ignoring: %m",
                                  (unsigned) h->jail.uid);
        h->jail.tun_access = TUN_UNKNOWN;
        return host_unshare(h, node_access());
}
