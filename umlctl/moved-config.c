/* SPDX-License-Identifier: GPL-2.0-or-later */
/* moved-config.c - the configuration of a guest that moves to another place. */

#include <stdio.h>

#include "basic/file-util.h"
#include "conf/parts.h"
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
        if (*p == CONFIG_PART_MARK)
                *section = false;
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

/* The rest of the line without cow=, whose changes are in the exported image. */
static void put_options(FILE *f, const Line *l) {
        const char *end = l->text + l->size;

        for (const char *p = l->path_end, *next; p < end; p = next) {
                const char *word = skip_space(p + (*p == ','), end);

                next = memchr(p + 1, ',', (size_t) (end - p - 1)) ?: end;
                if (!startswith(word, "cow="))
                        fprintf(f, "%.*s", (int) (next - p), p);
        }
        fputc('\n', f);
}

static void put_disk(FILE *f, const Line *l, const char *dir, const char *file) {
        fprintf(f, "%.*s%s/%s", (int) (l->path - l->text), l->text, dir, file);
        put_options(f, l);
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

/* An empty value, with which a drop-in takes back the disks of the files before it. */
static bool is_reset(const Line *l) {
        return l->path && !l->kernel && l->path == l->path_end;
}

static unsigned count_resets(const char *text) {
        bool guest = false;
        unsigned n = 0;
        Line l;

        while (next_line(&text, &guest, &l))
                n += is_reset(&l);
        return n;
}

static void put_line(FILE *f, const char *prefix, const Line *l) {
        fprintf(f, "%s%.*s\n", prefix, (int) l->size, l->text);
}

int moved_pack(const char *text, const Strv *disks, const char *kernel, char **ret) {
        _cleanup_free_ char *out = NULL;
        unsigned resets = count_resets(text);
        bool guest = false;
        size_t size, n = 0;
        FILE *f = open_memstream(&out, &size);
        Line l;

        if (!f)
                return -ENOMEM;
        while (next_line(&text, &guest, &l))
                if (l.path && l.kernel && kernel)
                        put_path(f, &l, MOVED_DIR, kernel);
                else if (l.path && !l.kernel && resets > 0) { /* not in force */
                        put_line(f, "#", &l);
                        resets -= is_reset(&l);
                } else if (l.path && !l.kernel && n < disks->n)
                        put_disk(f, &l, MOVED_DIR, disks->v[n++]);
                else
                        put_line(f, "", &l);
        return finish(f, &out, ret);
}

/* The drop-ins are read in the order of their names, so that must be the order in the export. */
static int put_mark(FILE *f, const Line *l, const char *dropins, char **last) {
        _cleanup_free_ char *path = strndup(l->text + 1, l->size - 1);
        const char *slash = path ? strrchr(path, '/') : NULL, *name = slash ? slash + 1 : path;

        if (!path)
                return -ENOMEM;
        if (!config_dropin_valid(name) || (*last && strcmp(*last, name) >= 0))
                return -EBADMSG;
        fprintf(f, "%c%s/%s\n", CONFIG_PART_MARK, dropins, name);
        return free_and_strdup(last, name);
}

int moved_unpack(const char *text, const char *dir, const char *dropins, char **ret) {
        _cleanup_free_ char *out = NULL, *result = NULL, *last = NULL;
        bool guest = false, foreign = false;
        size_t size;
        FILE *f = open_memstream(&out, &size);
        int r = 0, closed;
        Line l;

        if (!f)
                return -ENOMEM;
        while (r >= 0 && next_line(&text, &guest, &l)) {
                const char *rest = l.path ? startswith(l.path, MOVED_DIR "/") : NULL;

                if (*l.text == CONFIG_PART_MARK) {
                        r = put_mark(f, &l, dropins, &last);
                } else if (rest && !memchr(rest, '/', (size_t) (l.path_end - rest))) {
                        _cleanup_free_ char *file = strndup(rest, (size_t) (l.path_end - rest));

                        put_path(f, &l, dir, file ?: "");
                } else {
                        foreign |= l.path && !l.kernel;
                        put_line(f, "", &l);
                }
        }
        closed = finish(f, &out, &result);
        if (r < 0 || closed < 0)
                return r < 0 ? r : closed;
        if (foreign)
                return -EPERM;
        *ret = TAKE_PTR(result);
        return 0;
}
