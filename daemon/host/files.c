/* SPDX-License-Identifier: GPL-2.0-or-later */
/* files.c - looks at all files that the configuration names, in a child. */

#include "daemon/host/files.h"
#include "daemon/host/host.h"
#include "daemon/host/hostfs.h"
#include "host/distant.h"

#define PATIENCE (10 * USEC_PER_SEC)

enum {
        LOOKED = '.', /* the child writes one for each path, in their order */
};

/* What it writes after that. */
typedef struct Sight {
        HostfsSight hostfs;
        bool distant; /* some are on a network file system or FUSE */
        bool memory;  /* the directory of Backing=dir: is one of them */
} Sight;

static const char *memory_directory(const Config *c) {
        return c->backing == BACKING_DIR ? c->backing_dir : NULL;
}

/* The path of that number; NULL = there are no more. */
static const char *path_of(const Config *c, size_t i) {
        if (i < 2 * c->n_disks) {
                const Disk *d = &c->disks[i / 2];

                return i % 2 == 1 && d->cow ? d->cow : d->path;
        }
        i -= 2 * c->n_disks;
        if (i == 0)
                return config_kernel(c);
        if (memory_directory(c) && i-- == 1)
                return memory_directory(c);
        return hostfs_directory(c, i - 1);
}

static size_t count_paths(const Config *c) {
        size_t n = 0;

        while (path_of(c, n))
                n++;
        return n;
}

static int run(int output, void *userdata) {
        static const char looked = LOOKED;
        const Config *c = userdata;
        Sight s = {};
        const char *path;

        for (size_t i = 0; (path = path_of(c, i)); i++) {
                bool distant = path_is_distant(path);

                s.distant |= distant;
                s.memory |= distant && path == memory_directory(c);
                if (write(output, &looked, 1) != 1)
                        return 1;
        }
        hostfs_look(c, &s.hostfs);
        return write(output, &s, sizeof(s)) == sizeof(s) ? 0 : 1;
}

/* What runs already is wanted, so its restart waits until the server is back. The
 * same child does: one that waits for a file server cannot always be killed. */
static int begin(Host *h) {
        return child_start(&h->look,
                           &(const ChildWish){ .run = run,
                                               .userdata = h->config,
                                               .patience = h->is_up ? USEC_INFINITY : PATIENCE,
                                               .keep = count_paths(h->config) + sizeof(Sight) });
}

/* Local files always respond, and only what hostfs shows is looked for at a restart. */
static bool is_needed(const Host *h) {
        return !h->is_up || h->distant || config_has_hostfs(h->config);
}

static const char *waited_for(const Host *h) {
        size_t n = h->look.n_said;

        return path_of(h->config, n) ?: path_of(h->config, n - 1) ?: "a directory of hostfs";
}

static int take(Host *h, size_t n, Fault *f) {
        Sight s;

        if (h->look.n_said != n + sizeof(s))
                return fault_set(f, VERDICT_DISK, true, -EIO,
                                 "%s: the check of this file was interrupted", waited_for(h));
        memcpy(&s, h->look.said + n, sizeof(s));
        h->distant = s.distant;
        if (s.memory)
                return fault_set(
                        f, VERDICT_USAGE, false, -EREMOTE,
                        "Backing=dir:%s: is on a network file system or FUSE; while that does "
                        "not respond the guest would have no memory; name a local directory, or "
                        "use auto",
                        memory_directory(h->config));
        return hostfs_judge(h, &s.hostfs, f);
}

int files_up(Host *h, Fault *f) {
        int r = 0;

        h->silent = false;
        if (!is_needed(h))
                return 0;
        if (!child_there(&h->look))
                r = begin(h);
        if (r >= 0 && (r = child_poll(&h->look)) == 0)
                return fault_wait(f, h->is_up ? VERDICT_DISK : VERDICT_USAGE, h->look.output,
                                  "the file system of %s", waited_for(h));
        if (r >= 0)
                r = take(h, count_paths(h->config), f);
        else if (r != -ETIMEDOUT)
                r = fault_set(f, VERDICT_DISK, true, r, "%s: cannot look at this file: %m",
                              waited_for(h));
        else
                r = fault_set(f, VERDICT_USAGE, true, r,
                              "%s: its file system does not respond; if that is the server of "
                              "a network file system, start it again, or unmount it",
                              waited_for(h));
        h->silent = r == -ETIMEDOUT;
        child_done(&h->look);
        return r;
}

int files_down(Host *h, Fault *f) {
        child_done(&h->look);
        return 0;
}
