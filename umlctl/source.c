/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source.c - the kinds of sources for a new guest. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-undo.h"
#include "basic/sha256.h"
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
        char wanted[SHA256_TEXT + 1];
        int r;

        if (!s->options->sha256)
                return 0;
        r = source_wanted_sum(s, wanted);
        return r == 0 ? source_check_sum(s, s->shown, fd, wanted) : r;
}

static int fail_half_changed(const Source *s) {
        return fail_with(EXIT_FAILED,
                         "%s: a change of this image was interrupted; start its guest first, which "
                         "undoes it",
                         s->given);
}

static int open_path(Source *s) {
        _cleanup_close_ int fd = open(s->given, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0)
                return source_fail_errno(s, -errno);
        if (S_ISDIR(st.st_mode))
                return s->options->sha256 ? source_fail_sum(s) : open_directory(s);
        if (S_ISREG(st.st_mode)) {
                int r = image_undo_pending(fd) ? fail_half_changed(s) : check_sum(s, fd);

                if (r != 0)
                        return r;
                s->size = (uint64_t) st.st_size;
        } else if (s->options->sha256)
                return source_fail_sum(s);
        s->input = TAKE_FD(fd);
        return 0;
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
        bool mirrored;      /* --mirror says where it is taken from */
        int (*open)(Source *s);
} kinds[] = {
        { "-", true, false, open_stdin },
        { "https://", false, false, source_open_url },
        { "http://", false, false, source_open_url },
        { "debian", true, true, source_open_debian },
        { "debian:", false, true, source_open_debian },
        { "alpine", true, true, source_open_alpine },
        { "alpine:", false, true, source_open_alpine },
        { "arch", true, true, source_open_arch },
        { "oci:", false, false, source_open_oci },
        { "", false, false, open_path },
};

static int fail_mirror(void) {
        return fail_with(EXIT_USAGE, "--mirror: only debian, alpine and arch have mirrors");
}

int source_open(Source *s) {
        if (!s->given && s->options->mirror)
                return fail_mirror();
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
                        return s->options->mirror && !kind->mirrored ? fail_mirror()
                                                                     : kind->open(s);
        return fail_with(EXIT_USAGE, "--from=%s: unknown kind of source", s->given);
}
