/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jail-tree.c - the root directory of the guest's kernel, which holds nothing but what the kernel
 * needs. It is built once for many boots, in the guest's mount namespace. */

#include "daemon/host/jail-tree.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/host.h"
#include "host/mount-ns.h"
#include "host/tun-node.h"
#include "uml/kernel-needs.h"

typedef struct Plan {
        MountTree tree;
        KernelNeeds needs;
        Strv texts; /* paths that the entries borrow */
        char *name; /* of the unnamed directory */
} Plan;

static void plan_done(Plan *p) {
        kernel_needs_done(&p->needs);
        strv_done(&p->texts);
        free(p->name);
}

/* A path with ".." would lead out of the tree while it is being made. */
static int add(Plan *p, const TreeEntry *e) {
        if (e->path[0] != '/' || strstr(e->path, "/../"))
                return -EINVAL;
        if (p->tree.n == TREE_ENTRIES_MAX)
                return -E2BIG;
        p->tree.entries[p->tree.n++] = *e;
        return 0;
}

/* At the same path as on the host. */
static int add_same(Plan *p, const TreeEntry *e) {
        TreeEntry same = *e;

        same.source = same.path;
        return same.path ? add(p, &same) : 0;
}

/* ---- the kernel ---- */

/* The kernel, and the objects that are preloaded into it. */
static size_t list_programs(const Host *h, const char *list[static 4]) {
        const char *const all[] = { config_kernel(h->config), h->kernel.cpu_fix,
                                    h->kernel.console_fix, h->kernel.tun_fix };
        size_t n = 0;

        FOREACH_ELEMENT (program, all)
                if (*program)
                        list[n++] = *program;
        return n;
}

static int add_objects(Plan *p) {
        const char *loader = strrchr(p->needs.loader, '/');
        int r = add_same(p, &(TreeEntry){ .path = p->needs.loader, .executable = true });

        for (size_t i = 0; r >= 0 && i < p->needs.names.n; i++) {
                if (loader && streq(loader + 1, p->needs.names.v[i]))
                        continue;
                r = strv_pushf(&p->texts, TREE_OBJECTS "/%s", p->needs.names.v[i]);
                if (r >= 0)
                        r = add(p, &(TreeEntry){ .path = p->texts.v[p->texts.n - 1],
                                                 .source = p->needs.paths.v[i],
                                                 .executable = true });
        }
        return r;
}

static int add_kernel(const Host *h, Plan *p) {
        _cleanup_free_ char *missing = NULL;
        const char *programs[4];
        size_t n = list_programs(h, programs);
        int r = kernel_needs_find(programs, n, &p->needs, &missing);

        if (r < 0)
                return log_debug_errno(r, "%s: what it needs cannot be found%s%s: %m", programs[0],
                                       missing ? ": " : "", missing ?: "");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = add_same(p, &(TreeEntry){ .path = programs[i], .executable = true });
        return r < 0 || !p->needs.loader ? r : add_objects(p);
}

/* ---- the rest ---- */

static int add_devices(const Host *h, Plan *p) {
        static const char *const nodes[] = { "/dev/null", "/dev/random", "/dev/urandom" };
        int r = 0;

        FOREACH_ELEMENT (node, nodes)
                if (r >= 0)
                        r = add_same(p, &(TreeEntry){ .path = *node, .writable = true });
        if (r < 0 || h->jail.tun_access == TUN_BROKER)
                return r;
        return add(p, &(TreeEntry){ .path = TUN_NODE, .source = tun_node(), .writable = true });
}

static int add_disks(const Host *h, Plan *p) {
        const Config *c = h->config;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < c->n_disks; i++) {
                const Disk *d = &c->disks[i];
                const TreeEntry disk = { .path = d->path, .writable = !d->read_only && !d->cow };
                const TreeEntry cow = { .path = d->cow, .writable = true };

                r = add_same(p, &disk);
                if (r >= 0)
                        r = add_same(p, &cow);
        }
        return r;
}

/* Executable, since hostfs asks the host whether its guest may execute a file. */
static int add_share(Plan *p, const char *path, bool writable) {
        int r = strv_pushf(&p->texts, TREE_SHARES "%s", path);

        return r < 0 ? r
                     : add(p, &(TreeEntry){ .kind = TREE_DIRECTORY,
                                            .path = p->texts.v[p->texts.n - 1],
                                            .source = path,
                                            .plain = true,
                                            .writable = writable,
                                            .executable = true });
}

static int add_shares(const Host *h, Plan *p) {
        const Config *c = h->config;
        int r = c->root_dir ? add_share(p, c->root_dir, true) : 0;

        for (size_t i = 0; r >= 0 && i < c->shares.n; i++)
                r = add_share(p, c->shares.v[i], true);
        for (size_t i = 0; r >= 0 && i < c->shares_read_only.n; i++)
                r = add_share(p, c->shares_read_only.v[i], false);
        return r;
}

/* Other programs use that directory as well, so the kernel sees only a new one in it. */
static int add_memory(const Host *h, Plan *p) {
        p->name = strfmt("umld-%s", h->config->name);
        if (!p->name)
                return -ENOMEM;
        return add(p, &(TreeEntry){ .kind = h->memory.backing == BACKING_PRIVATE ? TREE_DIRECTORY
                                                                                 : TREE_UNNAMED,
                                    .path = TREE_MEMORY,
                                    .source = h->memory.path,
                                    .name = p->name,
                                    .owner = h->jail.uid,
                                    .writable = true,
                                    .executable = true });
}

static int make_plan(const Host *h, Plan *p) {
        int r;

        if ((r = add_kernel(h, p)) < 0 || (r = add_devices(h, p)) < 0 ||
            (r = add_disks(h, p)) < 0 || (r = add_memory(h, p)) < 0 || (r = add_shares(h, p)) < 0 ||
            (r = add_same(p, &(TreeEntry){ .kind = TREE_DIRECTORY,
                                           .path = h->uml_dir,
                                           .writable = true })) < 0)
                return r;
        p->tree.base = h->directory;
        return add_same(p, &(TreeEntry){ .kind = TREE_DIRECTORY, .path = h->sockets });
}

/* ---- the step ---- */

static bool was_refused(const Host *h) {
        return h->is_up && h->layers.v[CONFINE_ROOT].state == LAYER_REFUSED;
}

/* The owner of the directory above a shared one must not be able to take the kernel's root
 * directory away by what he puts in its place. */
static bool is_fault_of_share(const Host *h, int error) {
        return config_has_hostfs(h->config) &&
               (error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ENOSPC ||
                error == -ETIMEDOUT);
}

int jail_tree_up(Host *h, Fault *f) {
        _cleanup_(plan_done) Plan p = {};
        int r;

        if (h->jail.has_tree || !layer_wanted(h, CONFINE_ROOT) || was_refused(h))
                return 0;
        r = ns_job_makes(&h->jail.making_mount, MOUNT_TREE) ? 0 : make_plan(h, &p);
        if (r >= 0)
                r = mount_ns_add(&h->jail.making_mount, &h->jail.mount_ns_fd,
                                 &(const MountWish){ .what = MOUNT_TREE, .tree = &p.tree });
        if (r == -EAGAIN)
                return jail_wait_for_namespace(&h->jail.making_mount, VERDICT_MEMORY, f);
        if (is_fault_of_share(h, r))
                return fault_set(f, VERDICT_DISK, true, r,
                                 "cannot show the directories of Share= or Root= to the kernel: "
                                 "%m; check that each of them is still there");
        h->jail.has_tree = r >= 0;
        if (r < 0)
                layer_set_refused(h, CONFINE_ROOT, r, "the kernel sees the host's files");
        else
                layer_set_on(h, CONFINE_ROOT, NULL);
        return 0;
}
