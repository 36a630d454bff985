/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostfs.c - directories of the host that the guest sees by hostfs. */

#include <stdio.h>
#include <sys/stat.h>

#include "daemon/host/host.h"
#include "daemon/host/hostfs.h"

static int look(const char *path) {
        struct stat st;

        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int look_at_shares(const Strv *shares, Fault *f) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < shares->n; i++) {
                r = look(shares->v[i]);
                if (r < 0)
                        return fault_set(f, VERDICT_USAGE, false, r,
                                         "Share=%s: %m; create that directory, or remove the line",
                                         shares->v[i]);
        }
        return 0;
}

int hostfs_look(Host *h, Fault *f) {
        const Config *c = h->config;
        int r = c->root_dir ? look(c->root_dir) : 0;

        if (r < 0)
                return fault_set(f, VERDICT_USAGE, false, r,
                                 "Root=hostfs:%s: %m; create that directory, or boot from a disk",
                                 c->root_dir);
        r = look_at_shares(&c->shares, f);
        return r < 0 ? r : look_at_shares(&c->shares_read_only, f);
}

bool hostfs_is_roots(const Host *h) {
        return h->config->root_dir && h->jail.uid == 0;
}

bool hostfs_is_on(const Host *h) {
        return h->jail.has_tree && config_has_hostfs(h->config);
}

int hostfs_up(Host *h, Fault *f) {
        if (!h->jail.has_tree && h->config->root_dir)
                return fault_set(f, VERDICT_USAGE, false, h->layers.v[CONFINE_ROOT].error,
                                 "Root=hostfs:%s: this host refuses the kernel a root directory of "
                                 "its own (%m), so hostfs would show all of the host's files; boot "
                                 "from a disk",
                                 h->config->root_dir);
        if (hostfs_is_roots(h) && layer_wanted(h, CONFINE_CAPABILITIES))
                layer_set_on(h, CONFINE_CAPABILITIES, "but those over files");
        return 0;
}

const char *hostfs_text(const Host *h, char buf[static HOSTFS_TEXT_MAX]) {
        const Config *c = h->config;
        size_t n = 0;

        if (!hostfs_is_on(h)) {
                snprintf(buf, HOSTFS_TEXT_MAX, "off%s",
                         config_has_hostfs(c) ? ", since the kernel has no root directory of its "
                                                "own"
                                              : "");
                return buf;
        }
        buf[0] = '\0';
#define ADD(...)                                                                                   \
        do {                                                                                       \
                if (n < HOSTFS_TEXT_MAX)                                                           \
                        n += (size_t) snprintf(buf + n, HOSTFS_TEXT_MAX - n, __VA_ARGS__);         \
        } while (0)
        if (c->root_dir)
                ADD("root directory %s, %s", c->root_dir,
                    hostfs_is_roots(h)
                            ? "as root"
                            : "as the guest's user, which cannot change owners or make devices");
        for (size_t i = 0; i < c->shares.n; i++)
                ADD("%s%s", n > 0 ? ", " : "", c->shares.v[i]);
        for (size_t i = 0; i < c->shares_read_only.n; i++)
                ADD("%s%s (read-only)", n > 0 ? ", " : "", c->shares_read_only.v[i]);
#undef ADD
        return buf;
}
