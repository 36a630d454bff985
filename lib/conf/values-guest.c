/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values-guest.c - parsers of what becomes arguments of the guest's kernel: kernel, disks, extra
 * words. */

#include <ctype.h>

#include "basic/string-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

static bool is_file_path(const char *s) {
        return s[0] == '/' && s[strlen(s) - 1] != '/';
}

int setting_parse_kernel(const Setting *s, const char *value, Config *c, char **ret_why) {
        if (!is_file_path(value))
                return refuse_text(ret_why, value, "is not the absolute path of a file, such as %s",
                                   s->def ?: s->example);
        return free_and_strdup((char **) ((char *) c + s->offset), value);
}

/* The kernel takes its disks as ubda=FILE,FILE in one line of words: what splits or quotes there
 * cannot be in a name (and ':' is another ',' to it). */
static int check_disk_path(const char *path, char **ret_why) {
        if (!is_file_path(path))
                return refuse_text(ret_why, path, "is not the absolute path of a file");
        for (const char *p = path; *p; p++)
                if (isspace((unsigned char) *p) || *p == ':' || *p == '"')
                        return refuse_text(ret_why, path,
                                           "has white space, ':' or '\"' in it, which no UML "
                                           "kernel can open; rename it");
        return 0;
}

static int parse_disk_suffix(Disk *d, const char *suffix, char **ret_why) {
        const char *cow = startswith(suffix, "cow=");

        if (streq(suffix, "ro"))
                d->read_only = true;
        else if (streq(suffix, "sync"))
                d->sync = true;
        else if (streq(suffix, "swap"))
                return refuse_text(ret_why, ",swap", "is not supported yet");
        else if (cow && d->cow)
                return refuse_text(ret_why, suffix, "is a second cow=; a disk has one");
        else if (cow) {
                int r = check_disk_path(cow, ret_why);

                return r < 0 ? r : free_and_strdup(&d->cow, cow);
        } else
                return refuse_text(ret_why, suffix,
                                   "is no suffix of a disk; there are ,ro ,sync and ,cow=FILE (no "
                                   "name has a comma)");
        return 0;
}

/* PATH[,SUFFIX…]; text is taken apart in place. */
static int parse_disk(Disk *d, char *text, char **ret_why) {
        char *path = strsep(&text, ","), *suffix;
        int r = check_disk_path(path, ret_why);

        if (r < 0)
                return r;
        while ((suffix = strsep(&text, ","))) {
                r = parse_disk_suffix(d, suffix, ret_why);
                if (r < 0)
                        return r;
        }
        if (d->cow && d->read_only)
                return refuse(
                        ret_why,
                        "a disk with ,ro is never written, so ,cow= has no use; drop one of them");
        return free_and_strdup(&d->path, path);
}

static void disk_done(Disk *d) {
        free(d->path);
        free(d->cow);
}

int setting_parse_disk(const Setting *s, const char *value, Config *c, char **ret_why) {
        _cleanup_free_ char *text = strdup(value);
        _cleanup_(disk_done) Disk d = { 0 };
        int r;

        (void) s;
        if (!text)
                return -ENOMEM;
        if (c->n_disks == CONFIG_DISKS_MAX)
                return refuse_text(ret_why, value, "is one too many; a guest has at most %d disks",
                                   CONFIG_DISKS_MAX);
        r = parse_disk(&d, text, ret_why);
        if (r < 0)
                return r;
        c->disks[c->n_disks++] = d;
        d = (Disk){ 0 };
        return 0;
}

int setting_parse_backing(const Setting *s, const char *value, Config *c, char **ret_why) {
        const char *path = startswith(value, "dir:");
        MemoryBacking backing = path ? BACKING_DIR : memory_backing_from_string(value);

        (void) s;
        if (path && path[0] != '/')
                return refuse_text(ret_why, value,
                                   "names no absolute path; such as dir:/var/lib/umld/memory");
        if ((int) backing < 0 || (backing == BACKING_DIR && !path))
                return refuse_text(ret_why, value,
                                   "is unknown; use auto, shm, private or dir:PATH");
        c->backing = backing;
        return free_and_strdup(&c->backing_dir, path);
}

#define DIGITS "0123456789"

/* Arguments that umld gives itself, or that end the kernel before it starts, with what to do
 * instead. An argument is meant if it is the name, any number of characters of tail, and then '=',
 * ':' or nothing. */
static const struct {
        const char *name, *tail, *instead;
} reserved[] = {
        { "mem", "", "use Memory=" },
        { "ncpus", "", "use CPUs=" },
        { "hostname", "", "use Hostname=" },
        { "ubd", DIGITS "abcdefghijklmnopqrstuvwxyz", "use Disk=" },
        { "eth", DIGITS, "use Tap= with Transport=tuntap" },
        { "vec", DIGITS, "use Tap= with Transport=vector" },
        { "con", DIGITS, "leave it out, umld reads the console" },
        { "umid", "", "leave it out, umld gives the name" },
        { "uml_dir", "", "leave it out, umld gives the directory" },
        { "mconsole", "", "leave it out, umld listens there" },
        { "hostfs", "", "leave it out, umld keeps the guest from the host's files" },
        { "noreboot", "", "leave it out, umld always gives it; see Restart=" },
        { "--help", "", "leave it out, it ends the kernel" },
        { "--version", "", "leave it out, it ends the kernel" },
        { "--showconfig", "", "leave it out, it ends the kernel" },
};

static const char *reserved_instead(const char *word) {
        if (*word == '"') /* the kernel takes quotes off */
                word++;
        FOREACH_ELEMENT (r, reserved) {
                const char *p = startswith(word, r->name);

                if (!p)
                        continue;
                p += strspn(p, r->tail);
                if (strchr("=:\"", *p)) /* which finds the end as well */
                        return r->instead;
        }
        return NULL;
}

/* Arguments reach the kernel as one line, which it splits at white space that is not in double
 * quotes. */
static bool is_one_argument(const char *word) {
        bool quoted = false;

        for (const char *p = word; *p; p++)
                if (*p == '"')
                        quoted = !quoted;
                else if (!quoted && isspace((unsigned char) *p))
                        return false;
        return *word && !quoted;
}

int setting_parse_append(const Setting *s, const char *value, Config *c, char **ret_why) {
        Strv *words = (Strv *) ((char *) c + s->offset);
        size_t i = words->n;
        int r = strv_split_shell(words, value);

        if (r == -EINVAL)
                return refuse_text(ret_why, value,
                                   "has a quote without its end, or a backslash at its end");
        if (r < 0)
                return r;
        for (; i < words->n; i++) {
                const char *word = words->v[i], *instead = reserved_instead(word);

                if (instead)
                        return refuse_text(ret_why, word, "is not for Append=: %s", instead);
                if (!is_one_argument(word))
                        return refuse_text(
                                ret_why, word,
                                "is not one argument to the kernel; to keep blanks in it, write "
                                "'name=\"two words\"'");
        }
        return 0;
}
