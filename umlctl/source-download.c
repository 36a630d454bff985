/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-download.c - sources that are downloaded by umld-fetch. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/parse-util.h"
#include "basic/sha256.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

static void on_total(const char *key, const char *value, void *userdata) {
        Job *j = userdata;

        if (streq(key, "total"))
                (void) parse_unsigned(value, 0, UINT64_MAX, &j->total);
}

static int make_argv(const char *url, uint64_t max, Strv *argv) {
        _cleanup_free_ char *program = NULL;
        int r = program_find(PROGRAM_FETCH, &program);

        if (r >= 0)
                r = strv_push(argv, program);
        if (r >= 0)
                r = strv_push(argv, url);
        return r < 0 || max == 0 ? r : strv_pushf(argv, "%llu", (unsigned long long) max);
}

static int fetch(Source *s, const char *url, uint64_t max, int fd) {
        _cleanup_free_ char *why = NULL, *text = strfmt("downloading %s", url);
        _cleanup_(job_done) Job j = JOB_INIT;
        int r = make_argv(url, max, &j.argv);

        j.what = "umld-fetch";
        j.speaks = true;
        j.result = on_total;
        j.userdata = &j;
        j.fds[3] = fd;
        if (r < 0)
                return source_fail_errno(s, r);
        progress_set(s->progress, text);
        r = jobs_run(&j, 1, s->progress, &why);
        if (r < 0 && why && !streq(url, s->given)) { /* one of several */
                _cleanup_free_ char *longer = strfmt("%s: %s", url, why);

                return source_failed(s, r, longer);
        }
        return r < 0 ? source_failed(s, r, why) : 0;
}

int source_check_sum(const Source *s, const char *what, int fd, const char *wanted) {
        char sum[SHA256_TEXT + 1];
        int r = sha256_fd(fd, sum);

        if (r < 0)
                return source_fail_errno(s, r);
        if (!streq(sum, wanted))
                return fail_with(EXIT_FAILED,
                                 "%s: its SHA-256 checksum is %s, which is not the expected one",
                                 what, sum);
        return lseek(fd, 0, SEEK_SET) < 0 ? source_fail_errno(s, -errno) : 0;
}

int source_wanted_sum(const Source *s, char wanted[static SHA256_TEXT + 1]) {
        if (!sha256_parse(s->options->sha256, wanted))
                return fail_with(EXIT_USAGE, "--sha256=%s: must be 64 hexadecimal digits",
                                 s->options->sha256);
        return 0;
}

/* The file gets its name only when it is complete and its checksum has been verified. */
int source_download(Source *s, const char *url, const char *file, uint64_t max, const char *sum,
                    int *ret) {
        _cleanup_free_ char *part = strfmt("%s.part", file);
        _cleanup_close_ int fd = part ? workspace_file(s->workspace, part) : -ENOMEM;
        int r;

        if (fd < 0)
                return source_fail_errno(s, fd);
        r = fetch(s, url, max, fd);
        if (r == 0 && sum)
                r = source_check_sum(s, url, fd, sum);
        if (r != 0)
                return r;
        if (renameat(s->workspace->dir, part, s->workspace->dir, file) < 0 ||
            lseek(fd, 0, SEEK_SET) < 0)
                return source_fail_errno(s, -errno);
        *ret = TAKE_FD(fd);
        return 0;
}

int source_take_file(Source *s, int own) {
        _cleanup_close_ int fd = own;
        struct stat st;

        if (fstat(fd, &st) < 0)
                return source_fail_errno(s, -errno);
        s->size = (uint64_t) st.st_size;
        s->input = TAKE_FD(fd);
        return 0;
}

int source_open_url(Source *s) {
        char wanted[SHA256_TEXT + 1];
        bool sum = s->options->sha256;
        int fd = -EBADF, r = 0;

        if (startswith(s->given, "http:") && !sum)
                return fail_with(EXIT_USAGE,
                                 "%s: a download by http can be tampered with; use https, or give "
                                 "the checksum with --sha256",
                                 s->shown);
        if (sum)
                r = source_wanted_sum(s, wanted);
        if (r == 0)
                r = source_download(s, s->given, "source", 0, sum ? wanted : NULL, &fd);
        return r == 0 ? source_take_file(s, fd) : r;
}
