/* SPDX-License-Identifier: GPL-2.0-or-later */
/* escape-keys.c - recognises the keys that detach. */

#include "umlctl/escape-keys.h"

enum {
        CTRL_BRACKET = 0x1d,
};

/* Handles a key while none is held back: it is passed on or held back. */
static size_t plain_key(EscapeKeys *k, char c, char *out) {
        bool at_start = k->state == KEYS_LINE_START;

        if (c == CTRL_BRACKET) {
                k->bracket_at_start = at_start;
                k->state = KEYS_BRACKET;
                return 0;
        }
        if (c == '~' && at_start) {
                k->state = KEYS_TILDE;
                return 0;
        }
        k->state = c == '\r' || c == '\n' ? KEYS_LINE_START : KEYS_IN_LINE;
        *out = c;
        return 1;
}

size_t escape_keys_put(EscapeKeys *k, const char *typed, size_t size, char *out, bool *ret_detach) {
        size_t n = 0;

        for (size_t i = 0; i < size; i++) {
                char c = typed[i];

                switch (k->state) {
                case KEYS_LINE_START:
                case KEYS_IN_LINE:
                        n += plain_key(k, c, out + n);
                        break;
                case KEYS_TILDE:
                        if (c == '.') {
                                *ret_detach = true;
                                return n;
                        }
                        out[n++] = '~';
                        k->state = KEYS_IN_LINE;
                        if (c != '~')
                                n += plain_key(k, c, out + n);
                        break;
                case KEYS_BRACKET:
                        if (c == CTRL_BRACKET) {
                                *ret_detach = true;
                                return n;
                        }
                        out[n++] = CTRL_BRACKET;
                        k->state = k->bracket_at_start ? KEYS_LINE_START : KEYS_IN_LINE;
                        n += plain_key(k, c, out + n);
                        break;
                }
        }
        return n;
}
