/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb-import.c - import: a guest out of what export has written. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "conf/config.h"
#include "conf/parts.h"
#include "umlctl/export-files.h"
#include "umlctl/guests.h"
#include "umlctl/interrupt.h"
#include "umlctl/moved-config.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"
#include "umlctl/workspace.h"

enum {
        TEXT_MAX = 1024 * 1024,
};

typedef struct Import {
        const Options *options;
        const char *shown;
        Workspace workspace;
        Progress progress;
        ExportFiles files;
        char *name;   /* of the new guest */
        char *config; /* its text */
        Config *parsed;
        int input;
} Import;

static void import_done(Import *x) {
        progress_end(&x->progress);
        export_files_done(&x->files);
        workspace_done(&x->workspace);
        config_free(x->parsed);
        free(x->name);
        free(x->config);
        safe_close(x->input);
}

static int fail(const Import *x, int error, const char *what) {
        return fail_with(error == -EACCES || error == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED,
                         "%s: cannot %s: %s", x->shown, what, strerror(-error));
}

/* ---- the files ---- */

static bool is_disk(const char *name) {
        const char *rest = startswith(name, "disk");

        return rest && *rest >= '1' && *rest <= '9' && streq(rest + 1, ".img");
}

/* Those of an export, each once; in the workspace they have the same names. */
static int on_file(const char *name, void *userdata) {
        static const char *const known[] = { EXPORT_HEAD, "config", "modules", "root.img",
                                             "kernel" };
        Import *x = userdata;
        bool found = is_disk(name);
        int fd, r;

        FOREACH_ELEMENT (k, known)
                found |= streq(name, *k);
        fd = found ? workspace_file(&x->workspace, name) : -ENOENT;
        r = fd < 0 ? fd : export_files_add(&x->files, name, fd);
        return r < 0 ? r : export_files_get(&x->files, name);
}

static int take_apart(Import *x) {
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_free_ char *program = NULL, *why = NULL;
        struct stat st = {};
        int r = program_find(PROGRAM_IMAGE, &program);

        if (r >= 0)
                r = strv_push(&j.argv, program);
        if (r >= 0)
                r = strv_push(&j.argv, "import");
        if (r < 0 || fstat(x->input, &st) < 0)
                return fail(x, r < 0 ? r : -errno, "be imported");
        j.what = "umld-image";
        j.sandbox = true;
        j.speaks = true;
        j.file = on_file;
        j.userdata = x;
        j.total = S_ISREG(st.st_mode) ? (uint64_t) st.st_size : 0;
        j.fds[0] = x->input;
        progress_set(&x->progress, "importing");
        r = jobs_run(&j, 1, &x->progress, &why);
        if (r == -EINTR)
                return fail_with(EXIT_FAILED, "%s: interrupted, nothing was imported", x->shown);
        return r < 0 ? fail_with(EXIT_FAILED, "%s: %s", x->shown, why ?: strerror(-r)) : 0;
}

/* ---- its name and its configuration ---- */

static int read_member(const Import *x, const char *name, char **ret) {
        _cleanup_free_ char *path = strfmt("%s/%s", x->workspace.path, name);

        return path ? (int) MIN(read_file(path, TEXT_MAX, ret), (ssize_t) 0) : -ENOMEM;
}

/* The name that it had, if no other is given. */
static int find_name(Import *x) {
        _cleanup_free_ char *head = NULL;
        const char *given = x->options->new_name, *p;
        int r = read_member(x, EXPORT_HEAD, &head);

        if (r < 0 && r != -ENOENT)
                return fail_with(EXIT_FAILED, "%s: %s", x->shown, strerror(-r));
        if (r < 0 || !startswith(head, "format="))
                return fail_with(EXIT_FAILED, "%s: is not an export of a guest", x->shown);
        if (!startswith(head, "format=1\n"))
                return fail_with(EXIT_FAILED, "%s: was exported by a newer umlctl", x->shown);
        p = strstr(head, "\nname=");
        if (given)
                x->name = strdup(given);
        else if (p)
                x->name = strndup(p + 6, strcspn(p + 6, "\n"));
        if (!x->name || !guest_name_valid(x->name))
                return fail_with(EXIT_USAGE,
                                 "'%s': invalid guest name; use 1 to 15 characters of a-z, 0-9 and "
                                 "'-', beginning with a letter",
                                 x->name ?: "");
        return 0;
}

static int check_new(const Import *x) {
        _cleanup_free_ char *image = umld_path(DIR_STATE, x->name, "root.img");

        if (control_running(x->name) || guest_configured(x->name) ||
            (image && access(image, F_OK) >= 0))
                return fail_with(EXIT_FAILED,
                                 "%s: there is a guest of this name already; choose another one "
                                 "with --name, or remove it",
                                 x->name);
        return 0;
}

/* As umld will see it: all disks are files of the export, and no other file is written. */
static bool disks_are_own(const Config *c, const char *dir) {
        for (size_t i = 0; i < c->n_disks; i++) {
                const char *rest = startswith(c->disks[i].path, dir);

                if (!rest || rest[0] != '/' || strchr(rest + 1, '/') || c->disks[i].cow)
                        return false;
        }
        return true;
}

static int fail_disk(const Import *x) {
        return fail_with(EXIT_FAILED,
                         "%s: its configuration names a disk that is not in the export", x->shown);
}

/* An export may come from a stranger, whose configuration does not choose a user, a directory or a
 * program of this host. */
static int check_harmless(const Import *x) {
        const char *user = x->parsed->user, *dir = x->parsed->backing_dir;

        if (user && !streq(user, "auto"))
                return fail_with(EXIT_FAILED,
                                 "%s: config: [Confine] User=%s is not imported; export the guest "
                                 "without it, and set it after the import",
                                 x->shown, user);
        if (x->parsed->notify_command.n > 0)
                return fail_with(EXIT_FAILED,
                                 "%s: config: [Notify] Command= is not imported; export the guest "
                                 "without it, and set it after the import",
                                 x->shown);
        if (config_has_hostfs(x->parsed))
                return fail_with(EXIT_FAILED,
                                 "%s: config: [Guest] %s= of a directory of the host is not "
                                 "imported; export the guest without it, and set it after the "
                                 "import",
                                 x->shown, x->parsed->root_dir ? "Root" : "Share");
        if (x->parsed->backing == BACKING_DIR)
                return fail_with(EXIT_FAILED,
                                 "%s: config: [Memory] Backing=dir:%s is not imported; export the "
                                 "guest without it, and set it after the import",
                                 x->shown, dir ?: "");
        return 0;
}

static int find_config(Import *x) {
        _cleanup_free_ char *text = NULL, *dir = umld_path(DIR_STATE, x->name, NULL),
                            *disk = umld_path(DIR_STATE, x->name, "root.img"), *error = NULL,
                            *file = strfmt("%s.conf", x->name),
                            *dropins = guest_dropin_directory(x->name);
        int r = read_member(x, "config", &text);

        if (r >= 0 && (!dir || !disk || !file || !dropins))
                r = -ENOMEM;
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: %s", x->shown,
                                 r == -ENOENT ? "has no configuration" : strerror(-r));
        r = moved_unpack(text, dir, dropins, &x->config);
        if (r == -EPERM)
                return fail_disk(x);
        if (r == -EBADMSG)
                return fail_with(EXIT_FAILED, "%s: has drop-ins of invalid names", x->shown);
        if (r >= 0)
                r = config_parse(x->name, file, x->config, strlen(x->config), disk, &x->parsed,
                                 &error);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: %s", x->shown, error ?: strerror(-r));
        return disks_are_own(x->parsed, dir) ? check_harmless(x) : fail_disk(x);
}

/* ---- putting them in place ---- */

static int own_files(const Import *x) {
        for (size_t i = 0; i < x->files.n; i++)
                if (fchmod(x->files.v[i].fd, streq(x->files.v[i].name, "kernel") ? 0755 : 0600) < 0)
                        return -errno;
        return 0;
}

static int commit(Import *x) {
        const char *names[EXPORT_FILES_MAX + 1] = {};
        size_t n = 0;
        int r = own_files(x);

        for (size_t i = 0; i < x->files.n; i++)
                if (!streq(x->files.v[i].name, EXPORT_HEAD) && !streq(x->files.v[i].name, "config"))
                        names[n++] = x->files.v[i].name;
        if (r >= 0)
                r = workspace_rename(&x->workspace, x->name);
        if (r >= 0)
                r = workspace_config(&x->workspace, x->config);
        if (r < 0)
                return fail(x, r, "write its files");
        r = workspace_commit(&x->workspace, names, false);
        if (r == -EEXIST)
                return fail_with(EXIT_FAILED,
                                 "%s: it has been created by another process meanwhile", x->name);
        return r < 0 ? fail(x, r, "put its files in place") : 0;
}

static void say_done(const Import *x) {
        const char *kernel = config_kernel(x->parsed);

        if (!x->options->quiet)
                printf("%s: imported from %s\n", x->name, x->shown);
        if (access(kernel, X_OK) < 0 && !startswith(kernel, umld_dir(DIR_STATE)))
                note("%s: its kernel, %s, is not here; install it, or set Kernel=", x->name,
                     kernel);
        if (!strchr(x->config, CONFIG_PART_MARK))
                guest_note_dropins(x->name);
}

static int open_input(Import *x, const char *file) {
        bool in = streq(file, "-");

        x->shown = in ? "standard input" : file;
        if (in && isatty(STDIN_FILENO))
                return fail_with(EXIT_USAGE, "standard input is a terminal; redirect an export to "
                                             "it");
        x->input = in ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)
                      : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return x->input < 0 ? fail(x, -errno, "be read") : 0;
}

static int import(Import *x, const char *file) {
        int r = open_input(x, file);

        if (r != 0)
                return r;
        r = workspace_make(&x->workspace, x->options->new_name ?: "import");
        if (r < 0)
                return fail(x, r, "make a directory for it");
        r = take_apart(x);
        if (r == 0)
                r = find_name(x);
        if (r == 0)
                r = check_new(x);
        if (r == 0)
                r = find_config(x);
        if (r == 0 && interrupt_get())
                r = fail_with(EXIT_FAILED, "%s: interrupted, nothing was imported", x->shown);
        return r == 0 ? commit(x) : r;
}

int verb_import(const Options *o, const char *file) {
        _cleanup_(import_done)
                Import x = { .options = o, .workspace = WORKSPACE_INIT, .input = -EBADF };
        int r;

        if (o->new_name && !guest_name_valid(o->new_name))
                return fail_with(
                        EXIT_USAGE,
                        "--name=%s: invalid guest name; use 1 to 15 characters of a-z, 0-9 "
                        "and '-', beginning with a letter",
                        o->new_name);
        interrupt_block();
        progress_begin(&x.progress, o->new_name ?: "import", !o->quiet);
        workspace_sweep();
        r = import(&x, file);
        progress_end(&x.progress);
        if (r == 0)
                say_done(&x);
        return r;
}
