/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-mirror.c - Alpine and Arch, as their mirrors publish them.
 *
 * An index names the file and its checksum. The signature of the distribution is checked where
 * gpgv and its keyring are installed; without them the index has to have come by https. */

#include <stdlib.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "umlctl/mirror-index.h"
#include "umlctl/programs.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

enum {
        INDEX_MAX = 1024 * 1024,
        SIGNATURE_MAX = 64 * 1024,
        KEYRINGS_MAX = 3,
};

#define ARCHIVE_MAX (UINT64_C(2) << 30)

typedef struct Mirror {
        const char *name;      /* of the distribution */
        const char *url;       /* of its own */
        const char *signature; /* suffix of the file with it */
        const char *keyrings[KEYRINGS_MAX];
} Mirror;

static const Mirror alpine = { "alpine",
                               "https://dl-cdn.alpinelinux.org/alpine",
                               ".asc",
                               { "/usr/share/keyrings/alpine-archive-keyring.gpg" } };
static const Mirror arch = { "arch",
                             "https://geo.mirror.pkgbuild.com",
                             ".sig",
                             { "/usr/share/keyrings/archlinux-archive-keyring.gpg",
                               "/usr/share/pacman/keyrings/archlinux.gpg" } };

/* One file of a mirror that is to become the guest's tree. */
typedef struct Wanted {
        const Mirror *mirror;
        char *directory; /* URL of where it is */
        MirrorFile file;
        char *keyring; /* NULL: none is installed */
} Wanted;

static void wanted_done(Wanted *w) {
        free(w->directory);
        free(w->file.name);
        free(w->keyring);
}

/* ---- signatures ---- */

/* The administrator's goes first. */
static int find_keyring(Wanted *w) {
        _cleanup_free_ char *own =
                strfmt("%s/keyrings/%s.gpg", umld_dir(DIR_CONFIG), w->mirror->name);

        if (!own)
                return -ENOMEM;
        if (access(own, R_OK) >= 0) {
                w->keyring = TAKE_PTR(own);
                return 0;
        }
        for (size_t i = 0; i < KEYRINGS_MAX && w->mirror->keyrings[i]; i++)
                if (access(w->mirror->keyrings[i], R_OK) >= 0) {
                        w->keyring = strdup(w->mirror->keyrings[i]);
                        return w->keyring ? 0 : -ENOMEM;
                }
        return 0;
}

/* gpgv gets both files open ("-&4"), so that it needs no right to anything. */
static int run_gpgv(Source *s, const Wanted *w, int signature, int file) {
        const char *const words[] = {
                "gpgv", "--enable-special-filenames", "--keyring", w->keyring, "--", "-&4", "-&5"
        };
        _cleanup_(job_done) Job j = JOB_INIT;
        _cleanup_free_ char *why = NULL;
        int r = push_unprivileged(&j.argv);

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(&j.argv, words[i]);
        if (r < 0)
                return source_fail_errno(s, r);
        j.what = "gpgv";
        j.fds[4] = signature;
        j.fds[5] = file;
        progress_set(s->progress, "checking the signature");
        r = jobs_run(&j, 1, s->progress, &why);
        if (r == -EINTR)
                return source_failed(s, r, why);
        return r < 0 ? fail_with(EXIT_FAILED,
                                 "%s: %s does not have a valid signature by a key of %s (%s)",
                                 s->shown, w->file.name, w->keyring, why ?: strerror(-r))
                     : 0;
}

static int check_signature(Source *s, const Wanted *w, int file) {
        _cleanup_free_ char *url =
                strfmt("%s/%s%s", w->directory, w->file.name, w->mirror->signature);
        _cleanup_close_ int signature = -EBADF;
        int r = url ? source_download(s, url, "signature", SIGNATURE_MAX, NULL, &signature)
                    : source_fail_errno(s, -ENOMEM);

        if (r == 0)
                r = run_gpgv(s, w, signature, file);
        if (r == 0 && lseek(file, 0, SEEK_SET) < 0)
                r = source_fail_errno(s, -errno);
        if (r == 0)
                note("%s: %s has a valid signature by a key of %s", s->guest, w->file.name,
                     w->keyring);
        return r;
}

/* ---- the file ---- */

/* Somebody has to vouch for the file: the distribution's key, the mirror by https, or the user. */
static int check_trust(const Source *s, const Wanted *w, const char *url) {
        if (w->keyring || startswith(url, "https:") || s->options->sha256)
                return 0;
        return fail_with(EXIT_USAGE,
                         "%s: a download by http can be tampered with; use a mirror with https, "
                         "install the keyring of %s as %s/keyrings/%s.gpg, or give the checksum "
                         "with --sha256",
                         s->shown, w->mirror->name, umld_dir(DIR_CONFIG), w->mirror->name);
}

static int read_index(Source *s, const char *url, char **ret) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *path = NULL;
        int r = source_download(s, url, "index", INDEX_MAX, NULL, &fd);

        if (r != 0)
                return r;
        path = strfmt("/proc/self/fd/%d", fd);
        return path && read_file(path, INDEX_MAX, ret) >= 0 ? 0 : source_fail_errno(s, -EIO);
}

/* The user's checksum goes before that of the index. */
static int get_file(Source *s, Wanted *w) {
        _cleanup_free_ char *url = strfmt("%s/%s", w->directory, w->file.name);
        _cleanup_close_ int fd = -EBADF;
        int r = url ? 0 : source_fail_errno(s, -ENOMEM);

        if (r == 0 && s->options->sha256)
                r = source_wanted_sum(s, w->file.sum);
        if (r == 0)
                r = source_download(s, url, "source", ARCHIVE_MAX, w->file.sum, &fd);
        if (r == 0 && w->keyring)
                r = check_signature(s, w, fd);
        if (r != 0)
                return r;
        if (!w->keyring)
                note("%s: %s has the checksum that %s says; no keyring of %s is installed to check "
                     "its signature",
                     s->guest, w->file.name, s->options->sha256 ? "--sha256" : "its mirror",
                     w->mirror->name);
        return source_take_file(s, TAKE_FD(fd));
}

static int fail_index(const Source *s, int error, const char *url) {
        return fail_with(EXIT_FAILED, "%s: %s %s", s->shown, url,
                         error == -ENOENT    ? "does not name such a file"
                         : error == -EBADMSG ? "is malformed"
                                             : strerror(-error));
}

/* ---- Alpine ---- */

/* "3.20" or "edge"; it becomes a part of an URL. */
static bool version_valid(const char *version) {
        return *version && version[strspn(version, "0123456789.")] == '\0' && version[0] != '.' &&
               !strstr(version, "..");
}

static const char *base_of(const Source *s, const Mirror *m) {
        return s->options->mirror ?: m->url;
}

static int alpine_directory(const Source *s, Wanted *w) {
        const char *version = startswith(s->given, "alpine:"), *base = base_of(s, &alpine);
        size_t size = strlen(base);

        while (size > 0 && base[size - 1] == '/')
                size--;
        if (version && !streq(version, "edge") && !version_valid(version))
                return fail_with(EXIT_USAGE,
                                 "--from=%s: a version is a number or edge, as in alpine:3.20",
                                 s->given);
        w->directory = strfmt("%.*s/%s%s/releases/x86_64", (int) size, base,
                              version && *version != 'e' ? "v" : "", version ?: "latest-stable");
        return w->directory ? 0 : source_fail_errno(s, -ENOMEM);
}

int source_open_alpine(Source *s) {
        _cleanup_(wanted_done) Wanted w = { .mirror = &alpine };
        _cleanup_free_ char *url = NULL, *text = NULL;
        int r = alpine_directory(s, &w);

        if (r == 0 && find_keyring(&w) < 0)
                r = source_fail_errno(s, -ENOMEM);
        if (r == 0)
                r = check_trust(s, &w, w.directory);
        if (r != 0)
                return r;
        url = strfmt("%s/latest-releases.yaml", w.directory);
        r = url ? read_index(s, url, &text) : source_fail_errno(s, -ENOMEM);
        if (r != 0)
                return r;
        r = mirror_read_alpine(text, "alpine-minirootfs", &w.file);
        return r < 0 ? fail_index(s, r, url) : get_file(s, &w);
}

/* ---- Arch ---- */

int source_open_arch(Source *s) {
        _cleanup_(wanted_done) Wanted w = { .mirror = &arch };
        const char *base = base_of(s, &arch);
        _cleanup_free_ char *url = NULL, *text = NULL;
        size_t size = strlen(base);
        int r;

        while (size > 0 && base[size - 1] == '/')
                size--;
        w.directory = strfmt("%.*s/iso/latest", (int) size, base);
        url = w.directory ? strfmt("%s/sha256sums.txt", w.directory) : NULL;
        if (!url || find_keyring(&w) < 0)
                return source_fail_errno(s, -ENOMEM);
        r = check_trust(s, &w, url);
        if (r == 0)
                r = read_index(s, url, &text);
        if (r != 0)
                return r;
        r = mirror_read_sums(text, "archlinux-bootstrap-", "-x86_64.tar.zst", &w.file);
        if (r == -ENOENT) /* until 2024 */
                r = mirror_read_sums(text, "archlinux-bootstrap-", "-x86_64.tar.gz", &w.file);
        return r < 0 ? fail_index(s, r, url) : get_file(s, &w);
}
