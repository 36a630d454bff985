/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-record.c - keeps the answers of a kernel in a file. */

#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/hash.h"
#include "uml/kernel-answers.h"
#include "uml/kernel-record.h"

#include "umld-config.h"

enum {
        RECORD_MAX = 16 * 1024,
        NAME_MAX_BYTES = 200, /* of a module or parameter */
        SETTLED = 2,          /* seconds */
};

#define FLAG(name)                                                                                 \
        { #name, offsetof(UmlKernel, name) }

static const struct {
        const char *name;
        size_t offset;
} flags[] = {
        FLAG(tuntap),
        FLAG(vector),
        FLAG(ip_pnp),
        FLAG(smp),
        FLAG(ipv6_module),
        FLAG(bbr),
        FLAG(fq),
        FLAG(syncookies),
        FLAG(proc_sysctl),
        FLAG(seccomp),
        FLAG(raid6_benchmark),
        FLAG(whole_cpu_state),
        FLAG(static_linked),
};

static bool *flag_of(UmlKernel *k, size_t i) {
        return (bool *) ((char *) k + flags[i].offset);
}

/* ---- writing ---- */

bool kernel_record_settled(const struct stat *kernel) {
        return kernel->st_ctim.tv_sec + SETTLED <= time(NULL) &&
               kernel->st_mtim.tv_sec + SETTLED <= time(NULL);
}

/* Identifies the file that the record is for. The device number is left out, because a disk may
 * have another one after the next boot of the host. */
static void put_head(FILE *f, const char *path, const struct stat *st) {
        fprintf(f, "umld %s\nkernel %s\nfile %ju %jd %jd.%09ld %jd.%09ld\n", UMLD_VERSION, path,
                (uintmax_t) st->st_ino, (intmax_t) st->st_size, (intmax_t) st->st_mtim.tv_sec,
                st->st_mtim.tv_nsec, (intmax_t) st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static char *head_text(const char *path, const struct stat *st) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        put_head(f, path, st);
        return memstream_close(f, &text) < 0 ? (free(text), NULL) : text;
}

static void put_all(FILE *f, const char *word, const Strv *names) {
        for (size_t i = 0; i < names->n; i++)
                fprintf(f, "%s %s\n", word, names->v[i]);
}

char *kernel_record_text(const UmlKernel *k, const struct stat *kernel) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        put_head(f, k->path, kernel);
        fprintf(f, "release %s\n", k->release);
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (*flag_of((UmlKernel *) k, i))
                        fprintf(f, "has %s\n", flags[i].name);
        put_all(f, "module", &k->modules);
        put_all(f, "knows", &k->known);
        if (memstream_close(f, &text) < 0)
                return NULL;
        return strfmt("%shash %016" PRIx64 "\n", text, hash_bytes(HASH_BASIS, text, strlen(text)));
}

/* ---- reading ---- */

static int take_flag(UmlKernel *k, const char *name) {
        for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
                if (streq(flags[i].name, name)) {
                        *flag_of(k, i) = true;
                        return 0;
                }
        return -EBADMSG;
}

static int take_name(Strv *names, const char *name) {
        return isempty(name) || strlen(name) > NAME_MAX_BYTES ? -EBADMSG : strv_push(names, name);
}

static int take_release(UmlKernel *k, const char *release) {
        _cleanup_free_ char *line = strfmt("%s\n", release);

        return line ? kernel_read_version(line, k) : -ENOMEM;
}

static int take_line(UmlKernel *k, const char *line) {
        const char *rest;

        if ((rest = startswith(line, "release ")))
                return take_release(k, rest);
        if ((rest = startswith(line, "has ")))
                return take_flag(k, rest);
        if ((rest = startswith(line, "module ")))
                return take_name(&k->modules, rest);
        if ((rest = startswith(line, "knows ")))
                return take_name(&k->known, rest);
        return -EBADMSG;
}

/* Is the last line the hash of all lines before it? Cuts it off. */
static bool is_whole(char *text) {
        char *last = NULL, line[32];

        for (char *p = text; (p = strstr(p, "\nhash ")); p++)
                last = p + 1;
        if (!last)
                return false;
        snprintf(line, sizeof(line), "hash %016" PRIx64 "\n",
                 hash_bytes(HASH_BASIS, text, (size_t) (last - text)));
        if (!streq(last, line))
                return false;
        *last = '\0';
        return true;
}

int kernel_record_parse(const char *text, const char *path, const struct stat *kernel,
                        UmlKernel **ret) {
        _cleanup_(uml_kernel_freep) UmlKernel *k = calloc(1, sizeof(*k));
        _cleanup_free_ char *copy = strdup(text), *head = head_text(path, kernel);
        char *save = NULL;
        int r = 0;

        if (!k || !copy || !head || !(k->path = strdup(path)))
                return -ENOMEM;
        if (!startswith(copy, head))
                return -ESTALE;
        if (!is_whole(copy))
                return -EBADMSG;
        for (char *line = strtok_r(copy + strlen(head), "\n", &save); line && r >= 0;
             line = strtok_r(NULL, "\n", &save))
                r = take_line(k, line);
        if (r >= 0 && !k->release)
                r = -EBADMSG;
        if (r >= 0)
                *ret = TAKE_PTR(k);
        return r;
}

int kernel_record_read(const char *record, const char *path, const struct stat *kernel,
                       UmlKernel **ret) {
        _cleanup_close_ int fd =
                open(record, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
        char text[RECORD_MAX + 1];
        struct stat st;
        ssize_t n;

        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
                return -EPERM;
        n = read_all(fd, text, RECORD_MAX);
        if (n < 0)
                return (int) n;
        text[n] = '\0';
        return kernel_record_parse(text, path, kernel, ret);
}
