/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-files.c - reads, checks and replaces the files of a guest's configuration. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "api/exit-codes.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "conf/ini-file.h"
#include "umlctl/config-files.h"
#include "umlctl/say.h"
#include "umlctl/verbs.h"

void config_files_done(ConfigFiles *c) {
        free(c->file);
        free(c->text);
        *c = (ConfigFiles){};
}

static int code_of(int r) {
        return r == -EACCES || r == -EPERM ? EXIT_NOT_PERMITTED : EXIT_FAILED;
}

static int fail(const char *path, int r) {
        return fail_with(code_of(r), "%s: cannot be written: %s", path, strerror(-r));
}

int config_files_read(const char *guest, ConfigFiles *c) {
        _cleanup_free_ char *at = NULL, *why = NULL;
        char line[16] = "";
        unsigned number = 0;
        int r;

        c->guest = guest;
        c->file = umld_config_path(guest);
        r = c->file ? config_parts_read(c->file, &c->text, &c->size, &at, &number, &why) : -ENOMEM;
        if (r >= 0)
                return 0;
        if (number > 0)
                snprintf(line, sizeof(line), ":%u", number);
        return fail_with(code_of(r), "%s%s: %s", at ?: guest, line, why ?: strerror(-r));
}

int config_files_copy(const ConfigFiles *c, const ConfigPart *part, char **ret_path,
                      char **ret_text) {
        _cleanup_free_ char *path = part->file ? strndup(part->file, part->file_size)
                                               : strdup(c->file),
                            *text = strndup(part->text, part->size);

        if (!path || !text)
                return fail_with(EXIT_FAILED, "out of memory");
        *ret_path = TAKE_PTR(path);
        *ret_text = TAKE_PTR(text);
        return 0;
}

/* ---- checking ---- */

static void put_part(FILE *f, const char *path, const char *text, size_t size) {
        if (path)
                fprintf(f, "%c%s\n", CONFIG_PART_MARK, path);
        fprintf(f, "%.*s%s", (int) size, text, size > 0 && text[size - 1] != '\n' ? "\n" : "");
}

/* The whole, with one file replaced, or with a new drop-in where its name belongs. */
static void put_all(FILE *f, const ConfigFiles *c, const char *path, const char *text) {
        ConfigPart part = {};
        bool done = false;

        while (config_part_next(c->text, c->size, &part)) {
                char *name = strndupa(part.file ?: "", part.file_size);
                int order = part.file ? strcmp(path, name) : streq(path, c->file) ? 0 : 1;

                if (order < 0 && !done) {
                        put_part(f, path, text, strlen(text));
                        done = true;
                }
                if (order == 0)
                        put_part(f, part.file ? name : NULL, text, strlen(text));
                else
                        put_part(f, part.file ? name : NULL, part.text, part.size);
                done |= order == 0;
        }
        if (!done)
                put_part(f, path, text, strlen(text));
}

int config_files_check(const ConfigFiles *c, const char *path, const char *text) {
        _cleanup_free_ char *all = NULL, *error = NULL,
                            *disk = umld_path(DIR_STATE, c->guest, "root.img");
        _cleanup_(config_freep) Config *config = NULL;
        size_t size = 0;
        FILE *f;
        int r;

        if (strchr(text, CONFIG_PART_MARK))
                return fail_with(EXIT_USAGE, "%s: contains control character 0x%02x; remove it",
                                 path, CONFIG_PART_MARK);
        f = disk ? open_memstream(&all, &size) : NULL;
        if (!f)
                return fail_with(EXIT_FAILED, "out of memory");
        put_all(f, c, path, text);
        r = memstream_close(f, &all);
        if (r >= 0 && size > INI_FILE_MAX)
                return fail_with(EXIT_USAGE,
                                 "%s: the configuration would be larger than 1 MiB; shorten it",
                                 path);
        if (r >= 0)
                r = config_parse(c->guest, c->file, all, size, disk, &config, &error);
        return r < 0 ? fail_with(EXIT_USAGE, "%s", error ?: strerror(-r)) : 0;
}

/* ---- writing ---- */

typedef struct Replacement {
        const char *text;
        const struct stat *like; /* NULL: a new file */
} Replacement;

static int fill(int fd, const void *what) {
        const Replacement *p = what;
        mode_t mode = p->like ? p->like->st_mode & 07777 : 0644;
        int r = write_all(fd, p->text, strlen(p->text));

        if (r >= 0 && p->like && (p->like->st_uid != geteuid() || p->like->st_gid != getegid()))
                r = RET_NERRNO(fchown(fd, p->like->st_uid, p->like->st_gid));
        if (r >= 0)
                r = RET_NERRNO(fchmod(fd, mode));
        return r < 0 ? r : RET_NERRNO(fsync(fd));
}

/* 1: that is what the file contains. */
static int contains(const char *path, const char *text) {
        _cleanup_free_ char *now = NULL;
        ssize_t n;

        if (!text)
                return access(path, F_OK) < 0 ? 1 : 0;
        n = read_file(path, INI_FILE_MAX + 1, &now);
        return n < 0 ? (int) n : (size_t) n == strlen(text) && memcmp(now, text, (size_t) n) == 0;
}

/* With the lock of the directory, which others who change a file of it by umlctl take as well. */
static int replace_locked(const char *real, const char *before, const char *text) {
        _cleanup_free_ char *directory = strndup(real, (size_t) (strrchr(real, '/') - real));
        _cleanup_close_ int dir = -EBADF;
        struct stat st;
        int r;

        dir = directory ? open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
        if (dir < 0 || flock(dir, LOCK_EX) < 0)
                return -errno;
        r = contains(real, before);
        if (r <= 0)
                return r < 0 ? r : -ESTALE;
        if (before && stat(real, &st) < 0)
                return -errno;
        r = fill_file_atomic(real, fill, &(Replacement){ text, before ? &st : NULL });
        return r < 0 ? r : RET_NERRNO(fsync(dir));
}

int config_files_write(const ConfigFiles *c, const char *path, const char *before,
                       const char *text) {
        _cleanup_free_ char *dropins = config_dropin_directory(c->file), *real = NULL;
        int r = dropins ? 0 : -ENOMEM;

        if (r >= 0 && !before)
                r = mkdir_p(dropins, 0755);
        if (r >= 0) { /* a link is kept: what it leads to is replaced */
                real = before ? realpath(path, NULL) : strdup(path);
                r = real ? replace_locked(real, before, text) : -errno;
        }
        if (r == -ESTALE)
                return fail_with(
                        EXIT_FAILED,
                        "%s: was changed by somebody else meanwhile, so it was left alone; "
                        "try again",
                        path);
        return r < 0 ? fail(path, r) : 0;
}

void config_files_say_changed(const ConfigFiles *c, const char *what) {
        note("%s: %s%s%s", c->guest, what,
             control_running(c->guest) ? "; to apply it, run umlctl reload " : "",
             control_running(c->guest) ? c->guest : "");
}
