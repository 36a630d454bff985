/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipes.c - collects the recipes, and what create was told about the new guest. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "umlctl/host-key.h"
#include "umlctl/password.h"
#include "umlctl/programs.h"
#include "umlctl/recipes.h"
#include "umlctl/say.h"

enum {
        FILE_MAX = 1024 * 1024, /* of keys, or of a script */
};

static int fail(const RecipesIn *in, int error, const char *what) {
        return fail_with(EXIT_FAILED, "%s: %s: %s", in->guest, what, strerror(-error));
}

/* ---- files that were given ---- */

/* One for each option: it is looked at here, since the guest would say nothing. */
static int check_key(const char *path, const char *text) {
        if (strstr(text, "PRIVATE KEY"))
                return fail_with(EXIT_USAGE,
                                 "--ssh-key=%s: is a private key; give the public one (%s.pub)",
                                 path, path);
        for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n') {
                const char *key = strstr(s, " AAAA");

                s += strspn(s, " \t");
                if (*s != '#' && key && key < s + strcspn(s, "\n"))
                        return 0;
        }
        return fail_with(EXIT_USAGE, "--ssh-key=%s: contains no OpenSSH public key", path);
}

static int check_script(const char *path, const char *text) {
        return startswith(text, "#!")
                       ? 0
                       : fail_with(EXIT_USAGE,
                                   "--firstboot=%s: is not a script; its first line must say what "
                                   "runs it, for example #!/bin/sh",
                                   path);
}

static int push_file(Strv *argv, const char *path, const char *name) {
        return strv_pushf(argv, "%s:/given/%s", path, name);
}

static int add_given(Strv *argv, const char *option, const char *path, const char *name,
                     int (*check)(const char *path, const char *text)) {
        _cleanup_free_ char *text = NULL;
        ssize_t n;
        int r;

        if (!path)
                return 0;
        n = read_file(path, FILE_MAX, &text);
        if (n < 0)
                return fail_with(n == -EACCES ? EXIT_NOT_PERMITTED : EXIT_USAGE, "--%s=%s: %s",
                                 option, path, strerror((int) -n));
        r = check(path, text);
        if (r != 0)
                return r;
        return push_file(argv, path, name) < 0 ? fail_with(EXIT_FAILED, "out of memory") : 0;
}

/* Only as a hash, and not on a command line, which everybody can read. */
static int add_password(const RecipesIn *in, Strv *argv) {
        _cleanup_free_ char *hash = NULL;
        _cleanup_close_ int fd = -EBADF;
        int r = in->options->password ? password_read(&hash) : 0;

        if (r != 0 || !hash)
                return r;
        r = fd = workspace_file(in->workspace, "password");
        if (r >= 0 && dprintf(fd, "%s\n", hash) < 0)
                r = -errno;
        if (r >= 0)
                r = strv_pushf(argv, "%s/password:/given/password", in->workspace->path);
        return r < 0 ? fail(in, r, "cannot hand over the password") : 0;
}

/* ---- what is known without being told ---- */

/* The host's, as a file: not every tree has those of all zones. */
static int add_local_time(Strv *argv) {
        _cleanup_free_ char *path = realpath("/etc/localtime", NULL);

        return path ? push_file(argv, path, "localtime") : 0;
}

/* Where a tree can have recipes: ours, and behind them the administrator's, which replace them. */
static int add_directories(Strv *argv) {
        _cleanup_free_ char *ours = NULL, *own = umld_path(DIR_CONFIG, "recipes", NULL);
        int r = program_find(PROGRAM_RECIPES, &ours);

        if (r >= 0 && access(ours, R_OK) >= 0)
                r = strv_pushf(argv, "%s:%s", ours, ours);
        if (r >= 0 && own && access(own, R_OK) >= 0)
                r = strv_pushf(argv, "%s:%s", own, own);
        return r;
}

static int add_host_key(const RecipesIn *in, Strv *argv) {
        int r = 0;

        if (in->host_key)
                r = strv_pushf(argv, "%s/" HOST_KEY_FILE ":/given/ssh-host-key",
                               in->workspace->path);
        if (in->host_key && r >= 0)
                r = strv_pushf(argv, "%s/" HOST_KEY_PUBLIC ":/given/ssh-host-pub",
                               in->workspace->path);
        return r;
}

static int add_known(const RecipesIn *in, Strv *argv) {
        int r = add_directories(argv);

        if (r >= 0)
                r = add_local_time(argv);
        if (r >= 0)
                r = add_host_key(in, argv);
        return r < 0 ? fail(in, r, "cannot collect the recipes") : 0;
}

static int collect(const RecipesIn *in, const char *program, Strv *argv) {
        const char *const words[] = {
                program, "pack", "--files", "--root-owns", "--busybox", "--"
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(argv, words[i]);
        if (r < 0)
                return fail(in, r, "cannot collect the recipes");
        r = add_known(in, argv);
        if (r == 0)
                r = add_given(argv, "ssh-key", in->options->ssh_key, "ssh-key", check_key);
        if (r == 0)
                r = add_given(argv, "firstboot", in->options->firstboot, "firstboot", check_script);
        return r == 0 ? add_password(in, argv) : r;
}

int recipes_pack(RecipesIn *in, const char *program) {
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_free_ char *why = NULL;
        int r = collect(in, program, &j.argv);

        if (r != 0)
                return r;
        r = in->archive = workspace_file(in->workspace, "recipes.tar");
        if (r < 0)
                return fail(in, r, "cannot collect the recipes");
        j.what = "umld-image";
        j.fds[STDOUT_FILENO] = in->archive;
        r = jobs_run(&j, 1, in->progress, &why);
        if (r >= 0)
                r = lseek(in->archive, 0, SEEK_SET) < 0 ? -errno : 0;
        return r < 0 ? fail_with(EXIT_FAILED, "%s: %s%s", in->guest, why ?: strerror(-r),
                                 r == -EINTR ? ", nothing was created" : "")
                     : 0;
}

/* "Europe/Berlin", from where the host's file is; the caller frees it. */
static char *time_zone(void) {
        _cleanup_free_ char *path = realpath("/etc/localtime", NULL);
        const char *zone = path ? strstr(path, "/zoneinfo/") : NULL;

        return zone ? strdup(zone + strlen("/zoneinfo/")) : NULL;
}

int recipes_argv(const RecipesIn *in, Strv *argv) {
        _cleanup_free_ char *zone = time_zone();
        const CreateOptions *o = in->options;
        int r = strv_push(argv, "--recipes");

        if (r >= 0 && o->recipe)
                r = strv_pushf(argv, "--recipe=%s", o->recipe);
        if (r >= 0)
                r = strv_pushf(argv, "--given=label=%s", in->guest);
        if (r >= 0)
                r = strv_pushf(argv, "--given=hostname=%s", o->hostname ?: in->guest);
        if (r >= 0 && zone)
                r = strv_pushf(argv, "--given=timezone=%s", zone);
        if (r >= 0 && o->swap > 0)
                r = strv_push(argv, "--given=swap=ubdb");
        return r;
}
