/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-oci.c - a container image, "oci:NAME[:TAG]" of a registry or "oci:DIRECTORY[:TAG]". */

#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "api/image-protocol.h"
#include "basic/process.h"
#include "basic/sha256.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

enum {
        NOBODY = 65534,
        KEEP_FREE = 64 * 1024 * 1024, /* on the host's disk */
};

#define IMAGE_SIZE_DEFAULT (UINT64_C(1) << 30)

/* ---- files that umld-image asks for ---- */

/* The directory may be another user's, who could put links into it. */
static int open_below(int dir, const char *const *path) {
        _cleanup_close_ int at = -EBADF;

        for (; *path; path++) {
                int flags = path[1] ? O_DIRECTORY : O_NONBLOCK | O_NOCTTY,
                    fd = openat(at >= 0 ? at : dir, *path,
                                O_RDONLY | O_CLOEXEC | O_NOFOLLOW | flags);

                if (fd < 0) /* a link is no file of the container image */
                        return errno == ELOOP || errno == ENOTDIR ? -ENOENT : -errno;
                safe_close(at);
                at = fd;
        }
        return TAKE_FD(at);
}

static int open_init(void) {
        _cleanup_free_ char *path = NULL;
        int r = program_find(PROGRAM_GUEST_INIT, &path);

        return r < 0 ? r : RET_NERRNO(open(path, O_RDONLY | O_CLOEXEC));
}

int source_file(const Source *s, const char *name) {
        const char *hex = startswith(name, IMAGE_FILE_DIGEST);
        char buf[SHA256_TEXT + 1];

        if (s->layout < 0)
                return -ENOENT;
        if (streq(name, IMAGE_FILE_INIT))
                return open_init();
        if (!hex || !sha256_parse(hex, buf))
                return -EINVAL;
        return open_below(s->layout, (const char *const[]){ "blobs", "sha256", buf, NULL });
}

static int open_layout(Source *s, const char *path) {
        s->layout = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (s->layout < 0)
                return source_fail_errno(s, -errno);
        s->input = open_below(s->layout, (const char *const[]){ "index.json", NULL });
        if (s->input == -ENOENT)
                return fail_with(
                        EXIT_FAILED,
                        "%s: is not a container image in the OCI layout: it has no index.json",
                        s->shown);
        return s->input < 0 ? source_fail_errno(s, s->input) : 0;
}

/* ---- a registry ---- */

/* Whoever talks to a registry has no rights here: skopeo becomes nobody, and its home is a
 * directory of its own. */
static int make_home(const Source *s, char **ret) {
        _cleanup_free_ char *path = strfmt("%s/oci", s->workspace->path);

        if (!path)
                return -ENOMEM;
        if (mkdir(path, 0700) < 0)
                return -errno;
        if (geteuid() == 0 &&
            (chown(path, NOBODY, NOBODY) < 0 || chmod(s->workspace->path, 0711) < 0))
                return -errno;
        *ret = TAKE_PTR(path);
        return 0;
}

static int push_all(Strv *argv, const char *const *words, size_t n) {
        int r = 0;

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = strv_push(argv, words[i]);
        return r;
}

static int skopeo_argv(const char *name, const char *home, Strv *argv) {
        static const char *const copy[] = {
                "skopeo", "--override-os=linux", "--override-arch=amd64",
                "copy",   "--retry-times=3",     "--quiet"
        };
        int r = push_unprivileged(argv);

        if (r >= 0)
                r = strv_push(argv, "env");
        for (const char *const *v =
                     (const char *const[]){ "HOME", "TMPDIR", "XDG_RUNTIME_DIR", NULL };
             r >= 0 && *v; v++)
                r = strv_pushf(argv, "%s=%s", *v, home);
        if (r >= 0)
                r = push_all(argv, copy, ARRAY_SIZE(copy));
        if (r >= 0)
                r = strv_pushf(argv, "docker://%s", name);
        return r < 0 ? r : strv_pushf(argv, "oci:%s/image", home);
}

/* What it is about, out of: time="…" level=fatal msg="…" */
static void cut_log(char *why) {
        static const char before[] = "msg=\"";
        char *message = strstr(why, before), *to = why + strcspn(why, ":") + 1;

        if (!message || message < to)
                return;
        *to++ = ' ';
        for (message += strlen(before); *message && *message != '"'; message++)
                *to++ = *message == '\\' && message[1] ? *++message : *message;
        *to = '\0';
}

/* What is below the directory, on the disk; it grows meanwhile. */
static uint64_t size_below(char *path) {
        char *const paths[] = { path, NULL };
        FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
        uint64_t sum = 0;

        for (FTSENT *e; fts && (e = fts_read(fts));)
                if (e->fts_info == FTS_F)
                        sum += (uint64_t) e->fts_statp->st_blocks * 512;
        if (fts)
                (void) fts_close(fts);
        return sum;
}

typedef struct Pull {
        char *home;
        uint64_t max; /* bytes: unpacked, the layers take more than as they come */
} Pull;

/* A registry may send any amount. */
static const char *check_pull(void *userdata) {
        const Pull *p = userdata;
        struct statvfs st;

        if (size_below(p->home) > p->max)
                return "its layers are larger than the guest's image; use a larger --size";
        if (statvfs(p->home, &st) >= 0 && (uint64_t) st.f_bavail * st.f_frsize < KEEP_FREE)
                return "the host's disk is nearly full";
        return NULL;
}

static int pull(Source *s, const char *name) {
        Pull p = { .max = s->options->size ?: IMAGE_SIZE_DEFAULT };
        _cleanup_free_ char *home = NULL, *why = NULL, *layout = NULL,
                            *text = strfmt("pulling %s", s->shown);
        _cleanup_(job_done) Job j = JOB_INIT;
        int r;

        if (!program_installed("skopeo"))
                return fail_with(EXIT_FAILED,
                                 "%s: container images are pulled by skopeo, which is missing; "
                                 "install the package skopeo",
                                 s->shown);
        r = make_home(s, &home);
        if (r >= 0)
                r = skopeo_argv(name, home, &j.argv);
        layout = home ? strfmt("%s/image", home) : NULL;
        if (r < 0 || !layout)
                return source_fail_errno(s, r < 0 ? r : -ENOMEM);
        p.home = home;
        j.what = "skopeo";
        j.check = check_pull;
        j.userdata = &p;
        progress_set(s->progress, text);
        r = jobs_run(&j, 1, s->progress, &why);
        if (r >= 0 && check_pull(&p)) /* it was faster than the checks */
                return source_failed(s, -EFBIG, check_pull(&p));
        if (r < 0 && why && !j.error)
                cut_log(why);
        return r < 0 ? source_failed(s, r, why) : open_layout(s, layout);
}

/* ---- which of them ---- */

/* A colon after the last slash begins a tag. */
static int open_directory(Source *s, const char *given) {
        const char *slash = strrchr(given, '/'), *colon = strrchr(slash ? slash : given, ':');
        _cleanup_free_ char *path =
                strndup(given, colon ? (size_t) (colon - given) : strlen(given));

        s->tag = colon ? strdup(colon + 1) : NULL;
        if (!path || (colon && !s->tag))
                return source_fail_errno(s, -ENOMEM);
        return open_layout(s, path);
}

int source_open_oci(Source *s) {
        const char *given = startswith(s->given, "oci:");

        if (s->options->sha256)
                return fail_with(EXIT_USAGE,
                                 "--sha256: a container image is named by its own digest: "
                                 "oci:NAME@sha256:…");
        if (isempty(given))
                return fail_with(EXIT_USAGE, "--from=%s: name the image, as in oci:postgres:16",
                                 s->given);
        return given[0] == '/' || given[0] == '.' ? open_directory(s, given) : pull(s, given);
}
