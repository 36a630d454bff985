/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ini-file.c - ini files of one form only: whatever could be read in two ways is refused. */

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "basic/cleanup.h"
#include "basic/fd-util.h"
#include "basic/file-util.h"
#include "basic/path-trust.h"
#include "conf/ini-file.h"
#include "conf/refuse.h"

int ini_file_read(const char *path, char **ret, size_t *ret_size, char **ret_why) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        _cleanup_free_ char *buf = NULL, *where = NULL;
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
        /* The path may lead elsewhere by now: what was opened counts as well. */
        if (path_changed_by_others(path, &where) > 0 || open_changed_by_others(fd, &st))
                return refuse(ret_why,
                              "%s may be written by others than root and the user that umld runs "
                              "as; run chown root and chmod go-w on it",
                              where ?: path);
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

static char *strip(char *s) {
        char *end = s + strlen(s);

        while (end > s && isblank((unsigned char) end[-1]))
                *--end = '\0';
        return s + strspn(s, " \t");
}

/* White space before a character that begins comments: the user may have meant one there. */
static const char *find_comment(const char *s) {
        for (const char *p = s; *p; p++)
                if (isblank((unsigned char) *p) && (p[1] == ';' || p[1] == '#'))
                        return p;
        return NULL;
}

typedef struct Reader {
        const IniEvents *events;
        void *userdata;
        unsigned line;
        const char *section;
        char **ret_why;
} Reader;

static int take_section(Reader *r, char *s) {
        char *end = s + strlen(s) - 1;

        if (end == s || strchr(s, ']') != end)
                return refuse_text(r->ret_why, s, "text after [Section]; remove it");
        *end = '\0';
        r->section = s + 1;
        return r->events->section(r->userdata, r->line, r->section, r->ret_why);
}

static int refuse_comment(const Reader *r, const char *key, const char *comment) {
        int e = refuse_text(r->ret_why, comment,
                            "this would begin a comment; move the comment to a line of its own");

        return blame_text(e, key, r->ret_why);
}

static int take_entry(Reader *r, char *s) {
        const char *comment = find_comment(s);
        size_t n = strcspn(s, "=:");

        if (n == 0 || s[n] != '=')
                return refuse_text(r->ret_why, s, "neither [Section] nor Key=value");
        s[n] = '\0';
        if (comment)
                return refuse_comment(r, s, comment);
        return r->events->entry(r->userdata, r->line, r->section, strip(s), strip(s + n + 1),
                                r->ret_why);
}

int ini_file_parse(const char *text, size_t size, const IniEvents *events, void *userdata,
                   unsigned *ret_line, char **ret_why) {
        Reader reader = {
                .events = events, .userdata = userdata, .section = "", .ret_why = ret_why
        };
        _cleanup_free_ char *copy = NULL;
        char *rest, *s;
        int r = check_text(text, size, ret_line, ret_why);

        if (r < 0)
                return r;
        rest = copy = strndup(text, size);
        if (!copy)
                return -ENOMEM;
        while (r >= 0 && (s = strsep(&rest, "\n"))) {
                reader.line++;
                s = strip(s);
                if (*s && *s != '#' && *s != ';')
                        r = *s == '[' ? take_section(&reader, s) : take_entry(&reader, s);
        }
        if (r < 0)
                *ret_line = reader.line;
        return MIN(r, 0);
}
