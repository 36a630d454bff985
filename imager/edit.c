/* SPDX-License-Identifier: GPL-2.0-or-later */
/* edit.c - changes to lines of a text. */

#include <regex.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "imager/edit.h"

enum {
        GROUPS_MAX = 10,
};

static bool has_line(const char *text, const char *line) {
        size_t size = strlen(line);

        for (const char *s = text; *s; s += strcspn(s, "\n"), s += *s == '\n')
                if (strcspn(s, "\n") == size && memcmp(s, line, size) == 0)
                        return true;
        return false;
}

static int add_line(const char *text, const char *line, bool first, char **ret) {
        size_t n = strlen(text);
        const char *newline = n > 0 && text[n - 1] != '\n' ? "\n" : "";
        char *new;

        if (has_line(text, line))
                return 0;
        new = first ? strfmt("%s\n%s", line, text) : strfmt("%s%s%s\n", text, newline, line);
        if (!new)
                return -ENOMEM;
        *ret = new;
        return 1;
}

int edit_append(const char *text, const char *line, char **ret) {
        return add_line(text, line, false, ret);
}

int edit_prepend(const char *text, const char *line, char **ret) {
        return add_line(text, line, true, ret);
}

static int compile(regex_t *regex, const char *text, int flags) {
        int r = regcomp(regex, text, REG_EXTENDED | flags);

        return r == 0 ? 0 : r == REG_ESPACE ? -ENOMEM : -EINVAL;
}

static void put_replacement(FILE *f, const char *line, const regmatch_t *groups,
                            const char *replacement) {
        for (const char *s = replacement; *s; s++)
                if (s[0] == '\\' && s[1] >= '0' && s[1] <= '9') {
                        const regmatch_t *g = &groups[*++s - '0'];

                        if (g->rm_so >= 0)
                                (void) fwrite(line + g->rm_so, 1, (size_t) (g->rm_eo - g->rm_so),
                                              f);
                } else
                        (void) fputc(s[0] == '\\' && s[1] == '\\' ? *++s : *s, f);
}

/* A replacement of NULL removes the line. 1 = a line has changed. */
static int edit_line(FILE *f, const regex_t *regex, const char *line, bool newline,
                     const char *replacement) {
        regmatch_t groups[GROUPS_MAX];
        bool match = regexec(regex, line, GROUPS_MAX, groups, 0) == 0;

        if (match && !replacement)
                return 1;
        if (match)
                put_replacement(f, line, groups, replacement);
        else
                (void) fputs(line, f);
        if (newline)
                (void) fputc('\n', f);
        return match;
}

static int edit(FILE *f, const char *text, const char *expression, const char *replacement) {
        regex_t regex;
        int r = compile(&regex, expression, 0), changed = 0;

        if (r < 0)
                return r;
        while (r >= 0 && *text) {
                size_t n = strcspn(text, "\n");
                _cleanup_free_ char *line = strndup(text, n);

                r = line ? edit_line(f, &regex, line, text[n] == '\n', replacement) : -ENOMEM;
                changed |= r > 0;
                text += n + (text[n] == '\n');
        }
        regfree(&regex);
        return r < 0 ? r : changed;
}

int edit_replace(const char *text, const char *regex, const char *line, char **ret) {
        _cleanup_free_ char *new = NULL;
        size_t size;
        FILE *f = open_memstream(&new, &size);
        int r = f ? edit(f, text, regex, line) : -ENOMEM;

        if (f && memstream_close(f, &new) < 0 && r >= 0)
                r = -ENOMEM;
        if (r > 0 && !streq(new, text))
                *ret = TAKE_PTR(new);
        else if (r > 0)
                r = 0;
        return r;
}

int edit_delete(const char *text, const char *regex, char **ret) {
        return edit_replace(text, regex, NULL, ret);
}

int edit_contains(const char *text, const char *expression) {
        regex_t regex;
        int r = compile(&regex, expression, REG_NOSUB | REG_NEWLINE);

        if (r < 0)
                return r;
        r = regexec(&regex, text, 0, NULL, 0) == 0;
        regfree(&regex);
        return r;
}
