/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel-modules.c - the modules that a kernel needs in the image of its guest. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/image-protocol.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "umlctl/jobs.h"
#include "umlctl/kernel-modules.h"
#include "umlctl/pack.h"

enum {
        INDEX_MAX = 16 * 1024 * 1024,
        MODULE_MAX = 64 * 1024 * 1024,
};

typedef struct Collection {
        char *from, *to; /* directories of one release */
        char *index;     /* modules.dep, of which the lines are cut */
        Strv lines;      /* of it: those that are wanted */
} Collection;

static void collection_done(Collection *c) {
        free(c->from);
        free(c->to);
        free(c->index);
        strv_done(&c->lines);
}

/* ---- finding them ---- */

/* Debian's package has them in the first place, `make modules_install` puts them into the second,
 * which umld's unit hides and has in the third. */
static int find_directory(const KernelModules *m, char **ret, char **ret_why) {
        static const char *const places[] = { "/usr/lib/uml/modules", "/lib/modules",
                                              "/run/umld-modules" };

        for (size_t i = 0; i < (m->dir ? 1 : ARRAY_SIZE(places)); i++) {
                _cleanup_free_ char *dir = m->dir ? strdup(m->dir)
                                                  : strfmt("%s/%s", places[i], m->kernel->release),
                                    *index = dir ? strfmt("%s/modules.dep", dir) : NULL;

                if (!index)
                        return -ENOMEM;
                if (access(index, R_OK) >= 0) {
                        *ret = TAKE_PTR(dir);
                        return 0;
                }
        }
        *ret_why = m->dir ? strfmt("%s has no modules.dep", m->dir)
                          : strfmt("the modules of Linux %s are in neither %s nor %s; install "
                                   "them, or name their directory with --modules",
                                   m->kernel->release, places[0], places[1]);
        return -ENOENT;
}

/* Is this the path of the module, "kernel/net/sched/sch-fq.ko.xz: …" of sch_fq? */
static bool is_module(const char *line, const char *name) {
        size_t size = strcspn(line, ":");
        const char *slash = memrchr(line, '/', size), *p = slash ? slash + 1 : line;

        for (; *name; p++, name++)
                if (*p != *name && !(*p == '-' && *name == '_') && !(*p == '_' && *name == '-'))
                        return false;
        return startswith(p, ".ko") && (p[3] == ':' || p[3] == '.');
}

/* The line about a module, or about the file of one, up to its end; NULL: none. */
static const char *find_line(const char *index, const char *what, bool is_file, size_t *ret_size) {
        for (const char *p = index; *p;) {
                size_t size = strcspn(p, "\n");
                const char *rest = is_file ? startswith(p, what) : NULL;

                if (is_file ? rest && *rest == ':' : is_module(p, what)) {
                        *ret_size = size;
                        return p;
                }
                p += size + (p[size] == '\n');
        }
        return NULL;
}

static int add_line(Collection *c, const char *line, size_t size) {
        for (size_t i = 0; i < c->lines.n; i++)
                if (strlen(c->lines.v[i]) == size && memcmp(c->lines.v[i], line, size) == 0)
                        return 0;
        return strv_pushf(&c->lines, "%.*s", (int) size, line);
}

/* A line names all that the module needs, in the end as well. */
static int add_module(Collection *c, const char *line, size_t size) {
        _cleanup_free_ char *copy = strndup(line, size);
        char *save = NULL, *colon = copy ? strchr(copy, ':') : NULL;
        int r = copy ? add_line(c, line, size) : -ENOMEM;

        for (char *file = r >= 0 && colon ? strtok_r(colon + 1, " ", &save) : NULL; r >= 0 && file;
             file = strtok_r(NULL, " ", &save)) {
                size_t n;
                const char *needed = find_line(c->index, file, true, &n);

                if (needed)
                        r = add_line(c, needed, n);
        }
        return r;
}

static int collect(Collection *c, const KernelModules *m, char **ret_why) {
        _cleanup_free_ char *path = strfmt("%s/modules.dep", c->from);
        const char *line;
        size_t size;
        ssize_t n = path ? read_file(path, INDEX_MAX, &c->index) : -ENOMEM;
        int r = (int) MIN(n, 0);

        for (size_t i = 0; r >= 0 && i < m->names.n; i++) {
                line = find_line(c->index, m->names.v[i], false, &size);
                if (!line) {
                        *ret_why = strfmt("%s has no module %s for Linux %s", c->from,
                                          m->names.v[i], m->kernel->release);
                        return -ENOENT;
                }
                r = add_module(c, line, size);
        }
        line = r >= 0 && m->ipv6 ? find_line(c->index, "ipv6", false, &size) : NULL;
        return line ? add_module(c, line, size) : r;
}

/* ---- the tree for the image ---- */

static int copy_file(const Collection *c, const char *line) {
        _cleanup_free_ char *file = strndup(line, strcspn(line, ":")),
                            *from = file ? strfmt("%s/%s", c->from, file) : NULL,
                            *to = file ? strfmt("%s/%s", c->to, file) : NULL,
                            *dir = to ? strndup(to, (size_t) (strrchr(to, '/') - to)) : NULL,
                            *data = NULL;
        _cleanup_close_ int fd = -EBADF;
        ssize_t size;
        int r = dir ? mkdir_p(dir, 0755) : -ENOMEM;

        if (r < 0)
                return r;
        size = read_file(from, MODULE_MAX, &data);
        if (size < 0)
                return (int) size;
        fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        return fd < 0 ? -errno : write_all(fd, data, (size_t) size);
}

static int write_lines(const Collection *c, const char *name, bool all) {
        _cleanup_free_ char *path = strfmt("%s/%s", c->to, name);
        FILE *f = path ? fopen(path, "wxe") : NULL;
        bool whole;

        if (!f)
                return path ? -errno : -ENOMEM;
        for (size_t i = 0; all && i < c->lines.n; i++)
                fprintf(f, "%s\n", c->lines.v[i]);
        whole = !ferror(f);
        if (fclose(f) != 0)
                return -errno;
        return whole ? 0 : -EIO;
}

static int make_tree(const Collection *c) {
        int r = mkdir_p(c->to, 0755);

        for (size_t i = 0; r >= 0 && i < c->lines.n; i++)
                r = copy_file(c, c->lines.v[i]);
        if (r >= 0)
                r = write_lines(c, "modules.dep", true);
        return r < 0 ? r : write_lines(c, IMAGE_MODULES_MARK, false);
}

/* kmod's modprobe reads binary indices, and finds what the kernel asks for by an alias
 * ("net-pf-10") in an index alone; busybox needs only the text of modules.dep for a name. */
static int run_depmod(const char *top, const KernelModules *m, Progress *progress, char **ret_why) {
        static const char *const places[] = { "/usr/sbin/depmod", "/sbin/depmod",
                                              "/usr/bin/depmod" };
        _cleanup_(job_done) Job j = JOB_INIT;
        const char *program = NULL;
        int r = 0;

        for (size_t i = 0; !program && i < ARRAY_SIZE(places); i++)
                if (access(places[i], X_OK) >= 0)
                        program = places[i];
        if (!program) {
                *ret_why = strdup("there is no depmod here; install the package kmod");
                return -ENOENT;
        }
        const char *const words[] = { program, "-b", top, m->kernel->release };

        for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(words); i++)
                r = strv_push(&j.argv, words[i]);
        j.what = "depmod";
        return r < 0 ? r : jobs_run(&j, 1, progress, ret_why);
}

static int pack(const Collection *c, const KernelModules *m, const Workspace *w, Progress *progress,
                int *ret, char **ret_why) {
        _cleanup_strv_ Strv pairs = {};
        int r = strv_pushf(&pairs, "%s:/lib/modules/%s", c->to, m->kernel->release);

        return r < 0 ? r : pack_files(w, "modules.tar", &pairs, progress, ret, ret_why);
}

int kernel_modules_pack(const KernelModules *m, const Workspace *w, Progress *progress, int *ret,
                        char **ret_why) {
        _cleanup_free_ char *top = strfmt("%s/tree", w->path);
        _cleanup_(collection_done) Collection c = { .to = strfmt("%s/tree/lib/modules/%s", w->path,
                                                                 m->kernel->release) };
        int r = top && c.to ? find_directory(m, &c.from, ret_why) : -ENOMEM;

        if (r >= 0)
                r = collect(&c, m, ret_why);
        if (r >= 0)
                r = make_tree(&c);
        if (r >= 0)
                r = run_depmod(top, m, progress, ret_why);
        if (r >= 0)
                r = pack(&c, m, w, progress, ret, ret_why);
        return r;
}
