/* SPDX-License-Identifier: GPL-2.0-or-later */
/* parts.c - reads NAME.conf and its drop-ins as one text, and finds its parts again. */

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/string-util.h"
#include "conf/ini-file.h"
#include "conf/parts.h"
#include "conf/refuse.h"

/* ---- finding ---- */

static unsigned count_lines(const char *text, size_t size) {
        unsigned n = 0;

        for (const char *p = text; (p = memchr(p, '\n', size - (size_t) (p - text))); p++)
                n++;
        return n;
}

/* Returns the mark of the next drop-in, which begins a line, or the end of the text. */
static const char *find_mark(const char *p, const char *end, const char *begin) {
        for (; p < end; p++) {
                p = memchr(p, CONFIG_PART_MARK, (size_t) (end - p));
                if (!p)
                        return end;
                if (p == begin || p[-1] == '\n')
                        return p;
        }
        return end;
}

bool config_part_next(const char *text, size_t size, ConfigPart *part) {
        const char *end = text + size, *p = part->text ? part->text + part->size : text, *stop;

        if (!part->text) {
                stop = find_mark(p, end, text);
                *part = (ConfigPart){ .text = p, .size = (size_t) (stop - p) };
                return true;
        }
        if (p >= end)
                return false;
        stop = memchr(p, '\n', (size_t) (end - p)) ?: end;
        part->before += count_lines(part->text, part->size) + 1;
        part->file = p + 1;
        part->file_size = (size_t) (stop - p) - 1;
        part->text = MIN(stop + 1, end);
        part->size = (size_t) (find_mark(part->text, end, text) - part->text);
        return true;
}

void config_part_find(const char *text, size_t size, unsigned line, ConfigPart *ret_part,
                      unsigned *ret_line) {
        ConfigPart part = {};

        while (config_part_next(text, size, &part))
                if (!ret_part->text || line > part.before)
                        *ret_part = part;
        *ret_line = line - ret_part->before;
}

/* ---- reading ---- */

char *config_dropin_directory(const char *file) {
        return strfmt("%s.d", file);
}

bool config_dropin_valid(const char *name) {
        size_t n = strlen(name), suffix = strlen(".conf");

        if (n <= suffix || n > 255 || !streq(name + n - suffix, ".conf") || name[0] == '.')
                return false;
        for (const char *p = name; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("-_.+@:~", *p))
                        return false;
        return true;
}

static bool is_candidate(const char *name) {
        size_t n = strlen(name);

        return name[0] != '.' && n > 5 && streq(name + n - 5, ".conf");
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static int list_dropins(const char *directory, Strv *ret, char **ret_why) {
        _cleanup_closedir_ DIR *dir = opendir(directory);
        int r = 0;

        if (!dir && errno == ENOENT)
                return 0;
        if (!dir) {
                r = -errno;
                (void) refuse(ret_why, "cannot be read: %s", strerror(-r));
                return r;
        }
        for (struct dirent *e; r >= 0 && (e = readdir(dir));) {
                if (!is_candidate(e->d_name))
                        continue;
                if (!config_dropin_valid(e->d_name))
                        return refuse_text(ret_why, e->d_name,
                                           "use only letters, digits and -_.+@:~ in the name of a "
                                           "drop-in; rename it");
                r = strv_push(ret, e->d_name);
        }
        if (ret->n > 0)
                qsort(ret->v, ret->n, sizeof(char *), compare_names);
        return r;
}

/* What separates the parts must not be in any of them. */
static int check_part(const char *text, size_t size, unsigned *ret_line, char **ret_why) {
        const char *mark = memchr(text, CONFIG_PART_MARK, size);

        if (!mark)
                return 0;
        *ret_line = count_lines(text, (size_t) (mark - text)) + 1;
        return refuse(ret_why, "contains control character 0x%02x; remove it", CONFIG_PART_MARK);
}

typedef struct Whole {
        char *text;
        size_t size;
} Whole;

static int append(Whole *w, const char *file, const char *text, size_t size, char **ret_why) {
        size_t head = file ? strlen(file) + 3 : 0;
        char *longer, *p;

        if (w->size + head + size > INI_FILE_MAX)
                return refuse(ret_why,
                              "is more than 1 MiB together with the files before it, so it is not "
                              "a configuration file");
        longer = realloc(w->text, w->size + head + size + 1);
        if (!longer)
                return -ENOMEM;
        w->text = longer;
        p = longer + w->size;
        if (file) {
                if (w->size > 0 && p[-1] != '\n')
                        *p++ = '\n';
                *p++ = CONFIG_PART_MARK;
                p = stpcpy(p, file);
                *p++ = '\n';
        }
        p = mempcpy(p, text, size);
        *p = '\0';
        w->size = (size_t) (p - longer);
        return 0;
}

/* Reads one file and appends it. */
static int append_file(Whole *w, const char *path, bool dropin, unsigned *ret_line,
                       char **ret_why) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r = ini_file_read(path, &text, &size, ret_why);

        if (r >= 0)
                r = check_part(text, size, ret_line, ret_why);
        return r < 0 ? r : append(w, dropin ? path : NULL, text, size, ret_why);
}

static int read_dropins(Whole *w, const char *directory, char **ret_file, unsigned *ret_line,
                        char **ret_why) {
        _cleanup_strv_ Strv names = {};
        int r = list_dropins(directory, &names, ret_why);

        if (r < 0)
                return free_and_strdup(ret_file, directory) < 0 ? -ENOMEM : r;
        for (size_t i = 0; i < names.n; i++) {
                _cleanup_free_ char *path = strfmt("%s/%s", directory, names.v[i]);

                r = path ? append_file(w, path, true, ret_line, ret_why) : -ENOMEM;
                if (r == -ENOENT) /* it is the drop-in that does not exist, not the guest */
                        r = -EINVAL;
                if (r < 0)
                        return path && free_and_strdup(ret_file, path) >= 0 ? r : -ENOMEM;
        }
        return 0;
}

int config_parts_read(const char *file, char **ret, size_t *ret_size, char **ret_file,
                      unsigned *ret_line, char **ret_why) {
        _cleanup_free_ char *directory = config_dropin_directory(file), *text = NULL;
        Whole w = {};
        int r;

        if (!directory || free_and_strdup(ret_file, file) < 0)
                return -ENOMEM;
        *ret_line = 0;
        r = append_file(&w, file, false, ret_line, ret_why);
        if (r >= 0)
                r = read_dropins(&w, directory, ret_file, ret_line, ret_why);
        text = w.text;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        *ret_size = w.size;
        return 0;
}
