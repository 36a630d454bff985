/* SPDX-License-Identifier: GPL-2.0-or-later */
/* saved.c - writes and reads the state that umld leaves to its successor. */

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/parse-util.h"
#include "daemon/base/saved.h"

#define HEADER "umld-state "
#define END    "end"

/* ---- to be written ---- */

int saved_begin(SavedText *t) {
        *t = (SavedText){};
        t->stream = open_memstream(&t->text, &t->size);
        if (!t->stream)
                return -ENOMEM;
        fprintf(t->stream, HEADER "%d %d\n", SAVED_MAJOR, SAVED_MINOR);
        return 0;
}

void saved_put(const SavedText *t, const char *key, const char *value) {
        if (!value)
                return;
        fprintf(t->stream, "%s=", key);
        for (; *value; value++)
                if (*value == '\n')
                        fputs("\\n", t->stream);
                else if (*value == '\\')
                        fputs("\\\\", t->stream);
                else
                        fputc(*value, t->stream);
        fputc('\n', t->stream);
}

void saved_putf(const SavedText *t, const char *key, const char *format, ...) {
        _cleanup_free_ char *value = NULL;
        va_list ap;

        va_start(ap, format);
        value = strfmtv(format, ap);
        va_end(ap);
        saved_put(t, key, value);
}

void saved_put_number(const SavedText *t, const char *key, uint64_t value) {
        fprintf(t->stream, "%s=%" PRIu64 "\n", key, value);
}

void saved_put_moment(const SavedText *t, const char *key, const Moment *m) {
        fprintf(t->stream, "%s=%" PRIu64 "\n%s.realtime=%" PRIu64 "\n", key, m->at, key,
                m->realtime);
}

void saved_done(SavedText *t) {
        if (t->stream)
                (void) fclose(t->stream);
        free(t->text);
        *t = (SavedText){};
}

/* One that has a name for a moment, on kernels before 3.17. */
static int unnamed_file(const char *directory) {
        _cleanup_free_ char *path = strfmt("%s/state.XXXXXX", directory);
        int fd = path ? mkostemp(path, O_CLOEXEC) : -1;

        if (fd < 0)
                return path ? -errno : -ENOMEM;
        (void) unlink(path);
        return fd;
}

static int memory_file(const char *directory) {
        int fd = (int) syscall(SYS_memfd_create, "umld-state", 1U | 2U /* cloexec, sealing */);

        return fd >= 0 ? fd : unnamed_file(directory);
}

int saved_finish(SavedText *t, const char *directory) {
        _cleanup_close_ int fd = memory_file(directory);
        int r;

        fputs(END "=1\n", t->stream);
        r = memstream_close(TAKE_PTR(t->stream), &t->text);
        if (r < 0 || fd < 0)
                return r < 0 ? r : fd;
        r = write_all(fd, t->text, t->size);
        if (r < 0)
                return r;
        (void) fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
        return TAKE_FD(fd);
}

/* ---- to be read ---- */

Saved *saved_free(Saved *s) {
        if (!s)
                return NULL;
        strv_done(&s->keys);
        strv_done(&s->values);
        free(s);
        return NULL;
}

/* In place. */
static char *unescape(char *value) {
        char *to = value;

        for (const char *from = value; *from; from++) {
                if (*from == '\\' && from[1])
                        *to++ = *++from == 'n' ? '\n' : *from;
                else
                        *to++ = *from;
        }
        *to = '\0';
        return value;
}

static int take_line(Saved *s, char *line) {
        char *equals = strchr(line, '=');
        int r;

        if (!equals)
                return -EBADMSG;
        *equals = '\0';
        r = strv_push(&s->keys, line);
        return r < 0 ? r : strv_push(&s->values, unescape(equals + 1));
}

static int check_header(const char *line) {
        unsigned major, minor;

        if (!line || sscanf(line, HEADER "%u %u", &major, &minor) != 2)
                return -EBADMSG;
        return major > SAVED_MAJOR ? -EPROTONOSUPPORT : 0;
}

int saved_parse(const char *text, Saved **ret) {
        _cleanup_(saved_freep) Saved *s = calloc(1, sizeof(*s));
        _cleanup_free_ char *copy = strdup(text);
        char *state = NULL;
        int r;

        if (!s || !copy)
                return -ENOMEM;
        r = check_header(strtok_r(copy, "\n", &state));
        for (char *line; r >= 0 && (line = strtok_r(NULL, "\n", &state));)
                r = take_line(s, line);
        if (r < 0)
                return r;
        if (!saved_flag(s, END))
                return -EBADMSG;
        *ret = TAKE_PTR(s);
        return 0;
}

int saved_read(int fd, Saved **ret) {
        _cleanup_free_ char *text = NULL;
        struct stat st;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size > SAVED_SIZE_MAX)
                return -EBADMSG;
        text = malloc((size_t) st.st_size + 1);
        if (!text)
                return -ENOMEM;
        n = pread(fd, text, (size_t) st.st_size, 0);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        return saved_parse(text, ret);
}

const char *saved_get(const Saved *s, const char *key) {
        for (size_t i = 0; i < s->values.n; i++)
                if (streq(s->keys.v[i], key))
                        return s->values.v[i];
        return NULL;
}

uint64_t saved_number(const Saved *s, const char *key, uint64_t otherwise) {
        const char *value = saved_get(s, key);
        uint64_t n;

        return value && parse_unsigned(value, 0, UINT64_MAX, &n) >= 0 ? n : otherwise;
}

bool saved_flag(const Saved *s, const char *key) {
        return saved_number(s, key, 0) != 0;
}

void saved_text(const Saved *s, const char *key, char **text) {
        (void) free_and_strdup(text, saved_get(s, key));
}

Moment saved_moment(const Saved *s, const char *key, clockid_t clock) {
        _cleanup_free_ char *realtime = strfmt("%s.realtime", key);

        return (Moment){ .clock = clock,
                         .at = saved_number(s, key, 0),
                         .realtime = realtime ? saved_number(s, realtime, 0) : 0 };
}
