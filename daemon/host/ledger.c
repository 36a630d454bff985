/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - records changes, so that those of a killed umld can be undone. */

#include <stdio.h>

#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "daemon/host/ledger.h"

enum {
        LEDGER_SIZE_MAX = 128 * 1024,
};

static int add_owner(Ledger *l, const char *path, uid_t uid, gid_t gid) {
        LedgerOwner *o = &l->owners[l->n_owners];

        if (l->n_owners >= LEDGER_OWNERS_MAX)
                return -ENOSPC;
        *o = (LedgerOwner){ .path = strdup(path), .uid = uid, .gid = gid };
        if (!o->path)
                return -ENOMEM;
        l->n_owners++;
        return 0;
}

static int parse_line(Ledger *l, const char *line) {
        const char *rest;
        unsigned uid, gid;
        int n = 0;

        if ((rest = startswith(line, "tap ")))
                return free_and_strdup(&l->tap, rest);
        if ((rest = startswith(line, "cgroup ")))
                return strv_push(&l->cgroups, rest);
        if ((rest = startswith(line, "ipv6 ")))
                return free_and_strdup(&l->ipv6, rest);
        if ((rest = startswith(line, "ndp ")))
                return free_and_strdup(&l->ndp, rest);
        if ((rest = startswith(line, "mount ")))
                return free_and_strdup(&l->mount, rest);
        if (sscanf(line, "user %u", &uid) == 1) {
                l->user = uid;
                return 0;
        }
        if (sscanf(line, "owner %u %u %n", &uid, &gid, &n) == 2 && n > 0 && line[n])
                return add_owner(l, line + n, uid, gid);
        return 0;
}

static void forget_host(Ledger *l) {
        for (size_t i = 0; i < l->n_owners; i++)
                free(l->owners[i].path);
        l->n_owners = 0;
        strv_done(&l->cgroups);
        free(l->mount);
        l->mount = NULL;
        l->user = 0;
}

void ledger_done(Ledger *l) {
        forget_host(l);
        free(l->tap);
        free(l->ipv6);
        free(l->ndp);
        free(l->file);
        *l = (Ledger){};
}

int ledger_load(const char *file, Ledger *ret) {
        _cleanup_(ledger_done) Ledger l = { .file = strdup(file) };
        _cleanup_free_ char *text = NULL;
        char *state = NULL;
        ssize_t n;

        if (!l.file)
                return -ENOMEM;
        n = read_file(file, LEDGER_SIZE_MAX, &text);
        if (n < 0 && n != -ENOENT)
                return (int) n;
        for (char *line = n < 0 ? NULL : strtok_r(text, "\n", &state); line;
             line = strtok_r(NULL, "\n", &state)) {
                int r = parse_line(&l, line);

                if (r < 0)
                        return r;
        }
        *ret = l;
        l = (Ledger){};
        return 0;
}

static int save(Ledger *l) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        l->unsaved = true;
        if (!f)
                return -ENOMEM;
        if (l->user != 0)
                fprintf(f, "user %u\n", (unsigned) l->user);
        if (l->tap)
                fprintf(f, "tap %s\n", l->tap);
        for (size_t i = 0; i < l->cgroups.n; i++)
                fprintf(f, "cgroup %s\n", l->cgroups.v[i]);
        if (l->ipv6)
                fprintf(f, "ipv6 %s\n", l->ipv6);
        if (l->ndp)
                fprintf(f, "ndp %s\n", l->ndp);
        if (l->mount)
                fprintf(f, "mount %s\n", l->mount);
        for (size_t i = 0; i < l->n_owners; i++)
                fprintf(f, "owner %u %u %s\n", (unsigned) l->owners[i].uid,
                        (unsigned) l->owners[i].gid, l->owners[i].path);
        r = memstream_close(f, &text);
        if (r < 0)
                return r;
        r = write_file_atomic(l->file, text, size, 0600);
        if (r >= 0)
                l->unsaved = false;
        return r;
}

int ledger_note_tap(Ledger *l, const char *tap) {
        int r;

        if (l->tap && streq(l->tap, tap) && !l->unsaved)
                return 0;
        r = free_and_strdup(&l->tap, tap);
        return r < 0 ? r : save(l);
}

int ledger_note_cgroup(Ledger *l, const char *path) {
        int r;

        for (size_t i = 0; i < l->cgroups.n; i++)
                if (streq(l->cgroups.v[i], path))
                        return l->unsaved ? save(l) : 0;
        r = strv_push(&l->cgroups, path);
        return r < 0 ? r : save(l);
}

int ledger_note_ipv6(Ledger *l, const char *uplink) {
        int r;

        if (l->ipv6 && streq(l->ipv6, uplink) && !l->unsaved)
                return 0;
        r = free_and_strdup(&l->ipv6, uplink);
        return r < 0 ? r : save(l);
}

int ledger_note_ndp(Ledger *l, const char *entries) {
        int r;

        if (entries && l->ndp && streq(l->ndp, entries) && !l->unsaved)
                return 0;
        r = free_and_strdup(&l->ndp, entries);
        return r < 0 ? r : save(l);
}

int ledger_note_mount(Ledger *l, const char *path) {
        int r;

        if (l->mount && streq(l->mount, path) && !l->unsaved)
                return 0;
        r = free_and_strdup(&l->mount, path);
        return r < 0 ? r : save(l);
}

int ledger_note_user(Ledger *l, uid_t user) {
        if (l->user == user && !l->unsaved)
                return 0;
        l->user = user;
        return save(l);
}

int ledger_note_owner(Ledger *l, const char *path, uid_t uid, gid_t gid) {
        int r;

        for (size_t i = 0; i < l->n_owners; i++)
                if (streq(l->owners[i].path, path)) /* the first entry has the true owner */
                        return l->unsaved ? save(l) : 0;
        r = add_owner(l, path, uid, gid);
        return r < 0 ? r : save(l);
}

uid_t ledger_owner(const Ledger *l, const char *path, uid_t fallback) {
        for (size_t i = 0; i < l->n_owners; i++)
                if (streq(l->owners[i].path, path))
                        return l->owners[i].uid;
        return fallback;
}

void ledger_forget_owner(Ledger *l, const char *path) {
        for (size_t i = 0; i < l->n_owners; i++) {
                if (!streq(l->owners[i].path, path))
                        continue;
                free(l->owners[i].path);
                l->owners[i] = l->owners[--l->n_owners];
                l->unsaved = true;
                return;
        }
}

void ledger_forget_host(Ledger *l) {
        forget_host(l);
        l->unsaved = true;
}

void ledger_clear(Ledger *l) {
        char *file = TAKE_PTR(l->file);

        ledger_done(l);
        l->file = file;
        if (unlink(file) < 0 && errno != ENOENT)
                log_warning_errno(errno, "%s: cannot be removed, ignoring: %m", file);
}
