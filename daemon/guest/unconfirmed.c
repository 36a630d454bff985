/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unconfirmed.c - the file that records an unconfirmed reload.
 *
 * "LENGTH\n", a text of that length, which was tried, and the text before it. */

#include <fcntl.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "daemon/guest/unconfirmed.h"

enum {
        FILE_MAX = 4 * 1024 * 1024,
        LENGTH_MAX = 16, /* of the first line */
};

int unconfirmed_write(const char *path, const char *tried, const char *before) {
        _cleanup_free_ char *text = strfmt("%zu\n%s%s", strlen(tried), tried, before);

        return text ? write_file_atomic(path, text, strlen(text), 0600) : -ENOMEM;
}

int unconfirmed_sync(const char *path, Job **ret) {
        char *directory = strndupa(path, (size_t) (strrchr(path, '/') - path));
        _cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK),
                            above = open(directory, O_RDONLY | O_CLOEXEC | O_DIRECTORY);

        if (file < 0 || above < 0)
                return -errno;
        return sync_job_start((const int[]){ file, above }, 2, true, ret);
}

static char *aside(const char *path) {
        return strfmt("%s.forgotten", path);
}

int unconfirmed_put_aside(const char *path) {
        _cleanup_free_ char *to = aside(path);

        if (!to)
                return -ENOMEM;
        if (access(path, F_OK) < 0) /* not a reason to fail on a read-only file system */
                return errno == ENOENT ? 0 : -errno;
        return rename(path, to) < 0 ? -errno : 1;
}

int unconfirmed_put_back(const char *path) {
        _cleanup_free_ char *from = aside(path);

        return from ? RET_NERRNO(rename(from, path)) : -ENOMEM;
}

int unconfirmed_forget(const char *path) {
        _cleanup_free_ char *what = aside(path);

        return what ? unlink_quiet(what) : -ENOMEM;
}

int unconfirmed_read(const char *path, char **ret_tried, char **ret_before) {
        _cleanup_free_ char *text = NULL, *tried = NULL, *before = NULL;
        ssize_t size = read_file(path, FILE_MAX, &text);
        uint64_t length;
        char *line_end;

        if (size < 0)
                return (int) size;
        line_end = memchr(text, '\n', MIN((size_t) size, (size_t) LENGTH_MAX));
        if (!line_end)
                return -EBADMSG;
        *line_end = '\0';
        line_end++;
        if (parse_unsigned(text, 0, strlen(line_end), &length) < 0)
                return -EBADMSG;
        tried = strndup(line_end, length);
        before = strdup(line_end + length);
        if (!tried || !before)
                return -ENOMEM;
        *ret_tried = TAKE_PTR(tried);
        *ret_before = TAKE_PTR(before);
        return 0;
}

int unconfirmed_replace(const char *path, const char *default_disk, Config **config,
                        char **ret_error) {
        _cleanup_free_ char *tried = NULL, *before = NULL;
        Config *c = *config, *old = NULL;
        int r;

        r = unconfirmed_read(path, &tried, &before);
        if (r == -ENOENT || r == -EBADMSG || (r >= 0 && !streq(tried, c->text)))
                return 0;
        if (r < 0) {
                *ret_error = strfmt("%s: cannot be read: %s", path, strerror(-r));
                return r;
        }
        r = config_parse(c->name, c->file, before, strlen(before), default_disk, &old, ret_error);
        if (r < 0)
                return r;
        old->held = true;
        config_free(c);
        *config = old;
        return 1;
}
