/* SPDX-License-Identifier: GPL-2.0-or-later */
/* string-util.c - strings, vectors of strings, and untrusted text. */

#include <ctype.h>
#include <stdio.h>

#include "basic/string-util.h"

char *strfmtv(const char *format, va_list ap) {
        char *s = NULL;

        return vasprintf(&s, format, ap) < 0 ? NULL : s; /* else s is undefined */
}

char *strfmt(const char *format, ...) {
        va_list ap;
        char *s;

        va_start(ap, format);
        s = strfmtv(format, ap);
        va_end(ap);
        return s;
}

int free_and_strdup(char **s, const char *value) {
        char *copy = NULL;

        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free(*s);
        *s = copy;
        return 0;
}

char *strstrip(char *s) {
        size_t n;

        while (isspace((unsigned char) *s))
                s++;
        n = strlen(s);
        while (n > 0 && isspace((unsigned char) s[n - 1]))
                s[--n] = '\0';
        return s;
}

const char *split_remedy(char *message) {
        char *end = NULL;

        for (char *p = message; (p = strstr(p, "; ")); p += 2)
                end = p;
        if (!end)
                return "";
        *end = '\0';
        return end + 2;
}

char *escape_text(const void *data, size_t len, size_t max) {
        static const char hex[] = "0123456789abcdef";
        const unsigned char *d = data;
        size_t n = 0;
        char *out;

        while (len > 0 && (d[len - 1] == '\0' || d[len - 1] == '\n' || d[len - 1] == '\r'))
                len--;
        out = malloc(max + sizeof("…"));
        if (!out)
                return NULL;
        for (size_t i = 0; i < len; i++) {
                bool plain = d[i] >= ' ' && d[i] < 0x7f && d[i] != '\\';

                if (n + (plain ? 1 : 4) > max) {
                        strcpy(out + n, "…");
                        return out;
                }
                if (plain)
                        out[n++] = (char) d[i];
                else {
                        out[n++] = '\\';
                        out[n++] = 'x';
                        out[n++] = hex[d[i] >> 4];
                        out[n++] = hex[d[i] & 15];
                }
        }
        out[n] = '\0';
        return out;
}

void strv_done(Strv *s) {
        for (size_t i = 0; i < s->n; i++)
                free(s->v[i]);
        free(s->v);
        *s = (Strv){};
}

/* Takes ownership of value, also on failure. */
static int strv_consume(Strv *s, char *value) {
        char **v;

        if (!value)
                return -ENOMEM;
        v = realloc(s->v, (s->n + 2) * sizeof(char *));
        if (!v) {
                free(value);
                return -ENOMEM;
        }
        s->v = v;
        s->v[s->n++] = value;
        s->v[s->n] = NULL;
        return 0;
}

int strv_push(Strv *s, const char *value) {
        return strv_consume(s, strdup(value));
}

int strv_pushf(Strv *s, const char *format, ...) {
        va_list ap;
        char *value;

        va_start(ap, format);
        value = strfmtv(format, ap);
        va_end(ap);
        return strv_consume(s, value);
}

int strv_copy(Strv *dst, const Strv *src) {
        for (size_t i = 0; i < src->n; i++) {
                int r = strv_push(dst, src->v[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

bool strv_holds(const Strv *s, const char *value) {
        for (size_t i = 0; i < s->n; i++)
                if (streq(s->v[i], value))
                        return true;
        return false;
}

bool strv_equal(const Strv *a, const Strv *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!streq(a->v[i], b->v[i]))
                        return false;
        return true;
}

/* Copies the next word of *text to buf, which is as large as the text, and advances *text. 1 = a
 * word, 0 = none left. */
static int next_word(const char **text, char *buf) {
        const char *p = *text;
        char quote = '\0', *out = buf;

        while (isspace((unsigned char) *p))
                p++;
        if (!*p)
                return 0;
        for (; *p && (quote || !isspace((unsigned char) *p)); p++) {
                if (quote && *p == quote)
                        quote = '\0';
                else if (!quote && (*p == '\'' || *p == '"'))
                        quote = *p;
                else if (*p == '\\' && quote != '\'') {
                        if (!*++p)
                                return -EINVAL;
                        if (quote && !strchr("\"\\$`", *p))
                                *out++ =
                                        '\\'; /* in double quotes it is special before these only */
                        *out++ = *p;
                } else
                        *out++ = *p;
        }
        if (quote)
                return -EINVAL;
        *out = '\0';
        *text = p;
        return 1;
}

int strv_split_shell(Strv *s, const char *text) {
        _cleanup_free_ char *word = malloc(strlen(text) + 1);
        int r;

        if (!word)
                return -ENOMEM;
        while ((r = next_word(&text, word)) > 0) {
                r = strv_push(s, word);
                if (r < 0)
                        return r;
        }
        return r;
}
