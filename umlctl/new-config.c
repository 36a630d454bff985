/* SPDX-License-Identifier: GPL-2.0-or-later */
/* new-config.c - writes the configuration of a new guest. */

#include <stdio.h>
#include <stdlib.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "conf/settings.h"
#include "umlctl/guests.h"
#include "umlctl/new-config.h"
#include "umlctl/say.h"
#include "umlctl/setting-name.h"

/* ---- lines, in the order of the table of settings ---- */

typedef struct Line {
        const Setting *setting;
        char *value;
        bool ours; /* a default of create, which --set may override */
} Line;

typedef struct Lines {
        Line *v;
        size_t n;
} Lines;

static void lines_done(Lines *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->v[i].value);
        free(l->v);
}

static int add_line(Lines *l, const Setting *s, const char *value, bool ours) {
        Line *v = realloc(l->v, (l->n + 1) * sizeof(*v));

        if (!v)
                return -ENOMEM;
        l->v = v;
        l->v[l->n] = (Line){ .setting = s, .value = strdup(value), .ours = ours };
        return l->v[l->n++].value ? 0 : -ENOMEM;
}

static int add(Lines *l, const char *section, const char *key, const char *value, bool ours) {
        const Setting *s = setting_find(section, key);

        assert(s);
        return value ? add_line(l, s, value, ours) : 0;
}

static int add_size(Lines *l, const char *section, const char *key, uint64_t size, bool ours) {
        static const char units[] = "KMGT";
        _cleanup_free_ char *text = NULL;
        size_t unit = 0;

        size >>= 10;
        while (size % 1024 == 0 && size > 0 && units[unit + 1]) {
                size /= 1024;
                unit++;
        }
        text = strfmt("%llu%c", (unsigned long long) size, units[unit]);
        return text ? add(l, section, key, text, ours) : -ENOMEM;
}

/* ---- --set ---- */

static void drop_ours(Lines *l, const Setting *s) {
        for (size_t i = 0; i < l->n; i++)
                if (l->v[i].setting == s && l->v[i].ours) {
                        free(l->v[i].value);
                        memmove(l->v + i, l->v + i + 1, (--l->n - i) * sizeof(*l->v));
                        return;
                }
}

/* 0 or the exit code. */
static int add_given(Lines *l, const char *given) {
        size_t size = strcspn(given, "=");
        const Setting *s = setting_named(given, size);

        if (!given[size])
                return fail_with(EXIT_USAGE, "--set=%s: must be KEY=VALUE", given);
        if (!s)
                return setting_fail("--set=", given, size);
        if (strpbrk(given + size, "\r\n"))
                return fail_with(EXIT_USAGE, "--set=%s: a value must be a single line", given);
        drop_ours(l, s);
        return add_line(l, s, given + size + 1, false) < 0 ? fail_with(EXIT_FAILED, "out of memory")
                                                           : 0;
}

/* ---- the file ---- */

static int print_lines(FILE *f, const Lines *l) {
        size_t n;
        const Setting *rows = settings_table(&n);
        const char *section = "";

        for (const Setting *s = rows; s < rows + n; s++)
                for (size_t i = 0; i < l->n; i++) {
                        if (l->v[i].setting != s)
                                continue;
                        if (!streq(section, s->section))
                                fprintf(f, "%s[%s]\n", *section ? "\n" : "", s->section);
                        section = s->section;
                        fprintf(f, "%s=%s\n", s->key, l->v[i].value);
                }
        return fflush(f) != 0 ? -errno : 0;
}

/* Where there are several disks, all are named; umld makes the one for swapping. */
static int add_disks(Lines *l, const char *name, const CreateOptions *o) {
        _cleanup_free_ char *root = umld_path(DIR_STATE, name, "root.img"),
                            *swap = umld_path(DIR_STATE, name, "swap.img"),
                            *line = swap ? strfmt("%s,swap=%lluK", swap,
                                                  (unsigned long long) (o->swap >> 10))
                                         : NULL;
        int r = root && line ? add(l, "Guest", "Disk", root, true) : -ENOMEM;

        return r < 0 ? r : add(l, "Guest", "Disk", line, true);
}

static int collect(Lines *l, const char *name, const CreateOptions *o, const ImageWishes *wishes) {
        int r = add(l, "Guest", "Kernel", o->kernel, false);

        if (r >= 0)
                r = add_size(l, "Guest", "Memory", o->memory ?: (uint64_t) CREATE_MEMORY_MIB << 20,
                             o->memory == 0);
        if (r >= 0)
                r = add(l, "Guest", "Hostname", o->hostname, false);
        if (r >= 0 && o->swap > 0)
                r = add_disks(l, name, o);
        if (r >= 0 && wishes->by_init)
                r = add(l, "Network", "ConfigureBy", "init", true);
        if (r >= 0 && wishes->vector)
                r = add(l, "Network", "Transport", "vector", true);
        if (r >= 0 && wishes->ready)
                r = add(l, "Supervise", "Ready", "guest", true);
        for (size_t i = 0; r >= 0 && i < o->forwards.n; i++)
                r = add(l, "Network", "Forward", o->forwards.v[i], false);
        return r;
}

static int check(const char *name, const char *text, Config **ret) {
        _cleanup_free_ char *disk = umld_path(DIR_STATE, name, "root.img"), *error = NULL;
        _cleanup_free_ char *file = strfmt("%s.conf", name);
        int r = disk && file ? config_parse(name, file, text, strlen(text), disk, ret, &error)
                             : -ENOMEM;

        return r < 0 ? fail_with(EXIT_USAGE, "%s", error ?: strerror(-r)) : 0;
}

static int write_text(const Lines *l, char **ret) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return -errno;
        fprintf(f, "# Made by umlctl create. See umld.conf(5).\n");
        r = print_lines(f, l);
        if (memstream_close(f, &text) < 0 && r >= 0)
                r = -ENOMEM;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(text);
        return 0;
}

int new_config(const char *name, const CreateOptions *o, const ImageWishes *wishes, char **ret,
               Config **ret_config) {
        _cleanup_(lines_done) Lines l = {};
        _cleanup_(config_freep) Config *config = NULL;
        _cleanup_free_ char *text = NULL;
        int r = collect(&l, name, o, wishes);

        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot write the configuration: %s", name,
                                 strerror(-r));
        for (size_t i = 0; i < o->set.n; i++) {
                r = add_given(&l, o->set.v[i]);
                if (r != 0)
                        return r;
        }
        r = write_text(&l, &text);
        if (r < 0)
                return fail_with(EXIT_FAILED, "%s: cannot write the configuration: %s", name,
                                 strerror(-r));
        r = check(name, text, &config);
        if (r != 0)
                return r;
        free(*ret);
        config_free(*ret_config);
        *ret = TAKE_PTR(text);
        *ret_config = TAKE_PTR(config);
        return 0;
}
