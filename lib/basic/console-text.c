/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console-text.c - reduces whatever a guest prints to plain text. */

#include <stdio.h>

#include "basic/console-text.h"

/* The forms of control sequences are those of ECMA-48 sections 5.4 and 8.3; what they mean does not
 * matter here. */
enum {
        STATE_TEXT,
        STATE_RETURN,       /* carriage returns: dropped if a newline follows */
        STATE_CHARACTER,    /* inside a UTF-8 character */
        STATE_ESCAPE,       /* after ESC */
        STATE_INTERMEDIATE, /* ESC ( and the like: one final byte follows */
        STATE_CONTROL,      /* ESC [ … final byte */
        STATE_STRING,       /* ESC ] … BEL or ESC \ */
        STATE_STRING_END,   /* after an ESC in it */
};

enum {
        CHAR_BELL = 0x07,
        CHAR_ESCAPE = 0x1b,
        CHAR_DELETE = 0x7f,
};

static bool in_range(unsigned c, unsigned first, unsigned last) {
        return c >= first && c <= last;
}

static size_t show_byte(unsigned char c, char *out) {
        static const char hex[] = "0123456789abcdef";

        if (c < ' ' || c == CHAR_DELETE) {
                out[0] = '^';
                out[1] = (char) (c ^ 0x40);
                return 2;
        }
        if (c < 0x80) {
                out[0] = (char) c;
                return 1;
        }
        out[0] = '\\';
        out[1] = 'x';
        out[2] = hex[c >> 4];
        out[3] = hex[c & 15];
        return 4;
}

static size_t show_pending(ConsoleText *t, char *out) {
        size_t n = 0;

        for (size_t i = 0; i < t->n_pending; i++)
                n += show_byte(t->pending[i], out + n);
        t->n_pending = 0;
        t->state = STATE_TEXT;
        return n;
}

static void drop_pending(ConsoleText *t) {
        t->n_pending = 0;
        t->state = STATE_TEXT;
}

static size_t utf8_length(unsigned char first) {
        return in_range(first, 0xc2, 0xdf)   ? 2
               : in_range(first, 0xe0, 0xef) ? 3
               : in_range(first, 0xf0, 0xf4) ? 4
                                             : 0;
}

/* Returns 0 if the bytes are not a valid character: overlong, a surrogate, or too large. */
static uint32_t decode(const unsigned char *b, size_t len) {
        static const uint32_t least[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 };
        uint32_t c = b[0] & (0xffu >> (len + 1));

        for (size_t i = 1; i < len; i++)
                c = c << 6 | (b[i] & 0x3f);
        return c < least[len] || in_range(c, 0xd800, 0xdfff) || c > 0x10ffff ? 0 : c;
}

/* Characters that are not text: they change the direction or the look of others, or are invisible.
 */
static bool deceptive(uint32_t c) {
        static const struct {
                uint32_t first, last;
        } ranges[] = {
                { 0x80, 0x9f },       /* control characters of 8 bits */
                { 0x61c, 0x61c },     /* direction */
                { 0x180e, 0x180e },   /* zero width */
                { 0x200b, 0x200f },   /* zero width, direction */
                { 0x2028, 0x202e },   /* line breaks, direction */
                { 0x2060, 0x206f },   /* invisible, direction */
                { 0xfeff, 0xfeff },   /* zero width */
                { 0xfff9, 0xfffb },   /* annotations */
                { 0xfffe, 0xffff },   /* not characters */
                { 0xe0000, 0xe0fff }, /* tags */
        };

        FOREACH_ELEMENT (r, ranges)
                if (in_range(c, r->first, r->last))
                        return true;
        return false;
}

static size_t show_character(ConsoleText *t, char *out) {
        char text[16]; /* snprintf() adds a NUL, for which out has no space */
        size_t len = t->n_pending;
        uint32_t c = decode(t->pending, len);
        int n;

        if (c == 0)
                return show_pending(t, out);
        if (!deceptive(c)) {
                memcpy(out, t->pending, len);
                drop_pending(t);
                return len;
        }
        n = snprintf(text, sizeof(text), c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned) c);
        memcpy(out, text, (size_t) n);
        drop_pending(t);
        return (size_t) n;
}

/* Handles a byte while nothing is pending: shows it, or returns the state in which it is pending.
 */
static size_t begin(ConsoleText *t, unsigned char c, char *out) {
        if (c == '\n' || c == '\t') {
                *out = (char) c;
                return 1;
        }
        if (c == CHAR_ESCAPE)
                t->state = STATE_ESCAPE;
        else if (c == '\r')
                t->state = STATE_RETURN;
        else if (t->utf8 && utf8_length(c) > 0)
                t->state = STATE_CHARACTER;
        else
                return show_byte(c, out);
        t->pending[t->n_pending++] = c;
        return 0;
}

typedef enum Next {
        NEXT_KEEP,  /* it continues the pending sequence */
        NEXT_WHOLE, /* it completes the pending sequence */
        NEXT_OTHER, /* the pending sequence is broken; the byte stands for itself */
        NEXT_GONE,  /* the pending sequence is dropped; the byte stands for itself */
} Next;

static Next next_of_escape(ConsoleText *t, unsigned char c) {
        if (c == '[')
                t->state = STATE_CONTROL;
        else if (c != '\0' && strchr("]PX^_", c))
                t->state = STATE_STRING;
        else if (in_range(c, 0x20, 0x2f))
                t->state = STATE_INTERMEDIATE;
        else
                return in_range(c, 0x30, 0x7e) ? NEXT_WHOLE : NEXT_OTHER;
        return NEXT_KEEP;
}

static Next next_of_string(ConsoleText *t, unsigned char c) {
        if (c == CHAR_BELL)
                return NEXT_WHOLE;
        if (c == CHAR_ESCAPE)
                t->state = STATE_STRING_END;
        return c >= ' ' || c == CHAR_ESCAPE ? NEXT_KEEP : NEXT_OTHER;
}

static Next next_of(ConsoleText *t, unsigned char c) {
        switch (t->state) {
        case STATE_RETURN:
                return c == '\r' ? NEXT_KEEP : c == '\n' ? NEXT_GONE : NEXT_OTHER;
        case STATE_CHARACTER:
                if (!in_range(c, 0x80, 0xbf))
                        return NEXT_OTHER;
                return t->n_pending + 1 == utf8_length(t->pending[0]) ? NEXT_WHOLE : NEXT_KEEP;
        case STATE_ESCAPE:
                return next_of_escape(t, c);
        case STATE_INTERMEDIATE:
        case STATE_CONTROL:
                if (in_range(c, 0x20, 0x2f) ||
                    (t->state == STATE_CONTROL && in_range(c, 0x30, 0x3f)))
                        return NEXT_KEEP;
                return in_range(c, 0x30, 0x7e) ? NEXT_WHOLE : NEXT_OTHER;
        case STATE_STRING:
                return next_of_string(t, c);
        default: /* STATE_STRING_END */
                return c == '\\' ? NEXT_WHOLE : NEXT_OTHER;
        }
}

static size_t put_byte(ConsoleText *t, unsigned char c, char *out) {
        size_t n = 0;
        Next next;

        if (t->state == STATE_TEXT)
                return begin(t, c, out);
        next = t->n_pending < sizeof(t->pending) ? next_of(t, c) : NEXT_OTHER;
        switch (next) {
        case NEXT_KEEP:
                t->pending[t->n_pending++] = c;
                return 0;
        case NEXT_WHOLE:
                if (t->state != STATE_CHARACTER) {
                        drop_pending(t);
                        return 0;
                }
                t->pending[t->n_pending++] = c;
                return show_character(t, out);
        case NEXT_OTHER:
                n = show_pending(t, out);
                break;
        case NEXT_GONE:
                drop_pending(t);
                break;
        }
        return n + begin(t, c, out + n);
}

size_t console_text_put(ConsoleText *t, const void *data, size_t size, char *out) {
        const unsigned char *d = data;
        size_t n = 0;

        for (size_t i = 0; i < size; i++)
                n += put_byte(t, d[i], out + n);
        return n;
}

size_t console_text_end(ConsoleText *t, char *out) {
        if (t->state != STATE_RETURN)
                return show_pending(t, out);
        drop_pending(t);
        return 0;
}
