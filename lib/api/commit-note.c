/* SPDX-License-Identifier: GPL-2.0-or-later */
/* commit-note.c - notes that changes are being written into a backing file. */

#include <sys/stat.h>
#include <unistd.h>

#include "api/commit-note.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

enum {
        NOTE_MAX = 8192,
};

static char *note_path(const char *cow) {
        return strfmt("%s.commit", cow);
}

static char *note_text(const char *base, uint32_t mtime) {
        return strfmt("%u %s\n", (unsigned) mtime, base);
}

static int fill(int fd, const void *text) {
        int r = write_all(fd, text, strlen(text));

        return r < 0 ? r : RET_NERRNO(fsync(fd));
}

int commit_note_write(const char *cow, const char *base, uint32_t mtime) {
        _cleanup_free_ char *path = note_path(cow), *text = note_text(base, mtime);
        int r = path && text ? fill_file_atomic(path, fill, text) : -ENOMEM;

        return r < 0 ? r : fsync_entry(path);
}

bool commit_note_exists(const char *cow) {
        _cleanup_free_ char *path = note_path(cow);

        return path && access(path, F_OK) >= 0;
}

int commit_note_time(const char *cow, uint32_t *ret) {
        _cleanup_free_ char *path = note_path(cow), *text = NULL;
        ssize_t n = path ? read_file(path, NOTE_MAX, &text) : -ENOMEM;
        uint64_t mtime;
        int r;

        if (n < 0)
                return (int) n;
        text[strcspn(text, " \n")] = '\0';
        r = parse_unsigned(text, 0, UINT32_MAX, &mtime);
        if (r >= 0)
                *ret = (uint32_t) mtime;
        return r;
}

bool commit_note_matches(const char *cow, const char *base, uint32_t mtime) {
        _cleanup_free_ char *path = note_path(cow), *was = NULL, *is = note_text(base, mtime);

        return path && is && read_file(path, NOTE_MAX, &was) >= 0 && streq(was, is);
}

int commit_note_remove(const char *cow) {
        _cleanup_free_ char *path = note_path(cow);

        return path ? unlink_quiet(path) : -ENOMEM;
}

int commit_set_time(int fd, uint32_t mtime) {
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = mtime } };

        return RET_NERRNO(futimens(fd, times));
}
