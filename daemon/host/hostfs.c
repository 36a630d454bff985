/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hostfs.c - directories of the host that the guest sees by hostfs. */

#include <stdio.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "daemon/host/host.h"
#include "daemon/host/hostfs.h"

static int fault_of(const char *what, const char *path, int error, Fault *f) {
        if (error == -ELOOP)
                return fault_set(f, VERDICT_USAGE, false, error,
                                 "%s%s: a part of this path is a symbolic link, which could be "
                                 "changed to lead elsewhere; write the path that realpath(1) shows",
                                 what, path);
        return fault_set(f, VERDICT_USAGE, false, error,
                         "%s%s: %m; create that directory, or remove the line", what, path);
}

const char *hostfs_directory(const Config *c, size_t i) {
        if (c->root_dir && i-- == 0)
                return c->root_dir;
        if (i < c->shares.n)
                return c->shares.v[i];
        i -= c->shares.n;
        return i < c->shares_read_only.n ? c->shares_read_only.v[i] : NULL;
}

static int look(const char *path) {
        _cleanup_close_ int fd = open_plain_directory(path);

        return MIN(fd, 0);
}

/* Is there a directory on the way to this one, which is the guest's itself, that keeps others out?
 */
static bool is_closed_to_others(const char *path) {
        _cleanup_free_ char *above = strdup(path);
        struct stat st;

        for (char *slash; above && (slash = strrchr(above, '/')) && slash > above;) {
                *slash = '\0';
                if (stat(above, &st) >= 0 && (st.st_mode & 0011) == 0)
                        return true;
        }
        return false;
}

void hostfs_look(const Config *c, HostfsSight *ret) {
        HostfsSight s = { .open = c->root_dir && !is_closed_to_others(c->root_dir) };

        for (const char *path; s.error == 0 && (path = hostfs_directory(c, s.which));) {
                s.error = look(path);
                s.which += s.error == 0;
        }
        *ret = s;
}

/* Like root on any system, that of the guest makes set-user-ID programs, which would be root's on
 * the host as well. */
static void warn_of_programs(Host *h) {
        const char *root = h->config->root_dir;

        if (h->quiet || h->programs_said || !hostfs_is_roots(h))
                return;
        h->programs_said = true;
        log_warning(
                "Root=hostfs:%s: the users of this host can run the set-user-ID programs that the "
                "guest has there, as root; put it into a directory of mode 0700",
                root);
}

int hostfs_judge(Host *h, const HostfsSight *s, Fault *f) {
        const char *path = hostfs_directory(h->config, s->which);

        if (s->error < 0)
                return fault_of(path == h->config->root_dir ? "Root=hostfs:" : "Share=", path ?: "",
                                s->error, f);
        if (s->open)
                warn_of_programs(h);
        return 0;
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
