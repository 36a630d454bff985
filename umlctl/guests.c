/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guests.c - finds the guests of this host by their files. */

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/dirs.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "conf/parts.h"
#include "umlctl/guests.h"
#include "umlctl/say.h"

enum {
        CMDLINE_MAX = 4096,
};

bool guest_name_from_file(const char *file, char buf[static GUEST_NAME_MAX + 1]) {
        static const char suffix[] = ".conf";
        size_t len = strlen(file), name = len - MIN(len, strlen(suffix));

        if (name == 0 || name > GUEST_NAME_MAX || !streq(file + name, suffix))
                return false;
        memcpy(buf, file, name);
        buf[name] = '\0';
        return guest_name_valid(buf);
}

/* Frees path. A file that we may not look at counts as existing. */
static bool path_found(char *path) {
        struct stat st;
        bool found = path && (stat(path, &st) >= 0 || errno == EACCES);

        free(path);
        return found;
}

bool guest_configured(const char *name) {
        return path_found(umld_config_path(name));
}

char *guest_dropin_directory(const char *name) {
        _cleanup_free_ char *path = umld_config_path(name);

        return path ? config_dropin_directory(path) : NULL;
}

void guest_note_dropins(const char *name) {
        _cleanup_free_ char *path = guest_dropin_directory(name);
        _cleanup_closedir_ DIR *dir = path ? opendir(path) : NULL;

        for (struct dirent *e; dir && (e = readdir(dir));)
                if (config_dropin_valid(e->d_name)) {
                        note("%s: the drop-ins in %s apply to it as well", name, path);
                        return;
                }
}

bool guest_has_socket(const char *name) {
        return path_found(umld_path(DIR_RUNTIME, name, "bus"));
}

static bool is_held(const char *lock) {
        _cleanup_close_ int fd = open(lock, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

        return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

bool guest_locked(const char *guest) {
        _cleanup_free_ char *lock = umld_path(DIR_RUNTIME, guest, "lock");

        return lock && is_held(lock);
}

/* Its number may be another process's by now; one that has ended no longer has a command line. */
static bool is_umld_of(pid_t pid, const char *guest) {
        _cleanup_free_ char *path = strfmt("/proc/%d/cmdline", (int) pid), *text = NULL;
        ssize_t n;

        n = path ? read_file(path, CMDLINE_MAX, &text) : -ENOMEM;
        if (n < 0) /* it is hidden from us, or has ended */
                return kill(pid, 0) >= 0 || errno != ESRCH;
        for (const char *p = text; p < text + n; p += strlen(p) + 1)
                if (streq(p, guest))
                        return true;
        return false;
}

/* The lock is held, by umld-init, although the umld that took it is dead. */
bool guest_orphaned(const char *guest) {
        _cleanup_free_ char *lock = umld_path(DIR_RUNTIME, guest, "lock"), *text = NULL;
        uint64_t pid;

        if (!lock || !is_held(lock) || read_file(lock, 16, &text) < 0)
                return false;
        text[strcspn(text, "\n")] = '\0';
        return parse_unsigned(text, 1, INT32_MAX, &pid) >= 0 && !is_umld_of((pid_t) pid, guest);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Appends what pick() returns for each entry of a directory. */
static int scan(UmldDir which, bool (*pick)(const char *entry, char buf[static GUEST_NAME_MAX + 1]),
                Strv *ret) {
        _cleanup_closedir_ DIR *dir = opendir(umld_dir(which));
        char name[GUEST_NAME_MAX + 1];
        int r;

        if (!dir)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *e; (e = readdir(dir));) {
                if (!pick(e->d_name, name) || strv_holds(ret, name))
                        continue;
                r = strv_push(ret, name);
                if (r < 0)
                        return r;
        }
        if (ret->n > 0)
                qsort(ret->v, ret->n, sizeof(char *), compare_names);
        return 0;
}

static bool pick_socket(const char *entry, char buf[static GUEST_NAME_MAX + 1]) {
        if (!guest_name_valid(entry) || !guest_has_socket(entry))
                return false;
        strcpy(buf, entry); /* a valid name fits */
        return true;
}

int guests_configured(Strv *ret) {
        return scan(DIR_CONFIG, guest_name_from_file, ret);
}

int guests_known(Strv *ret) {
        int r = guests_configured(ret);

        if (r < 0)
                return r;
        r = scan(DIR_RUNTIME, pick_socket, ret);
        return r == -EACCES ? 0 : r; /* those with a configuration are known even if this fails */
}
