/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared.c - records who needs a setting of the host, and its original value.
 *
 * Each fact is one file that is replaced atomically. Files are created and removed in such an order
 * that every state a killed umld can leave is one that shared_join() and shared_leave() understand:
 *
 *   no `original`           nothing is recorded, whatever else exists
 *   `original`, no `ours`   the value has not been changed
 *   both, no user           all users died; the value may still be ours */

#include <fcntl.h>

#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "host/file-lock.h"
#include "host/shared.h"

static const char user_prefix[] = "user.", temporary_suffix[] = ".new";

struct SharedSetting {
        char *dir; /* DIR/SETTING */
        int lock_fd;
        bool (*alive)(const char *name, void *userdata);
        void *userdata;
};

static int setting_path(const SharedSetting *s, const char *file, char **ret) {
        *ret = strfmt("%s/%s", s->dir, file);
        return *ret ? 0 : -ENOMEM;
}

static int user_path(const SharedSetting *s, const char *name, char **ret) {
        if (!guest_name_valid(name))
                return -EINVAL;
        *ret = strfmt("%s/%s%s", s->dir, user_prefix, name);
        return *ret ? 0 : -ENOMEM;
}

static int write_text(const char *path, const char *text) {
        _cleanup_free_ char *line = NULL;

        if (strlen(text) > SHARED_TEXT_MAX)
                return -E2BIG;
        line = strfmt("%s\n", text);
        return line ? write_file_atomic(path, line, strlen(line), 0644) : -ENOMEM;
}

/* *ret is NULL if there is no such file. */
static int read_text(const char *path, char **ret) {
        ssize_t n = read_small_file(path, SHARED_TEXT_MAX + 1, ret);

        if (n == -ENOENT) {
                *ret = NULL;
                return 0;
        }
        if (n > 0 && (*ret)[n - 1] == '\n')
                (*ret)[n - 1] = '\0';
        return n < 0 ? (int) n : 0;
}

static int read_fact(const SharedSetting *s, const char *file, char **ret) {
        _cleanup_free_ char *path = NULL;
        int r = setting_path(s, file, &path);

        return r < 0 ? r : read_text(path, ret);
}

static int write_fact(const SharedSetting *s, const char *file, const char *text) {
        _cleanup_free_ char *path = NULL;
        int r = setting_path(s, file, &path);

        return r < 0 ? r : write_text(path, text);
}

static int drop_fact(const SharedSetting *s, const char *file) {
        _cleanup_free_ char *path = NULL;
        int r = setting_path(s, file, &path);

        return r < 0 ? r : unlink_quiet(path);
}

static int compare_names(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

/* Lists all files in the setting's directory, sorted; none if there are no users yet. */
static int list_files(const SharedSetting *s, Strv *ret) {
        _cleanup_closedir_ DIR *d = opendir(s->dir);
        _cleanup_strv_ Strv files = {};

        if (!d && errno != ENOENT)
                return -errno;
        while (d) {
                struct dirent *entry;
                int r;

                errno = 0;
                entry = readdir(d);
                if (!entry && errno > 0)
                        return -errno;
                if (!entry)
                        break;
                if (streq(entry->d_name, ".") || streq(entry->d_name, ".."))
                        continue;
                r = strv_push(&files, entry->d_name);
                if (r < 0)
                        return r;
        }
        if (files.n > 0)
                qsort(files.v, files.n, sizeof(char *), compare_names);
        *ret = files;
        files = (Strv){};
        return 0;
}

/* The guest whose file this is, or NULL. */
static const char *user_of(const char *file) {
        const char *name = startswith(file, user_prefix);

        return name && guest_name_valid(name) ? name : NULL;
}

static bool is_temporary(const char *file) {
        size_t n = strlen(file), suffix = strlen(temporary_suffix);

        return n > suffix && streq(file + n - suffix, temporary_suffix);
}

/* Lists the names of all users, sorted. Removes the temporary files of writers that were killed. */
static int list_users(const SharedSetting *s, Strv *ret) {
        _cleanup_strv_ Strv files = {}, users = {};
        int r = list_files(s, &files);

        for (size_t i = 0; r >= 0 && i < files.n; i++) {
                const char *file = files.v[i], *user = user_of(file);

                if (is_temporary(file))
                        r = drop_fact(s, file);
                else if (user)
                        r = strv_push(&users, user);
        }
        if (r < 0)
                return r;
        *ret = users;
        users = (Strv){};
        return 0;
}

static int drop_user(const SharedSetting *s, const char *name) {
        _cleanup_free_ char *path = NULL;
        int r = user_path(s, name, &path);

        return r < 0 ? r : unlink_quiet(path);
}

bool shared_user_lives(SharedSetting *s, const char *name) {
        if (!s->alive || s->alive(name, s->userdata))
                return true;
        (void) drop_user(s, name); /* else by the next one who meets it */
        return false;
}

/* Is there any user? */
static int any_user(SharedSetting *s) {
        _cleanup_strv_ Strv users = {};
        int r = list_users(s, &users);

        for (size_t i = 0; r >= 0 && i < users.n; i++)
                if (shared_user_lives(s, users.v[i]))
                        return 1;
        return r;
}

int shared_open(const char *dir, const char *setting,
                bool (*alive)(const char *name, void *userdata), void *userdata,
                SharedSetting **ret) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *lock_path = strfmt("%s/lock", dir);
        int r;

        if (isempty(setting) || setting[0] == '.' || strchr(setting, '/') || streq(setting, "lock"))
                return -EINVAL;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->lock_fd = -EBADF;
        s->dir = strfmt("%s/%s", dir, setting);
        if (!s->dir || !lock_path)
                return -ENOMEM;
        r = mkdir_p(dir, 0755);
        if (r < 0)
                return r;
        s->lock_fd = file_lock(lock_path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
        if (s->lock_fd < 0)
                return s->lock_fd;
        s->alive = alive;
        s->userdata = userdata;
        *ret = TAKE_PTR(s);
        return 0;
}

SharedSetting *shared_close(SharedSetting *s) {
        if (!s)
                return NULL;
        safe_close(s->lock_fd);
        free(s->dir);
        free(s);
        return NULL;
}

/* Records the value to restore; nobody uses the setting. */
static int note_original(SharedSetting *s, const char *original) {
        _cleanup_free_ char *noted = NULL;
        int r = read_fact(s, "original", &noted);

        if (r < 0)
                return r;
        if (noted) {
                r = shared_is_ours(s, original);
                if (r != 0)
                        return r < 0 ? r : 0;
        }
        r = drop_fact(s, "original");
        if (r >= 0)
                r = drop_fact(s, "ours");
        if (r >= 0)
                r = drop_fact(s, "ours.before");
        return r < 0 ? r : write_fact(s, "original", original);
}

int shared_join(SharedSetting *s, const char *name, const char *claim, const char *original) {
        _cleanup_free_ char *path = NULL;
        int r = user_path(s, name, &path);

        if (r < 0)
                return r;
        r = mkdir_p(s->dir, 0755);
        if (r < 0)
                return r;
        r = any_user(s);
        if (r == 0)
                r = note_original(s, original);
        return r < 0 ? r : write_text(path, claim);
}

int shared_set_ours(SharedSetting *s, const char *value) {
        _cleanup_free_ char *last = NULL;
        int r = read_fact(s, "ours", &last);

        if (r < 0)
                return r;
        if (last && streq(last, value))
                return 0;
        if (last)
                r = write_fact(s, "ours.before", last);
        return r < 0 ? r : write_fact(s, "ours", value);
}

int shared_is_ours(SharedSetting *s, const char *value) {
        _cleanup_free_ char *last = NULL, *before = NULL;
        int r = read_fact(s, "ours", &last);

        if (r >= 0)
                r = read_fact(s, "ours.before", &before);
        if (r < 0)
                return r;
        return last && (streq(last, value) || (before && streq(before, value)));
}

int shared_leave(SharedSetting *s, const char *name, char **ret_original, char **ret_ours) {
        _cleanup_free_ char *original = NULL, *ours = NULL;
        int r = drop_user(s, name);

        if (r < 0)
                return r;
        r = any_user(s);
        if (r != 0)
                return r < 0 ? r : 0;
        r = read_fact(s, "original", &original);
        if (r >= 0)
                r = read_fact(s, "ours", &ours);
        if (r < 0)
                return r;
        if (!original || !ours)
                return shared_forget(s);
        *ret_original = TAKE_PTR(original);
        *ret_ours = TAKE_PTR(ours);
        return 1;
}

int shared_forget(SharedSetting *s) {
        /* Removes first what the rest depends on: if umld is killed in between, nothing is recorded
         * either. */
        int r = drop_fact(s, "original");

        return r < 0 ? r : rm_rf(s->dir);
}

int shared_claim(const SharedSetting *s, const char *name, char **ret) {
        _cleanup_free_ char *path = NULL, *claim = NULL;
        int r = user_path(s, name, &path);

        if (r >= 0)
                r = read_text(path, &claim);
        if (r < 0)
                return r;
        if (!claim)
                return -ENOENT;
        *ret = TAKE_PTR(claim);
        return 0;
}

static int collect(SharedSetting *s, const char *except, bool living, Strv *ret_names,
                   Strv *ret_claims) {
        _cleanup_strv_ Strv users = {}, names = {}, claims = {};
        int r = list_users(s, &users);

        for (size_t i = 0; r >= 0 && i < users.n; i++) {
                _cleanup_free_ char *claim = NULL;
                const char *user = users.v[i];

                if ((except && streq(user, except)) || (living && !shared_user_lives(s, user)))
                        continue;
                r = shared_claim(s, user, &claim);
                if (r >= 0)
                        r = strv_push(&names, user);
                if (r >= 0)
                        r = strv_push(&claims, claim);
        }
        if (r < 0)
                return r;
        *ret_names = names;
        *ret_claims = claims;
        names = claims = (Strv){};
        return 0;
}

int shared_users(SharedSetting *s, const char *except, Strv *ret_names, Strv *ret_claims) {
        return collect(s, except, true, ret_names, ret_claims);
}

int shared_claims(SharedSetting *s, const char *except, Strv *ret_names, Strv *ret_claims) {
        return collect(s, except, false, ret_names, ret_claims);
}
