/* SPDX-License-Identifier: GPL-2.0-or-later */
/* config-text.c - changes settings in the text of a configuration file. */

#include <stdio.h>
#include <stdlib.h>

#include "basic/cleanup.h"
#include "basic/file-util.h"
#include "umlctl/config-text.h"

typedef enum LineKind {
        LINE_OTHER, /* of another section or key, or a comment */
        LINE_BLANK, /* in the section */
        LINE_ENTRY, /* of another key of the section, or its head */
        LINE_NOTED, /* "#Key=…", as in the sample configuration */
        LINE_VALUE, /* of the key */
} LineKind;

typedef struct Line {
        const char *text;
        size_t size; /* without the newline */
        LineKind kind;
        const char *value; /* of LINE_VALUE */
        size_t value_size;
} Line;

typedef struct Lines {
        Line *v;
        size_t n;
} Lines;

static void lines_done(Lines *l) {
        free(l->v);
}

static bool is_space(char c) {
        return c == ' ' || c == '\t';
}

/* Is it "Key = value"? Then *line gets the value. */
static bool match_key(const char *p, const char *end, const Setting *s, Line *line) {
        size_t n = strlen(s->key);

        if ((size_t) (end - p) <= n || memcmp(p, s->key, n) != 0)
                return false;
        p += n;
        while (p < end && is_space(*p))
                p++;
        if (p == end || *p != '=')
                return false;
        p++;
        while (p < end && is_space(*p))
                p++;
        while (end > p && is_space(end[-1]))
                end--;
        line->value = p;
        line->value_size = (size_t) (end - p);
        return true;
}

static bool begins_section(const char *p, const char *end, const Setting *s) {
        size_t n = strlen(s->section);

        return (size_t) (end - p) >= n + 2 && memcmp(p + 1, s->section, n) == 0 && p[n + 1] == ']';
}

static void classify(Line *line, const Setting *s, bool *inside) {
        const char *p = line->text, *end = p + line->size;

        while (p < end && is_space(*p))
                p++;
        if (p < end && *p == '[') {
                *inside = begins_section(p, end, s);
                line->kind = *inside ? LINE_ENTRY : LINE_OTHER;
        } else if (!*inside)
                line->kind = LINE_OTHER;
        else if (p == end)
                line->kind = LINE_BLANK;
        else if (*p == '#' || *p == ';')
                line->kind = match_key(p + 1, end, s, &(Line){}) ? LINE_NOTED : LINE_OTHER;
        else
                line->kind = match_key(p, end, s, line) ? LINE_VALUE : LINE_ENTRY;
}

static int lines_split(Lines *l, const char *text, const Setting *s) {
        bool inside = false;

        for (const char *p = text; *p;) {
                Line *v = realloc(l->v, (l->n + 1) * sizeof(*v));

                if (!v)
                        return -ENOMEM;
                l->v = v;
                v[l->n] = (Line){ .text = p, .size = strcspn(p, "\n") };
                classify(&v[l->n], s, &inside);
                p += v[l->n].size;
                p += *p == '\n';
                l->n++;
        }
        return 0;
}

/* A drop-in's empty value of a list takes back what others say, and is none of the list. */
static bool holds(const Line *line, const Setting *s) {
        return line->kind == LINE_VALUE && (line->value_size > 0 || !s->repeatable);
}

/* Behind which line does a new one go? -1: there is no such section. */
static ssize_t find_place(const Lines *l) {
        static const LineKind wanted[] = { LINE_VALUE, LINE_NOTED, LINE_ENTRY };

        FOREACH_ELEMENT (kind, wanted)
                for (size_t i = l->n; i > 0; i--)
                        if (l->v[i - 1].kind == *kind)
                                return (ssize_t) i - 1;
        return -1;
}

static void put(FILE *f, const Line *line) {
        fprintf(f, "%.*s\n", (int) line->size, line->text);
}

/* The line with another value. */
static void put_value(FILE *f, const Line *line, const char *value) {
        fprintf(f, "%.*s%s\n", (int) (line->value - line->text), line->text, value);
}

static void put_new(FILE *f, const Setting *s, char *const *values, size_t n) {
        for (size_t i = 0; i < n; i++)
                fprintf(f, "%s=%s\n", s->key, values[i]);
}

static void put_section(FILE *f, const Lines *l, const Setting *s, char *const *values, size_t n) {
        if (n == 0)
                return;
        fprintf(f, "%s[%s]\n", l->n > 0 && l->v[l->n - 1].size > 0 ? "\n" : "", s->section);
        put_new(f, s, values, n);
}

/* Lines that hold a value get the given ones in turn. What is left over of the lines is dropped;
 * what is left over of the values is put behind the last of the lines. */
static void write_set(FILE *f, const Lines *l, const Setting *s, char *const *values, size_t n) {
        ssize_t place = find_place(l);
        size_t used = 0;

        for (size_t i = 0; i < l->n; i++) {
                if (!holds(&l->v[i], s))
                        put(f, &l->v[i]);
                else if (used < n)
                        put_value(f, &l->v[i], values[used++]);
                if ((ssize_t) i == place) {
                        put_new(f, s, values + used, n - used);
                        used = n;
                }
        }
        if (place < 0)
                put_section(f, l, s, values, n);
}

static void write_add(FILE *f, const Lines *l, const Setting *s, char *value) {
        ssize_t place = find_place(l);

        for (size_t i = 0; i < l->n; i++) {
                put(f, &l->v[i]);
                if ((ssize_t) i == place)
                        put_new(f, s, &value, 1);
        }
        if (place < 0)
                put_section(f, l, s, &value, 1);
}

/* Finds a word in the value of a line; NULL if it is not there. */
static const char *find_word(const Line *line, const char *word) {
        size_t n = strlen(word);
        const char *end = line->value + line->value_size;

        for (const char *p = line->value; p + n <= end; p++)
                if (memcmp(p, word, n) == 0 && (p == line->value || is_space(p[-1])) &&
                    (p + n == end || is_space(p[n])))
                        return p;
        return NULL;
}

static bool is_value(const Line *line, const char *value) {
        return line->kind == LINE_VALUE && line->value_size == strlen(value) &&
               memcmp(line->value, value, line->value_size) == 0;
}

/* The word of a list of ports; NULL: the line is not about it, or about nothing else. */
static const char *word_of(const Line *line, const Setting *s, const char *value) {
        return line->kind == LINE_VALUE && s->fields[0].kind == FIELD_PORTS ? find_word(line, value)
                                                                            : NULL;
}

static void put_without(FILE *f, const Line *line, const char *word, size_t n) {
        const char *end = line->text + line->size, *rest = word + n;

        while (rest < end && is_space(*rest))
                rest++;
        if (rest == end)
                while (word > line->value && is_space(word[-1]))
                        word--;
        fprintf(f, "%.*s%.*s\n", (int) (word - line->text), line->text, (int) (end - rest), rest);
}

static void write_remove(FILE *f, const Lines *l, const Setting *s, const char *value) {
        for (size_t i = 0; i < l->n; i++) {
                const Line *line = &l->v[i];
                const char *word = word_of(line, s, value);

                if (is_value(line, value))
                        continue;
                if (word)
                        put_without(f, line, word, strlen(value));
                else
                        put(f, line);
        }
}

unsigned config_text_count(const char *text, const Setting *s, bool empty) {
        _cleanup_(lines_done) Lines l = {};
        unsigned n = 0;

        if (lines_split(&l, text, s) < 0)
                return 0;
        for (size_t i = 0; i < l.n; i++)
                n += l.v[i].kind == LINE_VALUE && (empty || l.v[i].value_size > 0);
        return n;
}

bool config_text_has(const char *text, const Setting *s, const char *value) {
        _cleanup_(lines_done) Lines l = {};

        if (lines_split(&l, text, s) < 0)
                return false;
        for (size_t i = 0; i < l.n; i++)
                if (is_value(&l.v[i], value) || word_of(&l.v[i], s, value))
                        return true;
        return false;
}

/* ---- the three changes: their arguments, and the stream that all have ---- */

typedef struct Change {
        const Strv *set;
        const char *add, *remove;
} Change;

static int change(const char *text, const Setting *s, const Change *c, char **ret) {
        _cleanup_(lines_done) Lines l = {};
        _cleanup_free_ char *out = NULL;
        size_t size;
        FILE *f;
        int r = lines_split(&l, text, s);

        if (r < 0)
                return r;
        f = open_memstream(&out, &size);
        if (!f)
                return -ENOMEM;
        if (c->set)
                write_set(f, &l, s, c->set->v, c->set->n);
        else if (c->add)
                write_add(f, &l, s, (char *) c->add);
        else
                write_remove(f, &l, s, c->remove);
        r = memstream_close(f, &out);
        if (r >= 0)
                *ret = TAKE_PTR(out);
        return r;
}

int config_text_set(const char *text, const Setting *s, const Strv *values, char **ret) {
        return change(text, s, &(Change){ .set = values }, ret);
}

int config_text_add(const char *text, const Setting *s, const char *value, char **ret) {
        return change(text, s, &(Change){ .add = value }, ret);
}

int config_text_remove(const char *text, const Setting *s, const char *value, char **ret) {
        return change(text, s, &(Change){ .remove = value }, ret);
}
