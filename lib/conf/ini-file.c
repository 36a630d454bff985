/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ini-file.c - strict ini files on top of libinih.
 *
 * libinih is lenient where umld must be strict: a line that begins with white space continues the
 * previous value, " ;" ends a value, text after a ] is dropped, `key: value` is an entry, a long
 * line becomes two. Which of these are enabled, and how long a line may be, depends on how the
 * library was built, and the handler does not get the line number. So next_line() passes it one
 * whole line per call: it counts the lines, strips white space and comments, and rejects whatever
 * is ambiguous. What is left means the same to every build of libinih. */

#include <ctype.h>
#include <fcntl.h>
#include <ini.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "conf/ini-file.h"
#include "conf/refuse.h"

int ini_file_read(const char *path, char **ret, size_t *ret_size, char **ret_why) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *buf = NULL;
        struct stat st;
        ssize_t n;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0) {
                r = -errno;
                (void) refuse(ret_why, "cannot be read: %s", strerror(-r));
                return r;
        }
        if (!S_ISREG(st.st_mode))
                return refuse(ret_why, "is %s, not a file",
                              S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
        buf = malloc(INI_FILE_MAX + 2);
        if (!buf)
                return -ENOMEM;
        n = read_all(fd, buf, INI_FILE_MAX + 1);
        if (n < 0) {
                (void) refuse(ret_why, "cannot be read: %s", strerror((int) -n));
                return (int) n;
        }
        if (n > INI_FILE_MAX)
                return refuse(ret_why, "is larger than 1 MiB, so it is not a configuration file");
        buf[n] = '\0';
        *ret = TAKE_PTR(buf);
        *ret_size = (size_t) n;
        return 0;
}

/* Returns the length of the UTF-8 character at s, 0 if it is invalid. */
static size_t utf8_length(const unsigned char *s, size_t size) {
        static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 0;
        uint32_t c;

        if (n <= 1)
                return n;
        if (n > size || s[0] >= 0xf8)
                return 0;
        c = s[0] & (0x7fU >> n);
        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                c = c << 6 | (s[i] & 0x3fU);
        }
        return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}

/* Is it text: UTF-8 with lines that end in a newline only, and no control characters except tabs?
 */
static int check_text(const char *text, size_t size, unsigned *ret_line, char **ret_why) {
        const unsigned char *s = (const unsigned char *) text;
        unsigned line = 1;
        size_t n;

        if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
                *ret_line = 1;
                return refuse(ret_why,
                              "begins with a byte order mark; save it as UTF-8 without one");
        }
        for (size_t i = 0; i < size; i += n) {
                n = utf8_length(s + i, size - i);
                if (s[i] == '\n')
                        line++;
                if (n > 0 && ((s[i] >= ' ' && s[i] != 0x7f) || s[i] == '\t' || s[i] == '\n'))
                        continue;
                *ret_line = line;
                if (n == 0)
                        return refuse(ret_why,
                                      "contains byte 0x%02x, which is not UTF-8; save it as UTF-8",
                                      s[i]);
                if (s[i] == '\r')
                        return refuse(
                                ret_why,
                                "contains a carriage return; save it with Unix line endings (LF)");
                return refuse(ret_why, "contains control character 0x%02x; remove it", s[i]);
        }
        return 0;
}

typedef struct Lines {
        const char *next, *end; /* text not yet read */
        const IniEvents *events;
        void *userdata;
        unsigned line; /* the line that libinih works on */
        int error;     /* of the first error, which ends parsing */
        char **ret_why;
} Lines;

/* May the line be passed to libinih as [section]? */
static int check_section(Lines *l, char *s) {
        size_t n = strlen(s);
        int r;

        if (n < 2 || strchr(s, ']') != s + n - 1)
                return refuse_text(l->ret_why, s, "text after [Section]; remove it");
        s[n - 1] = '\0';
        r = l->events->section(l->userdata, l->line, s + 1, l->ret_why);
        s[n - 1] = ']';
        return r;
}

/* White space before a character that begins comments: libinih may or may not take it as the end of
 * the value, and so may the user. */
static const char *find_comment(const char *s) {
        for (const char *p = s; *p; p++)
                if (isblank((unsigned char) *p) && (p[1] == ';' || p[1] == '#'))
                        return p;
        return NULL;
}

/* May the line be passed to libinih as key=value? */
static int check_entry(Lines *l, char *s) {
        const char *comment = find_comment(s);
        size_t n = strcspn(s, "=:");
        int r;

        if (n == 0 || s[n] != '=')
                return refuse_text(l->ret_why, s, "neither [Section] nor Key=value");
        if (!comment)
                return 0;
        r = refuse_text(l->ret_why, comment,
                        "this would begin a comment; move the comment to a line of its own");
        s[n] = '\0';
        return blame_text(r, s, l->ret_why);
}

/* libinih's source of lines, a replacement for fgets(). */
static char *next_line(char *buf, int size, void *userdata) {
        Lines *l = userdata;
        const char *s = l->next, *e;
        size_t len;

        if (l->error < 0 || s == l->end)
                return NULL;
        e = memchr(s, '\n', (size_t) (l->end - s)) ?: l->end;
        l->next = e == l->end ? e : e + 1;
        l->line++;
        while (s < e && isblank((unsigned char) *s))
                s++;
        while (s < e && isblank((unsigned char) e[-1]))
                e--;
        len = s < e && *s != '#' && *s != ';' ? (size_t) (e - s) : 0;
        if (len + 2 > (size_t) size) {
                l->error = refuse(l->ret_why,
                                  "the line is longer than %d bytes; split the value over several "
                                  "lines if the key may be repeated",
                                  size - 2);
                return NULL;
        }
        memcpy(buf, s, len);
        buf[len] = '\0';
        if (len > 0)
                l->error = *buf == '[' ? check_section(l, buf) : check_entry(l, buf);
        buf[len] = '\n';
        buf[len + 1] = '\0';
        return l->error < 0 ? NULL : buf;
}

/* libinih's handler: 1 = continue. */
static int on_entry(void *userdata, const char *section, const char *key, const char *value) {
        Lines *l = userdata;

        if (l->error >= 0)
                l->error = l->events->entry(l->userdata, l->line, section, key, value, l->ret_why);
        return l->error >= 0;
}

int ini_file_parse(const char *text, size_t size, const IniEvents *events, void *userdata,
                   unsigned *ret_line, char **ret_why) {
        Lines l = { .next = text,
                    .end = text + size,
                    .events = events,
                    .userdata = userdata,
                    .ret_why = ret_why };
        int r = check_text(text, size, ret_line, ret_why);

        if (r < 0)
                return r;
        r = ini_parse_stream(next_line, &l, on_entry, &l);
        if (l.error >= 0 && r != 0) { /* no known version of libinih gets here */
                l.line = r > 0 ? (unsigned) r : 0;
                l.error = r == -2 ? -ENOMEM : refuse(ret_why, "not understood by libinih");
        }
        if (l.error < 0)
                *ret_line = l.line;
        return MIN(l.error, 0);
}
