/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - the kinds of sources for a new guest. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/sha256.h"
#include "umlctl/interrupt.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

void source_done(Source *s) {
        job_done(&s->producer);
        safe_close(s->input);
        safe_close(s->layout);
        free(s->shown);
        free(s->tag);
}

int source_failed(const Source *s, int r, const char *why) {
        if (r == -EINTR)
                return fail_with(EXIT_FAILED, "%s: interrupted, nothing was created", s->guest);
        return fail_with(EXIT_FAILED, "%s: cannot be created from %s: %s", s->guest, s->shown,
                         why ?: strerror(-r));
}

int source_fail_errno(const Source *s, int error) {
        return fail_with(error == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: %s", s->shown,
                         strerror(-error));
}

int source_fail_sum(const Source *s) {
        return fail_with(EXIT_USAGE, "--sha256: %s is not a file, so it has no checksum", s->shown);
}

/* ---- the kinds ---- */

static int open_stdin(Source *s) {
        if (s->options->sha256)
                return source_fail_sum(s);
        if (isatty(STDIN_FILENO))
                return fail_with(
                        EXIT_USAGE,
                        "--from=-: standard input is a terminal; redirect an archive into it");
        s->input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return s->input < 0 ? source_fail_errno(s, -errno) : 0;
}

static int open_directory(Source *s) {
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_IMAGE, &program);

        s->keep_top = true;
        s->producer.what = "umld-image";
        if (r >= 0)
                r = strv_push(&s->producer.argv, program);
        if (r >= 0)
                r = strv_push(&s->producer.argv, "pack");
        if (r >= 0)
                r = strv_push(&s->producer.argv, "--");
        if (r >= 0)
                r = strv_push(&s->producer.argv, s->given);
        return r < 0 ? source_fail_errno(s, r) : 0;
}

static int check_sum(const Source *s, int fd) {
        char wanted[SHA256_TEXT + 1], sum[SHA256_TEXT + 1];
        int r;

        if (!s->options->sha256)
                return 0;
        if (!sha256_parse(s->options->sha256, wanted))
                return fail_with(EXIT_USAGE, "--sha256=%s: must be 64 hexadecimal digits",
                                 s->options->sha256);
        r = sha256_fd(fd, sum);
        if (r < 0)
                return source_fail_errno(s, r);
        if (!streq(sum, wanted))
                return fail_with(EXIT_FAILED,
                                 "%s: its SHA-256 checksum is %s, which is not the given one",
                                 s->shown, sum);
        return lseek(fd, 0, SEEK_SET) < 0 ? source_fail_errno(s, -errno) : 0;
}

static int open_path(Source *s) {
        _cleanup_close_ int fd = open(s->given, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return source_fail_errno(s, -errno);
        if (S_ISDIR(st.st_mode))
                return s->options->sha256 ? source_fail_sum(s) : open_directory(s);
        if (S_ISREG(st.st_mode)) {
                int r = check_sum(s, fd);

                if (r != 0)
                        return r;
                s->size = (uint64_t) st.st_size;
        } else if (s->options->sha256)
                return source_fail_sum(s);
        s->input = TAKE_FD(fd);
        return 0;
}

static void on_total(const char *key, const char *value, void *userdata) {
        Job *j = userdata;

        if (streq(key, "total"))
                (void) parse_unsigned(value, 0, UINT64_MAX, &j->total);
}

/* The file gets its name only when it is complete and its checksum has been verified. */
static int download(Source *s, int fd) {
        _cleanup_free_ char *program = NULL, *why = NULL,
                            *text = strfmt("downloading %s", s->shown);
        _cleanup_(job_done) Job j = JOB_INIT;
        int r = program_find(PROGRAM_FETCH, &program);

        j.what = "umld-fetch";
        j.speaks = true;
        j.result = on_total;
        j.userdata = &j;
        j.fds[3] = fd;
        if (r >= 0)
                r = strv_push(&j.argv, program);
        if (r >= 0)
                r = strv_push(&j.argv, s->given);
        if (r < 0)
                return source_fail_errno(s, r);
        progress_set(s->progress, text);
        r = jobs_run(&j, 1, s->progress, &why);
        return r < 0 ? source_failed(s, r, why) : 0;
}

static int open_url(Source *s) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;
        int r;

        if (startswith(s->given, "http:") && !s->options->sha256)
                return fail_with(EXIT_USAGE,
                                 "%s: a download by http can be tampered with; use https, or give "
                                 "the checksum with --sha256",
                                 s->shown);
        r = fd = workspace_file(s->workspace, "source.part");
        if (r < 0)
                return source_fail_errno(s, r);
        r = download(s, fd);
        if (r == 0)
                r = check_sum(s, fd);
        if (r != 0)
                return r;
        if (renameat(s->workspace->dir, "source.part", s->workspace->dir, "source") < 0 ||
            fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
                return source_fail_errno(s, -errno);
        s->size = (uint64_t) st.st_size;
        s->input = TAKE_FD(fd);
        return 0;
}

/* The code name of this host's Debian release, such as "bookworm"; the caller frees it. */
static char *own_suite(void) {
        static const char key[] = "VERSION_CODENAME=";
        _cleanup_free_ char *text = NULL;
        char *line;

        if (read_file("/etc/os-release", 16384, &text) < 0)
                return NULL;
        line = strstr(text, key);
        return line ? strndup(line + strlen(key), strcspn(line + strlen(key), "\n\"")) : NULL;
}

/* The package sources of this host, which its administrator trusts and can reach. */
static int push_sources(Strv *argv) {
        static const char dir[] = "/etc/apt/sources.list.d";
        _cleanup_closedir_ DIR *d = opendir(dir);
        int r = 0;

        if (access("/etc/apt/sources.list", R_OK) >= 0)
                r = strv_push(argv, "/etc/apt/sources.list");
        for (struct dirent *e; r >= 0 && d && (e = readdir(d));) {
                const char *suffix = strrchr(e->d_name, '.');

                if (suffix && (streq(suffix, ".list") || streq(suffix, ".sources")))
                        r = strv_pushf(argv, "%s/%s", dir, e->d_name);
        }
        return r;
}

/* Made by mmdebstrap, which does not need root, either. */
static int open_debian(Source *s) {
        const char *const words[] = {
                "mmdebstrap", "--quiet", "--variant=minbase",
                "--include=systemd-sysv,udev,ifupdown,iproute2,openssh-server", "--format=tar"
        };
        _cleanup_free_ char *own = own_suite();
        const char *suite = startswith(s->given, "debian:") ?: own;
        int r = 0;

        if (s->options->sha256)
                return source_fail_sum(s);
        if (isempty(suite))
                return fail_with(EXIT_USAGE, "--from=%s: name the suite, as in debian:stable",
                                 s->given);
        s->keep_top = true;
        s->producer.what = "mmdebstrap";
        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(&s->producer.argv, words[i]);
        if (r >= 0)
                r = strv_push(&s->producer.argv, suite);
        if (r >= 0)
                r = strv_push(&s->producer.argv, "-");
        if (r >= 0 && own && streq(own, suite))
                r = push_sources(&s->producer.argv);
        return r < 0 ? source_fail_errno(s, r) : 0;
}

/* The default guest: busybox, a page on port 80, a shell on the console. */
static int open_builtin(Source *s) {
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_IMAGE, &program);

        if (s->options->sha256)
                return source_fail_sum(s);
        s->keep_top = true;
        s->wishes = (ImageWishes){ .ready = true, .by_init = true, .any_interface = true };
        s->producer.what = "umld-image";
        if (r >= 0)
                r = strv_push(&s->producer.argv, program);
        if (r >= 0)
                r = strv_push(&s->producer.argv, "builtin");
        return r < 0 ? source_fail_errno(s, r) : 0;
}

/* The first row that fits. */
static const struct {
        const char *prefix; /* of the source */
        bool whole;         /* the prefix is the whole word */
        int (*open)(Source *s);
} kinds[] = {
        { "-", true, open_stdin },         { "https://", false, open_url },
        { "http://", false, open_url },    { "debian", true, open_debian },
        { "debian:", false, open_debian }, { "oci:", false, source_open_oci },
        { "", false, open_path },
};

int source_open(Source *s) {
        if (!s->given) {
                s->shown = strdup("the built-in tree");
                return s->shown ? open_builtin(s) : fail_with(EXIT_FAILED, "out of memory");
        }
        s->shown = strdup(streq(s->given, "-") ? "standard input" : s->given);
        if (!s->shown)
                return fail_with(EXIT_FAILED, "out of memory");
        FOREACH_ELEMENT (kind, kinds)
                if (kind->whole ? streq(s->given, kind->prefix)
                                : startswith(s->given, kind->prefix) != NULL)
                        return kind->open(s);
        return fail_with(EXIT_USAGE, "--from=%s: unknown kind of source", s->given);
}
