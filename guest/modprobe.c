/* SPDX-License-Identifier: GPL-2.0-or-later */
/* modprobe.c - loads a module for the kernel, which asks for BBR before init is started. */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "basic/file-util.h"
#include "guest/modprobe.h"

enum {
        INDEX_MAX = 16 * 1024 * 1024,
};

static bool is_dash(char c) {
        return c == '-' || c == '_';
}

/* Is b the n bytes of a, but for '-' and '_'? */
static bool same(const char *a, const char *b, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (a[i] != b[i] && !(is_dash(a[i]) && is_dash(b[i])))
                        return false;
        return b[n] == '\0';
}

/* The line of a module in modules.dep: "kernel/net/ipv4/tcp_bbr.ko: …". */
static const char *find_line(const char *dep, const char *name) {
        for (const char *p = dep; *p;) {
                size_t path = strcspn(p, ":\n");
                const char *slash = memrchr(p, '/', path), *file = slash ? slash + 1 : p,
                           *dot = memchr(file, '.', path - (size_t) (file - p));

                if (dot && same(file, name, (size_t) (dot - file)))
                        return p;
                p += strcspn(p, "\n");
                p += *p == '\n';
        }
        return NULL;
}

/* NULL: it is the last of its line. */
static const char *next_word(const char *word) {
        word += strcspn(word, " \n");
        return *word == ' ' ? word + 1 : NULL;
}

/* The module in the line "alias net-pf-10 ipv6", if it is about that name. */
static char *module_of(const char *line, const char *name) {
        const char *alias = startswith(line, "alias ") ? next_word(line) : NULL;
        const char *module = alias ? next_word(alias) : NULL;

        if (!module || !same(alias, name, (size_t) (module - 1 - alias)))
                return NULL;
        return strndup(module, strcspn(module, " \n"));
}

/* Aliases with wildcards are udev's, which is not here. */
static char *find_alias(const char *alias, const char *name) {
        for (const char *p = alias; *p;) {
                char *module = module_of(p, name);

                if (module)
                        return module;
                p += strcspn(p, "\n");
                p += *p == '\n';
        }
        return NULL;
}

/* The line backwards: what is needed comes last in it. */
static int push_files(const char *line, Strv *ret) {
        _cleanup_free_ char *copy = strndup(line, strcspn(line, "\n"));
        char *colon = copy ? strchr(copy, ':') : NULL, *space;
        int r = 0;

        if (!colon)
                return copy ? -ENOENT : -ENOMEM;
        *colon = ' ';
        while (r >= 0 && (space = strrchr(copy, ' '))) {
                if (space[1])
                        r = strv_push(ret, space + 1);
                *space = '\0';
        }
        return r < 0 || !*copy ? r : strv_push(ret, copy);
}

int modprobe_files(const char *dep, const char *alias, const char *name, Strv *ret) {
        _cleanup_free_ char *behind = NULL;
        const char *line = find_line(dep, name);

        if (!line && alias && (behind = find_alias(alias, name)))
                line = find_line(dep, behind);
        return line ? push_files(line, ret) : -ENOENT;
}

static int load(const char *dir, const char *file) {
        _cleanup_free_ char *path = strfmt("%s/%s", dir, file);
        _cleanup_close_ int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -EBADF;

        if (fd < 0)
                return -errno;
        return syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST ? -errno : 0;
}

int modprobe_main(int argc, char *argv[]) {
        const char *name = argc > 1 ? argv[argc - 1] : "";
        _cleanup_free_ char *dir = NULL, *path = NULL, *dep = NULL, *alias = NULL;
        _cleanup_strv_ Strv files = {};
        struct utsname u;
        int r;

        if (uname(&u) < 0 || !(dir = strfmt("/lib/modules/%s", u.release)) ||
            !(path = strfmt("%s/modules.dep", dir)))
                return 1;
        if (read_file(path, INDEX_MAX, &dep) < 0)
                return 1;
        free(path);
        path = strfmt("%s/modules.alias", dir);
        if (path)
                (void) read_file(path, INDEX_MAX, &alias);
        r = modprobe_files(dep, alias, name, &files);
        for (size_t i = 0; r >= 0 && i < files.n; i++)
                r = load(dir, files.v[i]);
        return r < 0;
}
