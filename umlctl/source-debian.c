/* SPDX-License-Identifier: GPL-2.0-or-later */
/* source-debian.c - Debian, installed by mmdebstrap. */

#include <dirent.h>
#include <unistd.h>

#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "basic/process.h"
#include "umlctl/say.h"
#include "umlctl/source.h"

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

static int push_words(const char *suite, Strv *argv) {
        const char *const words[] = {
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                "--include=systemd-sysv,udev,ifupdown,iproute2,openssh-server",
                "--format=tar",
                suite,
                "-",
        };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(argv, words[i]);
        return r;
}

/* Made by mmdebstrap, which does not need root, either. */
int source_open_debian(Source *s) {
        _cleanup_free_ char *own = own_suite();
        const char *suite = startswith(s->given, "debian:") ?: own, *mirror = s->options->mirror;
        Strv *argv = &s->producer.argv;
        int r;

        if (s->options->sha256)
                return source_fail_sum(s);
        if (isempty(suite))
                return fail_with(EXIT_USAGE, "--from=%s: name the suite, as in debian:stable",
                                 s->given);
        if (!program_installed("mmdebstrap"))
                return fail_with(EXIT_FAILED,
                                 "%s: Debian is installed by mmdebstrap, which is missing; install "
                                 "the package mmdebstrap",
                                 s->shown);
        s->keep_top = true;
        s->producer.what = "mmdebstrap";
        s->producer.mark = "E: ";
        r = push_words(suite, argv);
        if (r >= 0 && mirror)
                r = strv_push(argv, mirror);
        else if (r >= 0 && own && streq(own, suite))
                r = push_sources(argv);
        return r < 0 ? source_fail_errno(s, r) : 0;
}
