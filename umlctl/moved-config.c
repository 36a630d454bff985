/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moved-config.c - the configuration of a guest that moves to another place. */

#include <stdio.h>

#include "basic/file-util.h"
#include "umlctl/moved-config.h"

typedef struct Line {
        const char *text; /* of the whole line, without its newline */
        size_t size;
        const char *path, *path_end; /* of Disk= and Kernel=; else NULL */
        bool kernel;
} Line;

static const char *skip_space(const char *p, const char *end) {
        while (p < end && (*p == ' ' || *p == '\t'))
                p++;
        return p;
}

static bool is_key(const char *p, const char *end, const char *key) {
        size_t n = strlen(key);

        return (size_t) (end - p) > n && memcmp(p, key, n) == 0 &&
               (p[n] == '=' || p[n] == ' ' || p[n] == '\t');
}

/* Reads the next line; *section is whether it is in [Guest]. */
static bool next_line(const char **text, bool *section, Line *ret) {
        const char *p = *text, *end = p + strcspn(p, "\n"), *first = skip_space(p, end), *equals;

        if (!*p)
                return false;
        *ret = (Line){ .text = p, .size = (size_t) (end - p) };
        *text = end + (*end == '\n');
        if (*first == '[')
                *section = strncmp(first, "[Guest]", 7) == 0;
        ret->kernel = is_key(first, end, "Kernel");
        equals = memchr(first, '=', (size_t) (end - first));
        if (!*section || !equals || !(ret->kernel || is_key(first, end, "Disk")))
                return true;
        ret->path = skip_space(equals + 1, end);
        ret->path_end = ret->kernel ? end : ret->path + strcspn(ret->path, ",\n");
        while (ret->path_end > ret->path && strchr(" \t\r", ret->path_end[-1]))
                ret->path_end--;
        return true;
}

static void put_path(FILE *f, const Line *l, const char *dir, const char *file) {
        fprintf(f, "%.*s%s/%s%.*s\n", (int) (l->path - l->text), l->text, dir, file,
                (int) (l->text + l->size - l->path_end), l->path_end);
}

static int finish(FILE *f, char **own, char **ret) {
        int r = memstream_close(f, own);

        if (r < 0)
                return r;
        *ret = TAKE_PTR(*own);
        return 0;
}

int moved_pack(const char *text, const Strv *disks, const char *kernel, char **ret) {
        _cleanup_free_ char *out = NULL;
        bool guest = false;
        size_t size, n = 0;
        FILE *f = open_memstream(&out, &size);
        Line l;

        if (!f)
                return -ENOMEM;
        while (next_line(&text, &guest, &l))
                if (l.path && l.kernel && kernel)
                        put_path(f, &l, MOVED_DIR, kernel);
                else if (l.path && !l.kernel && n < disks->n)
                        put_path(f, &l, MOVED_DIR, disks->v[n++]);
                else
                        fprintf(f, "%.*s\n", (int) l.size, l.text);
        return finish(f, &out, ret);
}

int moved_unpack(const char *text, const char *dir, char **ret) {
        _cleanup_free_ char *out = NULL;
        bool guest = false, foreign = false;
        size_t size;
        FILE *f = open_memstream(&out, &size);
        int r;
        Line l;

        if (!f)
                return -ENOMEM;
        while (next_line(&text, &guest, &l)) {
                const char *rest = l.path ? startswith(l.path, MOVED_DIR "/") : NULL;

                if (rest && !memchr(rest, '/', (size_t) (l.path_end - rest))) {
                        _cleanup_free_ char *file = strndup(rest, (size_t) (l.path_end - rest));

                        put_path(f, &l, dir, file ?: "");
                        continue;
                }
                foreign |= l.path && !l.kernel;
                fprintf(f, "%.*s\n", (int) l.size, l.text);
        }
        r = finish(f, &out, ret);
        if (r >= 0 && foreign) {
                free(*ret);
                *ret = NULL;
                r = -EPERM;
        }
        return r;
}
