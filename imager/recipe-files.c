/* SPDX-License-Identifier: GPL-2.0-or-later */
/* recipe-files.c - reads the archive of recipes. */

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "image/archive-why.h"
#include "imager/recipe-files.h"

enum {
        FILES_MAX = 1000,
        FILE_SIZE_MAX = 32 * 1024 * 1024, /* the largest is a static busybox */
};

#define GIVEN  "given/"
#define SUFFIX ".recipe"

void recipe_files_done(RecipeFiles *f) {
        for (size_t i = 0; i < f->n; i++) {
                free(f->v[i].path);
                free(f->v[i].data);
        }
        free(f->v);
        *f = (RecipeFiles){};
}

static int fail(char **ret_why, int error, const char *path, const char *text) {
        *ret_why = strfmt("the recipes cannot be read: %s: %s", path, text);
        return error;
}

static int fail_archive(char **ret_why, struct archive *a, const char *path) {
        _cleanup_free_ char *text = archive_why(a);

        return fail(ret_why, -EIO, path, text ?: "out of memory");
}

static int read_content(struct archive *a, const char *path, size_t size, char **ret,
                        char **ret_why) {
        _cleanup_free_ char *data = calloc(1, size + 1);

        if (!data)
                return -ENOMEM;
        if (size > 0 && archive_read_data(a, data, size) != (la_ssize_t) size)
                return fail_archive(ret_why, a, path);
        *ret = TAKE_PTR(data);
        return 0;
}

static int add(RecipeFiles *f, struct archive *a, struct archive_entry *e, char **ret_why) {
        const char *path = archive_entry_pathname(e) ?: "";
        int64_t size = archive_entry_size(e);
        RecipeFile new = {}, *v;
        int r;

        if (archive_entry_filetype(e) != AE_IFREG)
                return 0;
        if (f->n == FILES_MAX || size < 0 || size > FILE_SIZE_MAX)
                return fail(ret_why, -EFBIG, path, "too many files, or too large a file");
        v = realloc(f->v, (f->n + 1) * sizeof(*v));
        if (!v)
                return -ENOMEM;
        f->v = v;
        new.size = (size_t) size;
        r = read_content(a, path, new.size, &new.data, ret_why);
        if (r < 0)
                return r;
        new.path = startswith(path, GIVEN) ? strdup(path) : strfmt("/%s", path);
        if (!new.path) {
                free(new.data);
                return -ENOMEM;
        }
        f->v[f->n++] = new;
        return 0;
}

static int read_all(RecipeFiles *f, struct archive *a, char **ret_why) {
        struct archive_entry *e;
        int r = 0, code;

        while (r >= 0 && (code = archive_read_next_header(a, &e)) != ARCHIVE_EOF)
                r = code < ARCHIVE_WARN ? fail_archive(ret_why, a, "the archive")
                                        : add(f, a, e, ret_why);
        return r;
}

int recipe_files_read(int fd, RecipeFiles *ret, char **ret_why) {
        _cleanup_(recipe_files_done) RecipeFiles f = {};
        struct archive *a = archive_read_new();
        int r;

        if (!a)
                return -ENOMEM;
        if (archive_read_support_format_tar(a) != ARCHIVE_OK ||
            archive_read_open_fd(a, fd, 64 * 1024) != ARCHIVE_OK)
                r = fail_archive(ret_why, a, "the archive");
        else
                r = read_all(&f, a, ret_why);
        archive_read_free(a);
        if (r < 0)
                return r;
        *ret = f;
        f = (RecipeFiles){};
        return 0;
}

const RecipeFile *recipe_files_find(const RecipeFiles *f, const char *name, bool given) {
        for (size_t i = f->n; i-- > 0;) {
                const char *path = f->v[i].path, *inside = startswith(path, GIVEN),
                           *slash = strrchr(path, '/');

                if (given ? inside && streq(inside, name) : !inside && streq(slash + 1, name))
                        return &f->v[i];
        }
        return NULL;
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

int recipe_files_names(const RecipeFiles *f, Strv *ret) {
        for (size_t i = 0; i < f->n; i++) {
                const char *name = strrchr(f->v[i].path, '/') + 1;
                size_t n = strlen(name), suffix = strlen(SUFFIX);
                _cleanup_free_ char *base = NULL;

                if (startswith(f->v[i].path, GIVEN) || n <= suffix ||
                    !streq(name + n - suffix, SUFFIX))
                        continue;
                base = strndup(name, n - suffix);
                if (!base || (!strv_holds(ret, base) && strv_push(ret, base) < 0))
                        return -ENOMEM;
        }
        if (ret->n > 0)
                qsort(ret->v, ret->n, sizeof(*ret->v), compare);
        return 0;
}
