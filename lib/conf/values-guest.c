/* SPDX-License-Identifier: GPL-2.0-or-later */
/* values-guest.c - parsers of values that become kernel arguments: kernel, disks, Append=. */

#include <ctype.h>

#include "basic/parse-util.h"
#include "basic/string-table.h"
#include "basic/string-util.h"
#include "conf/refuse.h"
#include "conf/values.h"

static const char *const memory_backing_table[] = {
        [BACKING_AUTO] = "auto",
        [BACKING_SHM] = "shm",
        [BACKING_PRIVATE] = "private",
        [BACKING_DIR] = "dir",
};
DEFINE_STRING_TABLE(memory_backing, MemoryBacking, MEMORY_BACKING_MAX);

static bool is_file_path(const char *s) {
        return s[0] == '/' && s[strlen(s) - 1] != '/';
}

int setting_parse_kernel(const Setting *s, const char *value, Config *c, char **ret_why) {
        if (!is_file_path(value))
                return refuse_text(ret_why, value, "not an absolute path; use for example %s",
                                   s->def ?: s->example);
        return free_and_strdup((char **) ((char *) c + s->fields[0].offset), value);
}

/* The kernel gets its disks as ubda=FILE,FILE on a single command line, so a file name must not
 * contain characters that split or quote there (':' separates like ','). */
static int check_disk_path(const char *path, char **ret_why) {
        if (!is_file_path(path))
                return refuse_text(ret_why, path, "not an absolute path");
        for (const char *p = path; *p; p++)
                if (isspace((unsigned char) *p) || *p == ':' || *p == '"')
                        return refuse_text(ret_why, path,
                                           "contains white space, ':' or '\"', which no UML kernel "
                                           "can open; rename the file");
        return 0;
}

enum {
        SWAP_PAGE_SIZE = 4096,
        SWAP_SIZE_MIN = 64 * 1024,
};

/* As many pages as a header of swap space can count. */
#define SWAP_SIZE_MAX ((UINT64_C(1) << 32) * SWAP_PAGE_SIZE - SWAP_PAGE_SIZE)

static int parse_swap(Disk *d, const char *size, char **ret_why) {
        uint64_t v;

        if (parse_size(size, &v) < 0 || v < SWAP_SIZE_MIN || v > SWAP_SIZE_MAX ||
            v % SWAP_PAGE_SIZE != 0)
                return refuse_text(ret_why, size,
                                   "invalid size of swap space; use for example ,swap=256M");
        d->swap = true;
        d->swap_size = v;
        return 0;
}

static int parse_disk_suffix(Disk *d, const char *suffix, char **ret_why) {
        const char *cow = startswith(suffix, "cow="), *swap = startswith(suffix, "swap=");

        if (streq(suffix, "ro"))
                d->read_only = true;
        else if (streq(suffix, "sync"))
                d->sync = true;
        else if (streq(suffix, "adopt"))
                d->adopt = true;
        else if (streq(suffix, "swap"))
                d->swap = true;
        else if (swap)
                return parse_swap(d, swap, ret_why);
        else if (cow && d->cow)
                return refuse_text(ret_why, suffix, "second cow=; a disk can have only one");
        else if (cow) {
                int r = check_disk_path(cow, ret_why);

                return r < 0 ? r : free_and_strdup(&d->cow, cow);
        } else
                return refuse_text(
                        ret_why, suffix,
                        "unknown disk suffix; use ,ro ,sync ,adopt ,cow=FILE or ,swap=SIZE (names "
                        "cannot contain commas)");
        return 0;
}

/* Parses PATH[,SUFFIX…]; text is modified. */
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
                return refuse(ret_why, "a disk with ,ro is never written, so ,cow= is useless; "
                                       "remove one of them");
        if (d->swap && (d->cow || d->read_only || d->sync))
                return refuse(ret_why, "swap space is written, and lost when the guest ends; "
                                       "remove ,ro ,sync and ,cow=");
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

        if (!text)
                return -ENOMEM;
        if (c->n_disks == CONFIG_DISKS_MAX)
                return refuse_text(ret_why, value, "too many disks; at most %d are possible",
                                   CONFIG_DISKS_MAX);
        r = parse_disk(&d, text, ret_why);
        if (r < 0)
                return r;
        if (d.swap && c->n_disks == 0)
                return refuse(ret_why, "the first disk holds the root file system; put this line "
                                       "after that of the root disk");
        c->disks[c->n_disks++] = d;
        d = (Disk){ 0 };
        return 0;
}

/* ---- directories of the host ---- */

static const char *endswith(const char *s, const char *end) {
        size_t n = strlen(s), m = strlen(end);

        return n >= m && streq(s + n - m, end) ? s + n - m : NULL;
}

/* Mount options of the guest name it, where a comma separates. The whole of the host is nothing to
 * be shared, and a path that is not in a normal form may lead there. */
static int check_directory(const char *path, char **ret_why) {
        int r = check_disk_path(path, ret_why);

        if (r < 0)
                return r;
        if (strchr(path, ',') || strstr(path, "//") || strstr(path, "/./") ||
            strstr(path, "/../") || endswith(path, "/.") || endswith(path, "/.."))
                return refuse_text(ret_why, path,
                                   "not a plain path of a directory; use one without commas, //, "
                                   "/./ and /../");
        return 0;
}

int setting_parse_root(const Setting *s, const char *value, Config *c, char **ret_why) {
        const char *path = startswith(value, "hostfs:");
        int r;

        if (streq(value, "disk"))
                return 0;
        if (!path)
                return refuse_text(ret_why, value, "unknown value; use disk or hostfs:DIR");
        r = check_directory(path, ret_why);
        return r < 0 ? r : free_and_strdup(&c->root_dir, path);
}

int setting_parse_share(const Setting *s, const char *value, Config *c, char **ret_why) {
        const char *suffix = endswith(value, ",ro");
        _cleanup_free_ char *path =
                suffix ? strndup(value, (size_t) (suffix - value)) : strdup(value);
        int r;

        if (!path)
                return -ENOMEM;
        if (c->shares.n + c->shares_read_only.n == CONFIG_SHARES_MAX)
                return refuse_text(ret_why, value, "too many directories; at most %d are possible",
                                   CONFIG_SHARES_MAX);
        r = check_directory(path, ret_why);
        return r < 0 ? r : strv_push(suffix ? &c->shares_read_only : &c->shares, path);
}

int setting_parse_backing(const Setting *s, const char *value, Config *c, char **ret_why) {
        const char *path = startswith(value, "dir:");
        MemoryBacking backing = path ? BACKING_DIR : memory_backing_from_string(value);

        if (path && path[0] != '/')
                return refuse_text(
                        ret_why, value,
                        "not an absolute path; use for example dir:/var/lib/umld/memory");
        if ((int) backing < 0 || (backing == BACKING_DIR && !path))
                return refuse_text(ret_why, value,
                                   "unknown value; use auto, shm, private or dir:PATH");
        c->backing = backing;
        return free_and_strdup(&c->backing_dir, path);
}

#define DIGITS "0123456789"

/* Arguments that umld sets itself, or that make the kernel exit before it boots, with what to use
 * instead. An argument matches if it is the name, any number of characters of tail, and then '=',
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
        { "con", DIGITS, "remove it; umld reads the console" },
        { "umid", "", "remove it; umld sets the name" },
        { "uml_dir", "", "remove it; umld sets the directory" },
        { "mconsole", "", "remove it; umld listens there" },
        { "hostfs", "", "remove it; umld keeps the host's files from the guest" },
        { "noreboot", "", "remove it; umld always sets it, see Restart=" },
        { "--help", "", "remove it; it makes the kernel exit" },
        { "--version", "", "remove it; it makes the kernel exit" },
        { "--showconfig", "", "remove it; it makes the kernel exit" },
};

static const char *reserved_instead(const char *word) {
        if (*word == '"') /* the kernel strips quotes */
                word++;
        FOREACH_ELEMENT (r, reserved) {
                const char *p = startswith(word, r->name);

                if (!p)
                        continue;
                p += strspn(p, r->tail);
                if (strchr("=:\"", *p)) /* matches the terminating NUL too */
                        return r->instead;
        }
        return NULL;
}

/* Arguments reach the kernel as one line, which it splits at white space outside double quotes. */
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
        Strv *words = (Strv *) ((char *) c + s->fields[0].offset);
        size_t i = words->n;
        int r = strv_split_shell(words, value);

        if (r == -EINVAL)
                return refuse_text(ret_why, value, "unterminated quote, or a backslash at the end");
        if (r < 0)
                return r;
        for (; i < words->n; i++) {
                const char *word = words->v[i], *instead = reserved_instead(word);

                if (instead)
                        return refuse_text(ret_why, word, "not allowed in Append=; %s", instead);
                if (!is_one_argument(word))
                        return refuse_text(ret_why, word,
                                           "not a single kernel argument; to include spaces, write "
                                           "'name=\"two words\"'");
        }
        return 0;
}
