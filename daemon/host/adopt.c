/* SPDX-License-Identifier: GPL-2.0-or-later */
/* adopt.c - leaves what a running guest has of the host to the next umld. */

#include "daemon/host/adopt.h"

#include <stdio.h>

#include "host/distant.h"

/* ---- layers of confinement ---- */

/* By name: the numbers may be others in another version. */
static void save_layers(const Layers *layers, const SavedText *t) {
        char key[40];

        for (int i = 0; i < CONFINE_MAX; i++) {
                const LayerReport *l = &layers->v[i];

                snprintf(key, sizeof(key), "layer.%s", confine_table[i].name);
                saved_putf(t, key, "%d %d %s", (int) l->state, l->error, l->detail);
        }
}

static void load_layers(Layers *layers, const Saved *s) {
        char key[40];

        for (int i = 0; i < CONFINE_MAX; i++) {
                LayerReport l = {};
                const char *text;
                int state, n = 0;

                snprintf(key, sizeof(key), "layer.%s", confine_table[i].name);
                text = saved_get(s, key);
                if (!text || sscanf(text, "%d %d%n", &state, &l.error, &n) != 2 ||
                    state < LAYER_UNKNOWN || state > LAYER_REFUSED)
                        continue;
                l.state = (LayerState) state;
                text += n;
                snprintf(l.detail, sizeof(l.detail), "%s", *text == ' ' ? text + 1 : text);
                layers->v[i] = l;
        }
}

/* ---- memory ---- */

static void save_memory(const HostMemory *m, const SavedText *t) {
        if (m->backing != BACKING_AUTO)
                saved_put(t, "memory.backing", memory_backing_to_string(m->backing));
        saved_put(t, "memory.path", m->path);
        saved_put_number(t, "memory.need", m->need);
        saved_put_number(t, "memory.device", m->device);
        saved_put_number(t, "memory.in-namespace", m->in_namespace);
        saved_put_number(t, "memory.grow-refused", m->grow_refused);
        saved_put(t, "memory.refused", m->refused);
}

static void load_memory(HostMemory *m, const Saved *s) {
        const char *backing = saved_get(s, "memory.backing");
        MemoryBacking known = backing ? memory_backing_from_string(backing) : BACKING_AUTO;

        memory_done(m);
        saved_text(s, "memory.path", &m->path);
        saved_text(s, "memory.refused", &m->refused);
        m->backing = m->path && known > BACKING_AUTO ? known : BACKING_AUTO;
        m->need = saved_number(s, "memory.need", 0);
        m->device = saved_number(s, "memory.device", 0);
        m->in_namespace = saved_flag(s, "memory.in-namespace");
        m->grow_refused = saved_flag(s, "memory.grow-refused");
}

/* ---- the jail ---- */

static const struct {
        const char *group, *key;
} limits[CGROUP_RESOURCES] = {
        [CGROUP_MEMORY] = { "cgroup-memory", "jail.limited-memory" },
        [CGROUP_CPU] = { "cgroup-cpu", "jail.limited-cpu" },
};

static void save_jail(const Jail *j, const SavedText *t, Keeper *k) {
        saved_put_number(t, "jail.uid", j->uid);
        saved_put_number(t, "jail.reachable", j->reachable);
        saved_put_number(t, "jail.tun-access", (uint64_t) j->tun_access);
        saved_put_number(t, "jail.has-tree", j->has_tree);
        keeper_put(k, "mount-ns", j->mount_ns_fd);
        keeper_put(k, "net-ns", j->net_ns_fd);
        keeper_put(k, "cgroup", j->cgroup_fd);
        for (int i = 0; i < CGROUP_RESOURCES; i++) {
                keeper_put(k, limits[i].group, j->limit_fds[i]);
                saved_put_number(t, limits[i].key, j->limited[i]);
        }
}

static void load_jail(Jail *j, Adoption *a) {
        uint64_t tun = saved_number(a->saved, "jail.tun-access", TUN_UNKNOWN);

        j->uid = (uid_t) saved_number(a->saved, "jail.uid", 0);
        j->reachable = saved_flag(a->saved, "jail.reachable");
        j->tun_access = tun <= TUN_BROKER ? (TunAccess) tun : TUN_UNKNOWN;
        j->mount_ns_fd = adoption_take(a, "mount-ns");
        j->net_ns_fd = adoption_take(a, "net-ns");
        j->cgroup_fd = adoption_take(a, "cgroup");
        for (int i = 0; i < CGROUP_RESOURCES; i++) {
                j->limit_fds[i] = adoption_take(a, limits[i].group);
                j->limited[i] = saved_flag(a->saved, limits[i].key);
        }
        j->has_tree = j->mount_ns_fd >= 0 && saved_flag(a->saved, "jail.has-tree");
}

/* ---- all of it ---- */

void host_save(const Host *h, const SavedText *t, Keeper *k) {
        _cleanup_free_ char *kernel = kernel_identity(&h->kernel);
        char name[STORE_NAME_MAX];

        saved_put(t, "kernel.file", kernel);
        save_layers(&h->layers, t);
        save_memory(&h->memory, t);
        save_jail(&h->jail, t, k);
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++) {
                snprintf(name, sizeof(name), "disk%zu", i);
                keeper_put(k, name, h->disk_fds[i]);
        }
}

int host_adopt(Host *h, Adoption *a) {
        if (!saved_get(a->saved, "jail.uid"))
                return -ENODATA;
        kernel_adopt(&h->kernel, saved_get(a->saved, "kernel.file") ?: "");
        load_layers(&h->layers, a->saved);
        load_memory(&h->memory, a->saved);
        load_jail(&h->jail, a);
        for (size_t i = 0; i < ARRAY_SIZE(h->disk_fds); i++) {
                h->disk_fds[i] = adoption_takef(a, "disk%zu", i);
                h->disk_distant[i] = h->disk_fds[i] >= 0 && file_is_distant(h->disk_fds[i]);
        }
        jail_cgroup_adopt(h);
        return 0;
}
