/* SPDX-License-Identifier: GPL-2.0-or-later */
/* changes.c - values of settings compared, copied and freed, by the kind of their field. */

#include "conf/changes.h"
#include "basic/cleanup.h"

/* ---- kinds of fields ---- */

static void *at(const Field *f, const Config *c) {
        return (char *) c + f->offset;
}

static bool flat_same(const Field *f, const Config *a, const Config *b) {
        return memcmp(at(f, a), at(f, b), f->size) == 0;
}

static int flat_copy(const Field *f, Config *to, const Config *from) {
        memcpy(at(f, to), at(f, from), f->size);
        return 0;
}

static void flat_done(const Field *f, Config *c) {
}

static bool same_text(const char *a, const char *b) {
        return streq(a ?: "", b ?: "");
}

static bool text_same(const Field *f, const Config *a, const Config *b) {
        return same_text(*(char **) at(f, a), *(char **) at(f, b));
}

static void text_done(const Field *f, Config *c) {
        free(*(char **) at(f, c));
}

static int text_copy(const Field *f, Config *to, const Config *from) {
        const char *text = *(char *const *) at(f, from);
        char *copy = text ? strdup(text) : NULL;

        if (text && !copy)
                return -ENOMEM;
        *(char **) at(f, to) = copy;
        return 0;
}

static bool words_same(const Field *f, const Config *a, const Config *b) {
        return strv_equal(at(f, a), at(f, b));
}

static int words_copy(const Field *f, Config *to, const Config *from) {
        _cleanup_strv_ Strv copy = {};
        int r = strv_copy(&copy, at(f, from));

        if (r < 0)
                return r;
        *(Strv *) at(f, to) = copy;
        copy = (Strv){};
        return 0;
}

static void words_done(const Field *f, Config *c) {
        strv_done(at(f, c));
}

typedef struct Ports {
        Forward *list;
        size_t n;
} Ports;
#define IS_PORTS(member)                                                                           \
        static_assert(offsetof(Config, n_##member) ==                                              \
                              offsetof(Config, member) + offsetof(Ports, n),                       \
                      "the number follows the list")
IS_PORTS(forwards);
IS_PORTS(proxies);
IS_PORTS(reserved);

static bool ports_same(const Field *f, const Config *a, const Config *b) {
        const Ports *x = at(f, a), *y = at(f, b);

        for (size_t i = 0; i < MIN(x->n, y->n); i++)
                if (!forward_equal(&x->list[i], &y->list[i]))
                        return false;
        return x->n == y->n;
}

static int ports_copy(const Field *f, Config *to, const Config *from) {
        const Ports *x = at(f, from);
        Forward *list = calloc(x->n + 1, sizeof(*list));

        if (!list)
                return -ENOMEM;
        if (x->n > 0)
                memcpy(list, x->list, x->n * sizeof(*list));
        *(Ports *) at(f, to) = (Ports){ list, x->n };
        return 0;
}

static void ports_done(const Field *f, Config *c) {
        free(((Ports *) at(f, c))->list);
}

static bool same_disk(const Disk *a, const Disk *b) {
        return same_text(a->path, b->path) && same_text(a->cow, b->cow) &&
               a->read_only == b->read_only && a->sync == b->sync && a->adopt == b->adopt &&
               a->swap == b->swap && a->swap_size == b->swap_size;
}

static bool disks_same(const Field *f, const Config *a, const Config *b) {
        for (size_t i = 0; i < MIN(a->n_disks, b->n_disks); i++)
                if (!same_disk(&a->disks[i], &b->disks[i]))
                        return false;
        return a->n_disks == b->n_disks;
}

static void disks_done(const Field *f, Config *c) {
        for (size_t i = 0; i < c->n_disks; i++) {
                free(c->disks[i].path);
                free(c->disks[i].cow);
        }
}

static const struct {
        bool (*same)(const Field *f, const Config *a, const Config *b);
        int (*copy)(const Field *f, Config *to, const Config *from); /* NULL: never asked for */
        void (*done)(const Field *f, Config *c);
} kinds[] = {
        [FIELD_FLAT] = { flat_same, flat_copy, flat_done },
        [FIELD_TEXT] = { text_same, text_copy, text_done },
        [FIELD_WORDS] = { words_same, words_copy, words_done },
        [FIELD_PORTS] = { ports_same, ports_copy, ports_done },
        [FIELD_DISKS] = { disks_same, NULL, disks_done },
};
static_assert(ARRAY_SIZE(kinds) == FIELD_KIND_MAX, "what to do with each kind");

/* ---- settings ---- */

bool setting_same(const Setting *s, const Config *a, const Config *b) {
        for (const Field *f = s->fields; f < s->fields + SETTING_FIELDS && f->kind; f++)
                if (!kinds[f->kind].same(f, a, b))
                        return false;
        return true;
}

static int copy_setting(const Setting *s, Config *to, const Config *from) {
        int r = 0;

        for (const Field *f = s->fields; f < s->fields + SETTING_FIELDS && f->kind && r >= 0; f++)
                r = kinds[f->kind].copy(f, to, from);
        return r;
}

static void setting_done(const Setting *s, Config *c) {
        for (const Field *f = s->fields; f < s->fields + SETTING_FIELDS && f->kind; f++)
                kinds[f->kind].done(f, c);
}

void settings_done(Config *c) {
        size_t n;
        const Setting *s = settings_table(&n);

        for (const Setting *end = s + n; s < end; s++)
                setting_done(s, c);
}

static void clear_field(const Field *f, Config *c) {
        static const size_t sizes[] = {
                [FIELD_TEXT] = sizeof(char *),
                [FIELD_WORDS] = sizeof(Strv),
                [FIELD_PORTS] = sizeof(Ports),
        };

        if (f->kind == FIELD_DISKS) {
                memset(c->disks, 0, sizeof(c->disks));
                c->n_disks = 0;
        } else
                memset(at(f, c), 0, f->kind == FIELD_FLAT ? f->size : sizes[f->kind]);
}

void setting_clear(const Setting *s, Config *c) {
        setting_done(s, c);
        for (const Field *f = s->fields; f < s->fields + SETTING_FIELDS && f->kind; f++)
                clear_field(f, c);
}

/* ---- a reload ---- */

/* A key of [Fallback] is called like one of [Guest]. */
static char *add_key(const char *list, const Setting *s) {
        bool fallback = streq(s->section, "Fallback");

        return strfmt("%s%s%s%s", list ?: "", list ? ", " : "", fallback ? "[Fallback] " : "",
                      s->key);
}

int config_later_keys(const Config *running, const Config *next, char **ret) {
        _cleanup_free_ char *list = NULL;
        size_t n;
        const Setting *s = settings_table(&n);

        for (const Setting *end = s + n; s < end; s++) {
                char *longer;

                if (s->changes == CHANGES_AT_ONCE || setting_same(s, running, next))
                        continue;
                longer = add_key(list, s);
                if (!longer)
                        return -ENOMEM;
                free(list);
                list = longer;
        }
        *ret = TAKE_PTR(list);
        return 0;
}

bool config_tap_differs(const Config *running, const Config *next) {
        size_t n;
        const Setting *s = settings_table(&n);

        for (const Setting *end = s + n; s < end; s++)
                if (s->on_tap && !setting_same(s, running, next))
                        return true;
        return false;
}

/* The first n rows of the table. */
static void drop_live(Config *c, size_t n) {
        size_t all;
        const Setting *s = settings_table(&all);

        for (const Setting *end = s + n; s < end; s++)
                if (s->changes == CHANGES_AT_ONCE)
                        setting_done(s, c);
}

void config_drop_live(Config *c) {
        size_t n;

        (void) settings_table(&n);
        drop_live(c, n);
}

int config_copy_live(Config *running, const Config *next) {
        Config copy = *running;
        size_t n;
        const Setting *s = settings_table(&n);

        for (size_t i = 0; i < n; i++)
                if (s[i].changes == CHANGES_AT_ONCE && copy_setting(s + i, &copy, next) < 0) {
                        drop_live(&copy, i);
                        return -ENOMEM;
                }
        *running = copy;
        return 0;
}
