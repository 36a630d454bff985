/* SPDX-License-Identifier: GPL-2.0-or-later */
/* workspace.c - the files of a guest that is being created. */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "conf/parts.h"
#include "umlctl/guests.h"
#include "umlctl/workspace.h"

/* A file in STATE/NAME while files are moved there: their names, one per line. It is locked by the
 * process that does that. */
#define JOURNAL ".creating"

#define SUFFIX ".new-"

/* In the journal: there are drop-ins, too. It is no name of a file. */
#define DROPINS_MARK "drop-ins/"

/* In the journal: files may be replaced, and behind it the process. */
#define REPLACES_MARK "replaces/"

/* In the directory of the new files: the one that was replaced, to be put back if a later step
 * fails. */
#define OLD "old."

/* ---- cleaning up after killed processes ---- */

/* It is not locked, so the process that made it is dead. */
static bool abandoned(const char *path, int flags) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags);

        return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) >= 0;
}

/* Is this entry called ".NAME" + what + ".new-PID"? */
static bool is_new(const char *entry, const char *what) {
        const char *suffix = strstr(entry, SUFFIX);
        _cleanup_free_ char *name = NULL;
        uint64_t pid;
        size_t n;

        if (entry[0] != '.' || !suffix ||
            parse_unsigned(suffix + strlen(SUFFIX), 1, INT32_MAX, &pid) < 0)
                return false;
        n = (size_t) (suffix - entry) - 1;
        if (n < strlen(what) || strncmp(suffix - strlen(what), what, strlen(what)) != 0)
                return false;
        name = strndup(entry + 1, n - strlen(what));
        return name && guest_name_valid(name);
}

static void remove_listed(const char *name, char *list) {
        char *save = NULL;

        for (char *file = strtok_r(list, "\n", &save); file; file = strtok_r(NULL, "\n", &save)) {
                _cleanup_free_ char *path = streq(file, DROPINS_MARK)
                                                    ? guest_dropin_directory(name)
                                                    : umld_path(DIR_STATE, name, file);

                if (path && streq(file, DROPINS_MARK))
                        (void) rm_rf(path);
                else if (path && !strchr(file, '/'))
                        (void) unlink_quiet(path);
        }
}

/* If it was moved into STATE/NAME, what was there before comes back; `new` is where it was. */
static void put_back(int new, int target, const char *file) {
        _cleanup_free_ char *old = strfmt(OLD "%s", file);

        if (!old || renameat(new, old, target, file) >= 0)
                return;
        if (errno == ENOENT && faccessat(new, file, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                (void) unlinkat(target, file, 0);
}

/* The guest is as it was before, unless the last step, its new configuration, was done. */
static void undo_replacement(const char *name, const char *dir, char *list, const char *pid) {
        _cleanup_free_ char *config = strfmt("%s/.%s.conf" SUFFIX "%s", umld_dir(DIR_CONFIG), name,
                                             pid),
                            *path = strfmt("%s/.%s" SUFFIX "%s", umld_dir(DIR_STATE), name, pid);
        _cleanup_close_ int new =
                path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -EBADF,
                            target = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        char *save = NULL;

        if (!config || access(config, F_OK) < 0 || new < 0 || target < 0)
                return;
        for (char *file = strtok_r(list, "\n", &save); file; file = strtok_r(NULL, "\n", &save))
                if (!strchr(file, '/'))
                        put_back(new, target, file);
}

/* Removes the files that were moved into STATE/NAME, unless the last step, the configuration, was
 * done. */
static void undo_journal(const char *name) {
        _cleanup_free_ char *journal = umld_path(DIR_STATE, name, JOURNAL),
                            *dir = umld_path(DIR_STATE, name, NULL), *list = NULL, *pid = NULL;
        const char *replaces;

        if (!journal || !dir)
                return;
        if (access(journal, F_OK) < 0) {
                if (!guest_configured(name))
                        (void) rmdir(dir); /* whoever made it was killed before the journal */
                return;
        }
        if (!abandoned(journal, 0) || read_file(journal, 4096, &list) < 0)
                return;
        replaces = strstr(list, REPLACES_MARK);
        if (replaces)
                pid = strndup(replaces + strlen(REPLACES_MARK),
                              strspn(replaces + strlen(REPLACES_MARK), "0123456789"));
        if (!guest_configured(name))
                remove_listed(name, list);
        else if (pid)
                undo_replacement(name, dir, list, pid);
        (void) unlink_quiet(journal);
        (void) rmdir(dir); /* if it holds nothing else */
}

static void undo_journals(void) {
        _cleanup_closedir_ DIR *d = opendir(umld_dir(DIR_STATE));

        for (struct dirent *e; d && (e = readdir(d));)
                if (guest_name_valid(e->d_name))
                        undo_journal(e->d_name);
}

static void sweep_state(void) {
        _cleanup_closedir_ DIR *d = opendir(umld_dir(DIR_STATE));

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *path = strfmt("%s/%s", umld_dir(DIR_STATE), e->d_name);

                if (path && is_new(e->d_name, "") && abandoned(path, O_DIRECTORY))
                        (void) rm_rf(path);
        }
}

static void sweep_config(void) {
        _cleanup_closedir_ DIR *d = opendir(umld_dir(DIR_CONFIG));

        for (struct dirent *e; d && (e = readdir(d));) {
                _cleanup_free_ char *path = strfmt("%s/%s", umld_dir(DIR_CONFIG), e->d_name);

                if (path && is_new(e->d_name, ".conf") && abandoned(path, 0))
                        (void) unlink_quiet(path);
                if (path && is_new(e->d_name, ".conf.d") && abandoned(path, O_DIRECTORY))
                        (void) rm_rf(path);
        }
}

void workspace_sweep(void) {
        undo_journals(); /* they need what the others remove */
        sweep_state();
        sweep_config();
}

/* ---- making ---- */

/* Another umlctl may remove it as a leftover before it is locked. */
static int lock_directory(const char *path) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        struct stat a, b;

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        if (fstat(fd, &a) < 0 || lstat(path, &b) < 0)
                return -errno;
        return a.st_ino == b.st_ino && a.st_dev == b.st_dev ? TAKE_FD(fd) : -ENOENT;
}

int workspace_make(Workspace *w, const char *name) {
        int r = mkdir_p(umld_dir(DIR_STATE), 0711);

        if (r < 0)
                return r;
        w->name = strdup(name);
        w->path = strfmt("%s/.%s" SUFFIX "%d", umld_dir(DIR_STATE), name, (int) getpid());
        if (!w->name || !w->path)
                return -ENOMEM;
        r = -EAGAIN;
        for (int i = 0; r < 0 && i < 10; i++) {
                if (mkdir(w->path, 0700) < 0 && errno != EEXIST)
                        return -errno;
                r = w->dir = lock_directory(w->path);
        }
        return MIN(r, 0);
}

int workspace_file(const Workspace *w, const char *file) {
        return RET_NERRNO(
                openat(w->dir, file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
}

int workspace_rename(Workspace *w, const char *name) {
        return free_and_strdup(&w->name, name);
}

static int write_part(int dir, const char *file, const ConfigPart *part) {
        _cleanup_close_ int fd =
                openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
        int r = fd < 0 ? -errno : write_all(fd, part->text, part->size);

        return r < 0 ? r : RET_NERRNO(fsync(fd));
}

static int make_dropins(Workspace *w) {
        w->dropins =
                strfmt("%s/.%s.conf.d" SUFFIX "%d", umld_dir(DIR_CONFIG), w->name, (int) getpid());
        if (!w->dropins)
                return -ENOMEM;
        (void) rm_rf(w->dropins); /* left by a process that had our pid */
        if (mkdir(w->dropins, 0755) < 0)
                return -errno;
        return w->dropins_fd = lock_directory(w->dropins);
}

/* `part` is the first one, which is not a drop-in. */
static int write_dropins(Workspace *w, const char *text, size_t size, ConfigPart *part) {
        int r = 0;

        while (r >= 0 && config_part_next(text, size, part)) {
                _cleanup_free_ char *path = strndup(part->file, part->file_size);
                const char *slash = path ? strrchr(path, '/') : NULL;

                if (!path)
                        return -ENOMEM;
                if (!slash || !config_dropin_valid(slash + 1))
                        return -EINVAL;
                if (!w->dropins)
                        r = make_dropins(w);
                if (r >= 0)
                        r = write_part(w->dropins_fd, slash + 1, part);
        }
        return MIN(r, 0);
}

static int open_config(Workspace *w) {
        w->conf = strfmt("%s/.%s.conf" SUFFIX "%d", umld_dir(DIR_CONFIG), w->name, (int) getpid());
        if (!w->conf)
                return -ENOMEM;
        (void) unlink(w->conf); /* left by a process that had our pid */
        w->conf_fd = open(w->conf, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (w->conf_fd < 0)
                return -errno;
        return RET_NERRNO(flock(w->conf_fd, LOCK_EX | LOCK_NB));
}

int workspace_config(Workspace *w, const char *text) {
        size_t size = strlen(text);
        ConfigPart part = {};
        int r = mkdir_p(umld_dir(DIR_CONFIG), 0755);

        if (r >= 0)
                r = open_config(w);
        if (r < 0)
                return r;
        (void) config_part_next(text, size, &part);
        r = write_all(w->conf_fd, part.text, part.size);
        if (r >= 0)
                r = RET_NERRNO(fchmod(w->conf_fd, 0644));
        if (r >= 0)
                r = RET_NERRNO(fsync(w->conf_fd));
        return r < 0 ? r : write_dropins(w, text, size, &part);
}

/* ---- putting in place ---- */

static int fill_journal(int fd, const char *const *files, bool dropins, bool replaces) {
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return -errno;
        for (; *files; files++)
                if (dprintf(fd, "%s\n", *files) < 0)
                        return -errno;
        if (dropins && dprintf(fd, DROPINS_MARK "\n") < 0)
                return -errno;
        if (replaces && dprintf(fd, REPLACES_MARK "%d\n", (int) getpid()) < 0)
                return -errno;
        return RET_NERRNO(fsync(fd));
}

static int write_journal(const char *path, const char *const *files, bool dropins, bool replaces) {
        _cleanup_close_ int fd =
                open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        int r = fd < 0 ? -errno : fill_journal(fd, files, dropins, replaces);

        if (fd >= 0 && r < 0)
                (void) unlink(path);
        return r < 0 ? r : TAKE_FD(fd);
}

/* Another umlctl may remove the directory as a leftover before the journal is in it. */
static int begin_commit(const char *dir, const char *path, const char *const *files, bool dropins,
                        bool replaces, int *ret_target) {
        int r = -ENOENT;

        for (int i = 0; r == -ENOENT && i < 10; i++) {
                r = mkdir_p(dir, 0711); /* the guest's user passes through to its image */
                if (r >= 0)
                        r = write_journal(path, files, dropins, replaces);
        }
        if (r < 0)
                return r;
        *ret_target = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        if (*ret_target >= 0)
                return r;
        close(r);
        r = -errno;
        (void) unlink(path);
        return r;
}

/* File systems without hard links have no way back. */
static int keep_old(const Workspace *w, int target, const char *file) {
        _cleanup_free_ char *old = strfmt(OLD "%s", file);

        if (!old)
                return -ENOMEM;
        if (linkat(target, file, w->dir, old, 0) >= 0 || errno == EPERM || errno == EOPNOTSUPP)
                return 0;
        return -errno;
}

static int move_file(const Workspace *w, int target, const char *file, bool replace) {
        struct stat st;
        int r = fstatat(target, file, &st, AT_SYMLINK_NOFOLLOW) >= 0 ? 1 : 0;

        if (r > 0)
                r = replace ? keep_old(w, target, file) : -EEXIST;
        if (r < 0)
                return r;
        return RET_NERRNO(renameat(w->dir, file, target, file));
}

static int move_file_of_config(const Workspace *w, bool replace) {
        _cleanup_free_ char *final = umld_config_path(w->name);

        if (!final)
                return -ENOMEM;
        if (replace)
                return RET_NERRNO(rename(w->conf, final));
        if (link(w->conf, final) < 0)
                return -errno;
        (void) unlink(w->conf);
        return 0;
}

/* First the drop-ins: the guest exists as soon as NAME.conf does. */
static int move_config(const Workspace *w, bool replace) {
        _cleanup_free_ char *directory = guest_dropin_directory(w->name);
        int r;

        if (!directory)
                return -ENOMEM;
        if (w->dropins && rename(w->dropins, directory) < 0)
                return errno == ENOTEMPTY ? -EEXIST : -errno;
        r = move_file_of_config(w, replace);
        if (r < 0 && w->dropins)
                (void) rename(directory, w->dropins);
        return r;
}

static int move_all(Workspace *w, int target, const char *const *files, bool replace,
                    size_t *ret_moved) {
        int r = 0;

        for (*ret_moved = 0; r >= 0 && files[*ret_moved]; *ret_moved += r >= 0)
                r = move_file(w, target, files[*ret_moved], replace);
        if (r >= 0)
                r = move_config(w, replace);
        return r;
}

int workspace_commit(Workspace *w, const char *const *files, bool replace) {
        _cleanup_free_ char *dir = umld_path(DIR_STATE, w->name, NULL),
                            *path = umld_path(DIR_STATE, w->name, JOURNAL);
        _cleanup_close_ int target = -EBADF, journal = -EBADF;
        bool made;
        size_t moved;
        int r;

        if (!dir || !path)
                return -ENOMEM;
        made = access(dir, F_OK) < 0;
        r = journal = begin_commit(dir, path, files, w->dropins, replace, &target);
        if (r >= 0) {
                r = move_all(w, target, files, replace, &moved);
                for (size_t i = 0; r < 0 && i < moved; i++)
                        put_back(w->dir, target, files[i]);
                (void) unlink(path);
        }
        if (r < 0 && made)
                (void) rmdir(dir);
        return MIN(r, 0);
}

void workspace_done(Workspace *w) {
        if (w->dir >= 0)
                (void) rm_rf(w->path);
        if (w->conf_fd >= 0)
                (void) unlink(w->conf);
        if (w->dropins_fd >= 0)
                (void) rm_rf(w->dropins);
        safe_close(w->dir);
        safe_close(w->conf_fd);
        safe_close(w->dropins_fd);
        free(w->name);
        free(w->path);
        free(w->conf);
        free(w->dropins);
        *w = WORKSPACE_INIT;
}
