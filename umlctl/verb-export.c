/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-export.c - export: a guest as one stream, for keeping it or for another host. */

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/fd-util.h"
#include "conf/config.h"
#include "umlctl/copy-file.h"
#include "umlctl/export-files.h"
#include "umlctl/freeze.h"
#include "umlctl/interrupt.h"
#include "umlctl/moved-config.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"
#include "umlctl/workspace.h"
#include "umld-config.h"

typedef struct Export {
        const Options *options;
        const char *guest;
        Workspace workspace;
        Progress progress;
        Config *config;
        ExportFiles files;
        CowDisk cows[CONFIG_DISKS_MAX];
        size_t n_cows;
        Freeze freeze;
        usec_t frozen;
        int output;
} Export;

static void export_done(Export *x) {
        freeze_done(&x->freeze);
        progress_end(&x->progress);
        export_files_done(&x->files);
        for (size_t i = 0; i < x->n_cows; i++)
                cow_disk_done(&x->cows[i]);
        workspace_done(&x->workspace);
        config_free(x->config);
        safe_close(x->output);
}

static int fail(const Export *x, int error, const char *what) {
        return fail_with(error == -EACCES || error == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "%s: cannot %s: %s", x->guest, what, strerror(-error));
}

/* ---- which files ---- */

static int load(Export *x) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, x->guest, "root.img"),
                            *file = umld_config_path(x->guest), *error = NULL;
        int r = disk && file ? config_load(x->guest, file, disk, &x->config, &error) : -ENOMEM;

        return r < 0 ? fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_USAGE, "%s",
                                 error ?: strerror(-r))
                     : 0;
}

static char *disk_name(size_t i) {
        return i == 0 ? strdup("root.img") : strfmt("disk%zu.img", i);
}

/* umld makes it at the first start, and nothing in it outlives the guest. */
static bool is_made(const Disk *d) {
        return d->swap_size > 0;
}

/* Exported as one image, which needs no other file where it is imported. */
static int add_cow(Export *x, const Disk *d, const char *name) {
        CowDisk *c = &x->cows[x->n_cows++];
        int fd, r;

        *c = (CowDisk) COW_DISK_INIT;
        r = cow_disk_open(c, x->guest, d, x->options->live ? COW_READ : COW_COPY);
        if (r == 0)
                r = cow_disk_check_whole(c);
        if (r != 0)
                return r;
        fd = fcntl(c->base, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        r = fd < 0 ? -errno : export_files_add(&x->files, name, fd);
        if (r < 0)
                return fail(x, r, "read its images");
        if (c->cow >= 0)
                x->files.v[x->files.n - 1].cow = c;
        return 0;
}

static int add_disk(Export *x, size_t i) {
        const Disk *d = &x->config->disks[i];
        _cleanup_free_ char *name = disk_name(i);
        int r;

        if (is_made(d))
                return 0;
        if (name && d->cow)
                return add_cow(x, d, name);
        r = name ? export_files_open(&x->files, name, d->path, !d->read_only && !x->options->live)
                 : -ENOMEM;
        if (r == -EBUSY)
                return fail_with(EXIT_FAILED, "%s: its image %s is in use by another process",
                                 x->guest, d->path);
        if (r == -EUCLEAN)
                return fail_with(EXIT_FAILED,
                                 "%s: a change of its image %s was interrupted; start it first, "
                                 "which undoes it",
                                 x->guest, d->path);
        return r < 0 ? fail_with(r == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: %s: %s",
                                 x->guest, d->path, strerror(-r))
                     : 0;
}

static int add_kernel(Export *x) {
        const char *path = x->config->kernel;
        int r = x->options->with_kernel ? export_files_open(&x->files, "kernel", path, false) : 0;

        return r < 0 ? fail_with(EXIT_FAILED, "%s: %s: %s", x->guest, path, strerror(-r)) : 0;
}

/* The text of a small member, as a file of the workspace. */
static int add_text(Export *x, const char *name, const char *text) {
        _cleanup_close_ int fd = workspace_file(&x->workspace, name);
        int r = fd < 0 ? fd : write_all(fd, text, strlen(text));

        if (r >= 0)
                r = export_files_add(&x->files, name, TAKE_FD(fd));
        return r < 0 ? fail(x, r, "write what is exported") : 0;
}

static int add_config(Export *x) {
        _cleanup_strv_ Strv disks = {};
        _cleanup_free_ char *text = NULL;
        int r = 0;

        for (size_t i = 0; r >= 0 && i < x->config->n_disks; i++) {
                _cleanup_free_ char *name = disk_name(i);

                r = name ? strv_push(&disks, name) : -ENOMEM;
        }
        if (r >= 0)
                r = moved_pack(x->config->text, &disks, x->options->with_kernel ? "kernel" : NULL,
                               &text);
        return r < 0 ? fail(x, r, "export its configuration") : add_text(x, "config", text);
}

static int add_head(Export *x) {
        _cleanup_free_ char *text =
                strfmt("format=1\nname=%s\nversion=%s\n", x->guest, UMLD_VERSION);

        return text ? add_text(x, EXPORT_HEAD, text) : fail(x, -ENOMEM, "be exported");
}

static int add_modules(Export *x) {
        _cleanup_free_ char *path = umld_path(DIR_STATE, x->guest, "modules");
        int r = path ? export_files_open(&x->files, "modules", path, false) : -ENOMEM;

        return r < 0 && r != -ENOENT ? fail(x, r, "read its files") : 0;
}

static int collect(Export *x) {
        int r = add_head(x);

        if (r == 0)
                r = add_modules(x);
        for (size_t i = 0; r == 0 && i < x->config->n_disks; i++)
                r = add_disk(x, i);
        if (r == 0)
                r = add_kernel(x);
        return r == 0 ? add_config(x) : r;
}

/* ---- of a running guest ---- */

/* The copy takes the place of *fd. */
static int copy(Export *x, const char *name, int *fd) {
        _cleanup_free_ char *why = NULL;
        _cleanup_close_ int made = workspace_file(&x->workspace, name);
        int r = made < 0 ? made : copy_file(*fd, made, &x->progress, &why);

        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot copy its images: %s", x->guest,
                                 why ?: strerror(-r));
        safe_close(*fd);
        *fd = TAKE_FD(made);
        return 0;
}

/* Of a copy-on-write disk it is the small file that the guest writes to. */
static int copy_frozen(Export *x, ExportFile *file) {
        _cleanup_free_ char *name = strfmt("%s.cow", file->name);

        if (!file->image)
                return 0;
        if (!file->cow)
                return copy(x, file->name, &file->fd);
        return name ? copy(x, name, &file->cow->cow) : fail(x, -ENOMEM, "be exported");
}

static int copy_live(Export *x) {
        int r = freeze_begin(&x->freeze, x->guest);

        progress_set(&x->progress, "copying its images while it is frozen");
        for (size_t i = 0; r == 0 && i < x->files.n; i++)
                r = copy_frozen(x, &x->files.v[i]);
        return r == 0 ? freeze_end(&x->freeze, &x->frozen) : r;
}

/* Makes one image of a backing file and the changes to it. */
static int merge_all(Export *x) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < x->files.n; i++) {
                ExportFile *f = &x->files.v[i];

                if (!f->cow)
                        continue;
                r = copy(x, f->name, &f->fd);
                if (r == 0)
                        r = cow_disk_check_space(f->cow, f->fd);
                if (r == 0)
                        r = cow_disk_apply(f->cow, f->fd, &x->progress);
        }
        return r;
}

/* ---- the stream ---- */

static int on_file(const char *name, void *userdata) {
        const Export *x = userdata;

        return export_files_get(&x->files, name);
}

static int write_stream(Export *x) {
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_free_ char *program = NULL, *why = NULL;
        int r = program_find(PROGRAM_IMAGE, &program);

        if (r >= 0)
                r = strv_push(&j.argv, program);
        if (r >= 0)
                r = strv_push(&j.argv, "export");
        for (size_t i = 0; r >= 0 && i < x->files.n; i++)
                r = strv_push(&j.argv, x->files.v[i].name);
        if (r < 0)
                return fail(x, r, "be exported");
        j.what = "umld-image";
        j.sandbox = true;
        j.speaks = true;
        j.file = on_file;
        j.userdata = x;
        j.total = export_files_size(&x->files);
        j.fds[3] = x->output;
        progress_set(&x->progress, "exporting");
        r = jobs_run(&j, 1, &x->progress, &why);
        return r < 0 ? fail_with(EXIT_FAILED, "%s: cannot be exported: %s", x->guest,
                                 why ?: strerror(-r))
                     : 0;
}

static int check(const Export *x) {
        bool running = control_running(x->guest);

        if (isatty(STDOUT_FILENO))
                return fail_with(
                        EXIT_USAGE,
                        "%s: standard output is a terminal; redirect it to a file, or pipe "
                        "it to umlctl import",
                        x->guest);
        if (running && !x->options->live)
                return fail_with(EXIT_FAILED,
                                 "%s is running; stop it first, or export it with --live",
                                 x->guest);
        if (!running && x->options->live)
                return fail_with(EXIT_NOT_RUNNING, "%s is not running; export it without --live",
                                 x->guest);
        return 0;
}

static int export(Export *x) {
        int r = workspace_make(&x->workspace, x->guest);

        if (r < 0)
                return fail(x, r, "make a directory for it");
        x->output = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        if (x->output < 0)
                return fail(x, -errno, "write to standard output");
        r = load(x);
        if (r == 0)
                r = collect(x);
        if (r == 0 && x->options->live)
                r = copy_live(x);
        if (r == 0)
                r = merge_all(x);
        return r == 0 ? write_stream(x) : r;
}

int verb_export(const Options *o, const char *guest) {
        _cleanup_(export_done) Export x = { .options = o,
                                            .guest = guest,
                                            .workspace = WORKSPACE_INIT,
                                            .freeze = FREEZE_INIT,
                                            .output = -EBADF };
        int r = check(&x);

        if (r != 0)
                return r;
        interrupt_block();
        progress_begin(&x.progress, guest, !o->quiet);
        workspace_sweep();
        r = export(&x);
        progress_end(&x.progress);
        if (r == 0 && o->live)
                note("%s: was frozen for %u ms", guest, (unsigned) (x.frozen / USEC_PER_MSEC));
        return r;
}
