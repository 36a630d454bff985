/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-sets.c - looks keys up in the sets and maps of nf_tables.
 *
 * Lists of banned addresses may have very many elements. They name no stranger, so none of them is
 * read for a key that begins with a stranger's address; and for one that is known the kernel is
 * asked. */

#include <stdlib.h>

#include "nat/nft-netlink.h"
#include "nat/nft-sets.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#define SETS_MAX     65536
#define ELEMENTS_MAX 4096        /* of one set, which is read as a whole */
#define BYTES_MAX    (16U << 20) /* of the elements of all sets */

/* Elements are stored one after the other, each after its size, aligned as attributes are. */
typedef struct Elements {
        bool asked;
        int error; /* of reading them */
        char *bytes;
        size_t size, reserved, n;
} Elements;

struct NftSet {
        uint8_t family;
        char *table, *name;
        uint32_t flags, key_size;
        Elements all, catchall; /* the latter is that for all keys that are not in the set */
};

/* ---- reading ---- */

void nft_sets_done(NftSets *s) {
        for (size_t i = 0; i < s->n; i++) {
                free(s->list[i].table);
                free(s->list[i].name);
                free(s->list[i].all.bytes);
                free(s->list[i].catchall.bytes);
        }
        free(s->list);
        *s = (NftSets){};
}

static int reserve_set(NftSets *s) {
        size_t n = 2 * s->n_allocated + 16;
        NftSet *grown;

        if (s->n < s->n_allocated)
                return 0;
        if (s->n >= SETS_MAX)
                return -E2BIG;
        grown = reallocarray(s->list, n, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        s->list = grown;
        s->n_allocated = n;
        return 0;
}

static int add_set(const NftObject *o, void *userdata) {
        const char *name = nft_text(o->attributes, o->size, NFTA_SET_NAME);
        NftSets *s = userdata;
        NftSet *set;
        int r;

        if (budget_spent(s->budget))
                return -ETIME;
        if (!name)
                return 0;
        r = reserve_set(s);
        if (r < 0)
                return r;
        set = &s->list[s->n++];
        *set = (NftSet){ .family = o->family, .table = strdup(o->table), .name = strdup(name) };
        (void) nft_number(o->attributes, o->size, NFTA_SET_FLAGS, &set->flags);
        (void) nft_number(o->attributes, o->size, NFTA_SET_KEY_LEN, &set->key_size);
        return set->table && set->name ? 0 : -ENOMEM;
}

int nft_sets_load(NftSets *s, Budget *budget) {
        s->budget = budget;
        return nft_foreach(NFT_SETS, add_set, s);
}

static NftSet *find_set(NftSets *s, uint8_t family, const char *table, const char *name) {
        for (size_t i = 0; i < s->n; i++) {
                size_t at = (s->last + i) % s->n;
                NftSet *set = &s->list[at];

                if (set->family == family && streq(set->name, name) && streq(set->table, table)) {
                        s->last = at;
                        return set;
                }
        }
        return NULL;
}

typedef struct Reader {
        NftSets *sets;
        Elements *elements;
} Reader;

static int add_element(const void *element, size_t size, void *userdata) {
        const Reader *reader = userdata;
        Elements *e = reader->elements;
        size_t padded = sizeof(size) + ((size + 7) & ~(size_t) 7);
        char *grown;

        if (budget_spent(reader->sets->budget))
                return -ETIME;
        if (e->n++ == ELEMENTS_MAX || reader->sets->n_bytes + padded > BYTES_MAX)
                return -E2BIG;
        if (e->size + padded > e->reserved) {
                grown = realloc(e->bytes, 2 * (e->size + padded));
                if (!grown)
                        return -ENOMEM;
                e->bytes = grown;
                e->reserved = 2 * (e->size + padded);
        }
        memcpy(e->bytes + e->size, &size, sizeof(size));
        memcpy(e->bytes + e->size + sizeof(size), element, size);
        e->size += padded;
        reader->sets->n_bytes += padded;
        return 0;
}

static int read_elements(NftSets *s, const NftSet *set, Elements *e) {
        Reader reader = { s, e };

        if (e->asked)
                return e->error;
        e->asked = true;
        if (e == &set->all)
                e->error = nft_foreach_element(set->family, set->table, set->name, add_element,
                                               &reader);
        else
                e->error = nft_one_element(set->family, set->table, set->name, NULL, 0, add_element,
                                           &reader);
        if (e == &set->catchall && e->error == -ENOPROTOOPT)
                e->error = 0; /* a kernel that is too old for them */
        return e->error;
}

/* ---- looking up ---- */

/* The interval that a key is in begins with the greatest of the elements that are not above it. */
typedef struct Search {
        const NftValue *key;
        bool maybe, intervals, found, is_end;
        uint8_t best[NFT_DATA_MAX];
        size_t size;
        const void *data; /* of the element that was found */
        size_t data_size;
        const void *catchall; /* an element */
        size_t catchall_size;
} Search;

static void take_data(Search *s, const void *element, size_t size) {
        s->data = nft_attribute(element, size, NFTA_SET_ELEM_DATA, &s->data_size);
}

/* Is the data found so far a verdict that does no harm, or nothing? */
static bool is_harmless(const Search *s) {
        size_t n;
        const void *verdict =
                s->data ? nft_attribute(s->data, s->data_size, NFTA_DATA_VERDICT, &n) : NULL;
        uint32_t code;

        return !verdict || (nft_number(verdict, n, NFTA_VERDICT_CODE, &code) && code == NF_ACCEPT);
}

/* Not all of the key is known; the worst that an element may do is worth knowing. */
static void may_match(Search *s, const void *element, size_t size) {
        s->maybe = true;
        if (is_harmless(s))
                take_data(s, element, size);
}

static bool is_below_best(const Search *s, const void *key, size_t size, bool is_end) {
        int order;

        if (!s->found || s->size != size)
                return false;
        order = memcmp(key, s->best, size);
        return order < 0 || (order == 0 && is_end);
}

static Match all_known(const NftValue *v, size_t size) {
        for (size_t i = 0; i < size; i++)
                if (i >= v->size || v->known[i] != NFT_KNOWN)
                        return v->known[i] == NFT_STRANGERS ? MATCH_NO : MATCH_MAYBE;
        return MATCH_YES;
}

/* The beginning or end of an interval, or an element that stands for itself. */
static void look_at_key(Search *s, const void *element, size_t size, const void *key, size_t n,
                        bool is_end) {
        if (memcmp(s->key->bytes, key, n) < 0 || is_below_best(s, key, n, is_end))
                return;
        s->found = true;
        s->is_end = is_end;
        s->size = n;
        memcpy(s->best, key, n);
        take_data(s, element, size);
}

/* How the known beginning of a key compares: a field that is out of its range decides. */
static int compare_known(const NftValue *v, const uint8_t *bytes, size_t size) {
        for (size_t i = 0; i < size && i < v->size && v->known[i] == NFT_KNOWN; i++)
                if (v->bytes[i] != bytes[i])
                        return v->bytes[i] < bytes[i] ? -1 : 1;
        return 0;
}

/* Several fields with ranges, whose sizes are not known here. A stranger is only in the range of
 * all addresses. */
static void look_at_ranges(Search *s, const void *element, size_t size, const uint8_t *from,
                           const uint8_t *to, size_t n) {
        if (compare_known(s->key, from, n) < 0 || compare_known(s->key, to, n) > 0)
                return;
        for (size_t i = 0; i < n; i++)
                if (s->key->known[i] == NFT_STRANGERS && (from[i] != 0 || to[i] != 0xff))
                        return;
        may_match(s, element, size);
}

static const uint8_t *key_of(const void *element, size_t size, unsigned type, size_t *ret_size) {
        size_t n;
        const void *outer = nft_attribute(element, size, type, &n);

        return outer ? nft_attribute(outer, n, NFTA_DATA_VALUE, ret_size) : NULL;
}

static void look_at_element(Search *s, const void *element, size_t size) {
        size_t n = 0, m = 0;
        const uint8_t *key = key_of(element, size, NFTA_SET_ELEM_KEY, &n),
                      *end = key_of(element, size, NFTA_SET_ELEM_KEY_END, &m);
        uint32_t flags = 0;
        Match known;

        (void) nft_number(element, size, NFTA_SET_ELEM_FLAGS, &flags);
        s->intervals |= flags & NFT_SET_ELEM_INTERVAL_END;
        if (!key) {
                s->catchall = element;
                s->catchall_size = size;
                return;
        }
        if (n > NFT_DATA_MAX || (end && n != m)) {
                may_match(s, element, size);
                return;
        }
        if (end) {
                look_at_ranges(s, element, size, key, end, n);
                return;
        }
        known = all_known(s->key, n);
        if (known == MATCH_YES)
                look_at_key(s, element, size, key, n, flags & NFT_SET_ELEM_INTERVAL_END);
        else if (known == MATCH_MAYBE && nft_value_equal(s->key, key, n) != MATCH_NO)
                may_match(s, element, size);
}

static Match conclude(Search *s) {
        bool found = s->found &&
                     (s->intervals ? !s->is_end : memcmp(s->best, s->key->bytes, s->size) == 0);

        if (s->catchall && s->maybe)
                may_match(s, s->catchall, s->catchall_size);
        if (s->maybe)
                return MATCH_MAYBE;
        if (found || !s->catchall)
                return match_of(found);
        take_data(s, s->catchall, s->catchall_size);
        return MATCH_YES;
}

static bool look_at_all(Search *s, const Elements *e, Budget *budget) {
        size_t size;

        for (size_t at = 0; at < e->size; at += sizeof(size) + ((size + 7) & ~(size_t) 7)) {
                if (budget_spent(budget))
                        return false;
                memcpy(&size, e->bytes + at, sizeof(size));
                look_at_element(s, e->bytes + at + sizeof(size), size);
        }
        return true;
}

static bool has_ranges_of_fields(const NftSet *set) {
        return set->flags & NFT_SET_INTERVAL && set->flags & NFT_SET_CONCAT;
}

static int note_found(const void *element, size_t size, void *userdata) {
        *(bool *) userdata = true;
        return 0;
}

/* Of a set that is too large to be read: the kernel knows whether it has the key. */
static Match ask_kernel(const NftSet *set, const NftValue *key) {
        bool found = false;

        if (set->flags & NFT_SET_MAP || has_ranges_of_fields(set) || set->key_size == 0 ||
            set->key_size > NFT_DATA_MAX || all_known(key, set->key_size) != MATCH_YES ||
            nft_one_element(set->family, set->table, set->name, key->bytes, set->key_size,
                            note_found, &found) < 0)
                return MATCH_MAYBE;
        return match_of(found);
}

/* Can no element have this key, except that for all others? */
static bool is_strange(const NftSet *set, const NftValue *key) {
        return key->size > 0 && key->known[0] == NFT_STRANGERS && !has_ranges_of_fields(set);
}

Match nft_sets_lookup(NftSets *s, uint8_t family, const char *table, const char *name,
                      const NftValue *key, const void **ret_data, size_t *ret_size) {
        NftSet *set = find_set(s, family, table, name);
        Search search = { .key = key };
        Elements *e;
        Match m;

        *ret_data = NULL;
        if (!set)
                return MATCH_MAYBE;
        e = is_strange(set, key) ? &set->catchall : &set->all;
        if (read_elements(s, set, e) == -E2BIG) {
                m = ask_kernel(set, key);
                if (m != MATCH_NO)
                        return m;
                e = &set->catchall;
        }
        if (read_elements(s, set, e) < 0 || !look_at_all(&search, e, s->budget))
                return MATCH_MAYBE;
        m = conclude(&search);
        *ret_data = search.data;
        *ret_size = search.data_size;
        return m;
}
