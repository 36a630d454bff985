/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - the kinds of sources for a new guest. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/sha256.h"
#include "umlctl/interrupt.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

void source_done(Source *s) {
        job_done(&s->producer);
        safe_close(s->input);
        free(s->shown);
}

int source_failed(const Source *s, int r, const char *why) {
        if (r == -EINTR)
                return fail_with(EXIT_FAILED, "%s: interrupted, nothing was created", s->guest);
        return fail_with(EXIT_FAILED, "%s: cannot be created from %s: %s", s->guest, s->shown,
                         why ?: strerror(-r));
}

static int fail_errno(const Source *s, int error) {
        return fail_with(error == -EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "%s: %s", s->shown,
                         strerror(-error));
}

static int fail_sum(const Source *s) {
        return fail_with(EXIT_USAGE, "--sha256: %s is no file, so it has no checksum", s->shown);
}

/* ---- the kinds ---- */

static int open_stdin(Source *s) {
        if (s->options->sha256)
                return fail_sum(s);
        if (isatty(STDIN_FILENO))
                return fail_with(EXIT_USAGE, "--from=-: standard input is a terminal; redirect an "
                                             "archive to it");
        s->input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return s->input < 0 ? fail_errno(s, -errno) : 0;
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
        return r < 0 ? fail_errno(s, r) : 0;
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
                return fail_errno(s, r);
        if (!streq(sum, wanted))
                return fail_with(EXIT_FAILED, "%s: its SHA-256 checksum is %s, not the given one",
                                 s->shown, sum);
        return lseek(fd, 0, SEEK_SET) < 0 ? fail_errno(s, -errno) : 0;
}

static int open_path(Source *s) {
        _cleanup_close_ int fd = open(s->given, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return fail_errno(s, -errno);
        if (S_ISDIR(st.st_mode))
                return s->options->sha256 ? fail_sum(s) : open_directory(s);
        if (S_ISREG(st.st_mode)) {
                int r = check_sum(s, fd);

                if (r != 0)
                        return r;
                s->size = (uint64_t) st.st_size;
        } else if (s->options->sha256)
                return fail_sum(s);
        s->input = TAKE_FD(fd);
        return 0;
}

/* The first row that fits. */
static const struct {
        const char *prefix; /* of the source */
        bool whole;         /* the prefix is all of it */
        int (*open)(Source *s);
} kinds[] = {
        { "-", true, open_stdin },
        { "", false, open_path },
};

int source_open(Source *s) {
        s->shown = strdup(streq(s->given, "-") ? "standard input" : s->given);
        if (!s->shown)
                return fail_with(EXIT_FAILED, "out of memory");
        FOREACH_ELEMENT (kind, kinds)
                if (kind->whole ? streq(s->given, kind->prefix)
                                : startswith(s->given, kind->prefix) != NULL)
                        return kind->open(s);
        return fail_with(EXIT_USAGE, "--from=%s: unknown kind of source", s->given);
}
