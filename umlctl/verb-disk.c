/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-disk.c - disk: the changes that a guest has made to disks with a copy-on-write file. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/fd-util.h"
#include "umlctl/cow-snapshots.h"
#include "umlctl/disk-commit.h"
#include "umlctl/freeze.h"
#include "umlctl/guests.h"
#include "umlctl/interrupt.h"
#include "umlctl/json-output.h"
#include "umlctl/say.h"
#include "umlctl/status-value.h"
#include "umlctl/verbs.h"

typedef struct DiskWork {
        const Options *options;
        const char *guest, *snapshot; /* NULL: none was named */
        Config *config;
        CowDisk disks[CONFIG_DISKS_MAX];
        size_t n;
        Progress progress;
        Freeze freeze;
        char stamp[32];
} DiskWork;

typedef struct DiskAction {
        const char *name;
        CowUse use;
        bool ask; /* whether to do it: something is lost */
        int (*run)(DiskWork *w);
} DiskAction;

static void work_done(DiskWork *w) {
        freeze_done(&w->freeze);
        progress_end(&w->progress);
        for (size_t i = 0; i < w->n; i++)
                cow_disk_done(&w->disks[i]);
        config_free(w->config);
}

/* ---- the disks ---- */

static int load(DiskWork *w) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, w->guest, "root.img"),
                            *file = umld_config_path(w->guest), *error = NULL;
        int r = disk && file ? config_load(w->guest, file, disk, &w->config, &error) : -ENOMEM;

        return r < 0 ? fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_USAGE, "%s",
                                 error ?: strerror(-r))
                     : 0;
}

static int open_disks(DiskWork *w, CowUse use) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < w->config->n_disks; i++) {
                if (!w->config->disks[i].cow)
                        continue;
                w->disks[w->n] = (CowDisk) COW_DISK_INIT;
                r = cow_disk_open(&w->disks[w->n], w->guest, &w->config->disks[i], use);
                w->n++;
                if (r == 0 && use != COW_READ)
                        snapshots_sweep(w->config->disks[i].cow);
        }
        if (r == 0 && w->n == 0)
                return fail_with(
                        EXIT_FAILED,
                        "%s: has no disk with a copy-on-write file; set Disk=PATH,cow=FILE",
                        w->guest);
        return r;
}

/* ---- list ---- */

/* [{name, size}] */
static int find_snapshots(const CowDisk *c, json_t **ret) {
        _cleanup_strv_ Strv names = {};
        json_auto_t *list = json_array();
        int r = snapshots_find(c->disk->cow, &names);

        for (size_t i = 0; r >= 0 && i < names.n; i++) {
                _cleanup_free_ char *path = snapshot_path(c->disk->cow, names.v[i]);
                struct stat st;

                if (path && stat(path, &st) >= 0)
                        r = json_array_append_new(list, json_pack("{s:s, s:I}", "name", names.v[i],
                                                                  "size",
                                                                  (json_int_t) st.st_blocks * 512));
        }
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot list snapshots: %s", c->guest,
                                 strerror(r == -1 ? ENOMEM : -r));
        *ret = json_incref(list);
        return 0;
}

static int describe(CowDisk *c, json_t *list) {
        json_t *snapshots = NULL;
        uint64_t size = 0;
        int r = cow_disk_count(c, &size);

        if (r == 0)
                r = find_snapshots(c, &snapshots);
        if (r != 0)
                return r;
        return json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:o}", "path", c->disk->path,
                                                     "cow", c->disk->cow, "changes",
                                                     (json_int_t) size, "snapshots", snapshots)) < 0
                       ? fail_with(EXIT_FAILED, "out of memory")
                       : 0;
}

static const char *text_of(const json_t *o, const char *key) {
        return json_string_value(json_object_get(o, key));
}

static uint64_t size_of(const json_t *o, const char *key) {
        return (uint64_t) json_integer_value(json_object_get(o, key));
}

static void print_disk(const json_t *disk) {
        const json_t *one;
        size_t i;

        printf("%s: %s of changes to %s\n", text_of(disk, "cow"),
               FORMAT_SIZE(size_of(disk, "changes")), text_of(disk, "path"));
        json_array_foreach(json_object_get(disk, "snapshots"), i, one) {
                printf("  snapshot %s, %s\n", text_of(one, "name"),
                       FORMAT_SIZE(size_of(one, "size")));
        }
}

static int list(DiskWork *w) {
        json_auto_t *disks = json_array();
        int r = 0;

        for (size_t i = 0; r == 0 && i < w->n; i++)
                r = describe(&w->disks[i], disks);
        if (r != 0)
                return r;
        if (w->options->json)
                return json_print(disks) < 0 ? fail_with(EXIT_FAILED, "out of memory") : 0;
        for (size_t i = 0; i < json_array_size(disks); i++)
                print_disk(json_array_get(disks, i));
        return 0;
}

/* ---- reset ---- */

/* Looked at before any disk is changed. */
static int open_snapshot(const DiskWork *w, const CowDisk *c, int *ret) {
        _cleanup_free_ char *path = snapshot_path(c->disk->cow, w->snapshot);

        *ret = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
        if (*ret < 0)
                return fail_with(EXIT_FAILED,
                                 "%s: has no snapshot %s of %s; umlctl disk %s list shows those "
                                 "there are",
                                 w->guest, w->snapshot, c->disk->cow, w->guest);
        if (!cow_disk_fits(c, *ret))
                return fail_with(EXIT_FAILED,
                                 "%s: %s has been modified since the snapshot %s was made, so the "
                                 "snapshot is of no use any more; remove it: %s",
                                 w->guest, c->disk->path, w->snapshot, path);
        return 0;
}

static int restore_snapshot(DiskWork *w, int from, const CowDisk *c) {
        int r = snapshot_copy(w->guest, from, c->disk->cow, c->cow, &w->progress);

        return r == 0 ? disk_forget_commit(c) : r;
}

static int reset_to_snapshot(DiskWork *w) {
        int from[CONFIG_DISKS_MAX], r = 0;
        size_t n = 0;

        for (; r == 0 && n < w->n; n++)
                r = open_snapshot(w, &w->disks[n], &from[n]);
        for (size_t i = 0; r == 0 && i < n; i++)
                r = restore_snapshot(w, from[i], &w->disks[i]);
        while (n > 0)
                safe_close(from[--n]);
        return r;
}

static int reset(DiskWork *w) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < w->n; i++)
                r = disk_check_reset(&w->disks[i], w->snapshot != NULL);
        if (r != 0 || w->snapshot)
                return r ?: reset_to_snapshot(w);
        for (size_t i = 0; r == 0 && i < w->n; i++)
                r = disk_reset(&w->disks[i]);
        return r;
}

/* ---- commit ---- */

static bool uses(const Config *c, const CowDisk *d) {
        struct stat a, b;

        for (size_t i = 0; i < c->n_disks; i++)
                if (fstat(d->base, &a) >= 0 && stat(c->disks[i].path, &b) >= 0 &&
                    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
                        return true;
        return false;
}

static int check_other(const DiskWork *w, const char *other) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, other, "root.img"),
                            *file = umld_config_path(other), *error = NULL;
        _cleanup_(config_freep) Config *c = NULL;

        if (!disk || !file || config_load(other, file, disk, &c, &error) < 0)
                return 0; /* it cannot be started either */
        for (size_t i = 0; i < w->n; i++)
                if (uses(c, &w->disks[i]))
                        return fail_with(
                                EXIT_FAILED,
                                "%s: %s is also a disk of %s, which would lose its changes to "
                                "it; remove that guest, or give this one a copy of the "
                                "image",
                                w->guest, w->disks[i].disk->path, other);
        return 0;
}

static int check_others(const DiskWork *w) {
        _cleanup_strv_ Strv names = {};
        int r = guests_configured(&names);

        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot list the other guests: %s", w->guest,
                                 strerror(-r));
        for (size_t i = 0; r == 0 && i < names.n; i++)
                if (!streq(names.v[i], w->guest))
                        r = check_other(w, names.v[i]);
        return r;
}

static int check_snapshots(const CowDisk *c) {
        _cleanup_strv_ Strv names = {};
        _cleanup_free_ char *path = NULL;

        if (snapshots_find(c->disk->cow, &names) < 0 || names.n == 0)
                return 0;
        path = snapshot_path(c->disk->cow, names.v[0]);
        return fail_with(EXIT_FAILED,
                         "%s: its snapshot %s would be of no use after a commit; remove it first: "
                         "%s",
                         c->guest, names.v[0], path ?: "");
}

static int commit(DiskWork *w) {
        int r = check_others(w);

        for (size_t i = 0; r == 0 && i < w->n; i++)
                r = check_snapshots(&w->disks[i]);
        for (size_t i = 0; r == 0 && i < w->n; i++)
                r = disk_commit(&w->disks[i], &w->progress);
        return r;
}

/* ---- snapshot ---- */

static int check_name(const DiskWork *w, const CowDisk *c) {
        _cleanup_free_ char *path = snapshot_path(c->disk->cow, w->snapshot);

        if (c->cow < 0)
                return fail_with(
                        EXIT_FAILED,
                        "%s: nothing has been written to %s yet, so there is nothing to keep",
                        w->guest, c->disk->path);
        return path && access(path, F_OK) >= 0
                       ? fail_with(EXIT_FAILED,
                                   "%s: has a snapshot %s already; choose another name", w->guest,
                                   w->snapshot)
                       : 0;
}

static int copy(DiskWork *w, const CowDisk *c) {
        _cleanup_free_ char *path = snapshot_path(c->disk->cow, w->snapshot);

        return path ? snapshot_copy(w->guest, c->cow, path, -EBADF, &w->progress)
                    : fail_with(EXIT_FAILED, "%s: out of memory", w->guest);
}

static void forget(const DiskWork *w, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *path = snapshot_path(w->disks[i].disk->cow, w->snapshot);

                if (path)
                        (void) unlink(path);
        }
}

static int copy_all(DiskWork *w) {
        usec_t took = 0;
        size_t n = 0;
        int r = w->options->live ? freeze_begin(&w->freeze, w->guest) : 0;

        if (r != 0)
                return r;
        while (r == 0 && n < w->n && (r = copy(w, &w->disks[n])) == 0)
                n++;
        if (w->options->live) {
                int end = freeze_end(&w->freeze, &took);

                r = r ?: end;
        }
        if (r != 0)
                forget(w, n);
        else if (w->options->live)
                note("%s: was frozen for %u ms", w->guest, (unsigned) (took / USEC_PER_MSEC));
        return r;
}

static int snapshot(DiskWork *w) {
        time_t now = time(NULL);
        struct tm tm;
        int r = 0;

        if (!w->snapshot && localtime_r(&now, &tm) &&
            strftime(w->stamp, sizeof(w->stamp), "%Y%m%d-%H%M%S", &tm) > 0)
                w->snapshot = w->stamp;
        for (size_t i = 0; r == 0 && i < w->n; i++)
                r = check_name(w, &w->disks[i]);
        return r == 0 ? copy_all(w) : r;
}

/* ---- the verb ---- */

static const DiskAction actions[] = {
        { "list", COW_READ, false, list },
        { "reset", COW_REPLACE, true, reset },
        { "commit", COW_COMMIT, false, commit },
        { "snapshot", COW_COPY, false, snapshot },
};

static const DiskAction *find_action(const char *name) {
        FOREACH_ELEMENT (a, actions)
                if (streq(a->name, name))
                        return a;
        return NULL;
}

static int check(const Options *o, const char *guest, const DiskAction *a) {
        bool running = control_running(guest);
        _cleanup_free_ char *undo = umld_path(DIR_RUNTIME, guest, "undo");

        if (o->live && a->run != snapshot)
                return fail_with(EXIT_USAGE, "--live is for snapshots only");
        if (o->json && a->run != list)
                return fail_with(EXIT_USAGE, "--json is for the list only");
        if (o->live && !running)
                return fail_with(EXIT_NOT_RUNNING,
                                 "%s is not running; make the snapshot without --live", guest);
        if (a->use == COW_READ || o->live)
                return 0;
        if (running)
                return fail_with(EXIT_FAILED, "%s is running; stop it first (umlctl stop %s)%s",
                                 guest, guest, a->run == snapshot ? ", or use --live" : "");
        if (undo && access(undo, F_OK) >= 0)
                return fail_with(EXIT_FAILED,
                                 "%s: its umld was killed and has left changes on the host; start "
                                 "and stop the guest first",
                                 guest);
        return 0;
}

static int ask(const DiskWork *w, const DiskAction *a) {
        char answer[16];

        if (!a->ask || w->options->force)
                return 0;
        if (!isatty(STDIN_FILENO))
                return fail_with(EXIT_USAGE,
                                 "%s: standard input is not a terminal, so this cannot be "
                                 "confirmed; use --force",
                                 w->guest);
        fprintf(stderr, "Throw away all that %s has changed on disks with cow=%s%s? [y/N] ",
                w->guest, w->snapshot ? " since the snapshot " : "", w->snapshot ?: "");
        if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
                return 0;
        return fail_with(EXIT_FAILED, "%s: nothing was changed", w->guest);
}

static int run(DiskWork *w, const DiskAction *a) {
        int r = ask(w, a);

        if (r != 0)
                return r;
        interrupt_block();
        progress_begin(&w->progress, w->guest, !w->options->quiet);
        r = load(w);
        if (r == 0)
                r = open_disks(w, w->options->live ? COW_READ : a->use);
        if (r == 0)
                r = a->run(w);
        progress_end(&w->progress);
        return r;
}

static void say_done(const DiskWork *w, const DiskAction *a) {
        if (w->options->quiet || a->use == COW_READ)
                return;
        if (a->run == snapshot)
                printf("%s: made the snapshot %s\n", w->guest, w->snapshot);
        else if (a->run == commit)
                printf("%s: its changes are in the backing file now\n", w->guest);
        else
                printf("%s: is back to %s%s\n", w->guest,
                       w->snapshot ? "the snapshot " : "its backing file", w->snapshot ?: "");
}

int verb_disk(const Options *o, const char *guest) {
        _cleanup_(work_done) DiskWork w = { .options = o, .guest = guest, .freeze = FREEZE_INIT };
        const DiskAction *a = find_action(o->words[0]);
        int r;

        if (!a)
                return fail_with(EXIT_USAGE, "'%s': use list, reset, commit or snapshot",
                                 o->words[0]);
        w.snapshot = o->words[1];
        if (w.snapshot && a->run != reset && a->run != snapshot)
                return fail_with(EXIT_USAGE, "'%s': %s takes no snapshot", w.snapshot, a->name);
        if (w.snapshot && !snapshot_name_valid(w.snapshot))
                return fail_with(EXIT_USAGE,
                                 "'%s': invalid name of a snapshot; use 1 to 40 letters, digits, "
                                 "'-' and '_'",
                                 w.snapshot);
        r = check(o, guest, a);
        if (r == 0)
                r = run(&w, a);
        if (r == 0)
                say_done(&w, a);
        return r;
}
