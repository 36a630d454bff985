/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mirror-index.c - parses the indices of distributions' mirrors. */

#include "umlctl/mirror-index.h"

/* It becomes a part of an URL. */
static bool name_valid(const char *name) {
        size_t n =
                strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+-");

        return n > 0 && n < 128 && name[n] == '\0' && name[0] != '.';
}

static int take(const char *name, const char *sum, MirrorFile *ret) {
        if (!name || !sum || !name_valid(name) || !sha256_parse(sum, ret->sum))
                return -EBADMSG;
        ret->name = strdup(name);
        return ret->name ? 0 : -ENOMEM;
}

/* What is known of one entry of the list; pointers into the text. */
typedef struct Release {
        const char *flavor, *file, *sum;
} Release;

/* "  file: NAME" */
static void take_field(char *line, Release *r) {
        static const struct {
                const char *key;
                size_t offset;
        } fields[] = {
                { "flavor:", offsetof(Release, flavor) },
                { "file:", offsetof(Release, file) },
                { "sha256:", offsetof(Release, sum) },
        };
        char *s = strstrip(line);

        FOREACH_ELEMENT (f, fields)
                if (startswith(s, f->key))
                        *(const char **) ((char *) r + f->offset) = strstrip(s + strlen(f->key));
}

int mirror_read_alpine(const char *text, const char *flavor, MirrorFile *ret) {
        _cleanup_free_ char *copy = strdup(text);
        char *next = copy;
        Release r = {};

        if (!copy)
                return -ENOMEM;
        while (next) {
                char *line = strsep(&next, "\n");

                if (line[0] == '-') { /* the next entry, maybe with its first field */
                        if (r.flavor && streq(r.flavor, flavor))
                                break;
                        r = (Release){};
                        line++;
                }
                take_field(line, &r);
        }
        if (!r.flavor || !streq(r.flavor, flavor))
                return -ENOENT;
        return take(r.file, r.sum, ret);
}

int mirror_read_sums(const char *text, const char *prefix, const char *suffix, MirrorFile *ret) {
        _cleanup_free_ char *copy = strdup(text);
        char *next = copy;

        if (!copy)
                return -ENOMEM;
        while (next) {
                char *line = strsep(&next, "\n"), *name = strchr(line, ' ');
                size_t n;

                if (!name)
                        continue;
                *name++ = '\0';
                name += strspn(name, " *");
                name = strstrip(name);
                n = strlen(name);
                if (startswith(name, prefix) && n >= strlen(suffix) &&
                    streq(name + n - strlen(suffix), suffix))
                        return take(name, line, ret);
        }
        return -ENOENT;
}
