/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-sum.c - the sum of all claims as a file: "WHEN OPEN", the time being CLOCK_MONOTONIC, then
 * "DEVICE OPEN" for each file system. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"

enum {
        DEVICES_MAX = 16, /* with more of them, every umld adds up the claims itself */
        SUM_TEXT_MAX = 44 * (DEVICES_MAX + 1),
};

typedef struct MemorySum {
        usec_t when;
        uint64_t open;
        struct {
                uint64_t device, open;
        } on[DEVICES_MAX];
        size_t n;
} MemorySum;

static char *sum_path(const Host *h) {
        return strfmt("%s/memory/sum", h->shared);
}

static uint64_t add(uint64_t a, uint64_t b) {
        return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static int parse(const char *text, MemorySum *ret) {
        MemorySum s = {};
        int n = 0;

        if (sscanf(text, "%" SCNu64 " %" SCNu64 " %n", &s.when, &s.open, &n) != 2)
                return -EBADMSG;
        for (text += n; *text; text += n, s.n++)
                if (s.n == DEVICES_MAX || sscanf(text, "%" SCNu64 " %" SCNu64 " %n",
                                                 &s.on[s.n].device, &s.on[s.n].open, &n) != 2)
                        return -EBADMSG;
        *ret = s;
        return 0;
}

static int load(const char *path, usec_t max_age, MemorySum *ret) {
        usec_t now = now_usec(CLOCK_MONOTONIC);
        _cleanup_free_ char *text = NULL;
        MemorySum s;
        ssize_t n;
        int r;

        n = read_file(path, SUM_TEXT_MAX, &text);
        if (n < 0)
                return (int) n;
        r = parse(text, &s);
        if (r < 0)
                return r;
        if (s.when > now || now - s.when > max_age)
                return -ESTALE;
        *ret = s;
        return 0;
}

static void store(const char *path, const MemorySum *s) {
        char text[SUM_TEXT_MAX];
        int n = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", s->when, s->open);

        for (size_t i = 0; i < s->n; i++)
                n += snprintf(text + n, sizeof(text) - (size_t) n, "%" PRIu64 " %" PRIu64 "\n",
                              s->on[i].device, s->on[i].open);
        /* It may fail if two do it at once; then the other one's is good enough. */
        (void) write_file_atomic(path, text, (size_t) n, 0644);
}

/* false: there are too many file systems. */
static bool add_claim(MemorySum *s, uint64_t device, uint64_t open) {
        size_t i = 0;

        s->open = add(s->open, open);
        while (i < s->n && s->on[i].device != device)
                i++;
        if (i == DEVICES_MAX)
                return false;
        if (i == s->n) {
                s->on[i].device = device;
                s->on[i].open = 0;
                s->n++;
        }
        s->on[i].open = add(s->on[i].open, open);
        return true;
}

static uint64_t on_device(const MemorySum *s, uint64_t device) {
        for (size_t i = 0; i < s->n; i++)
                if (s->on[i].device == device)
                        return s->on[i].open;
        return 0;
}

/* The claims are locked meanwhile: one recorded after they were read would not be in the sum. */
static int add_up(const Host *h, const char *path, uint64_t device, uint64_t *ret_open,
                  uint64_t *ret_on_device) {
        _cleanup_(shared_closep) SharedSetting *book = NULL;
        MemorySum s = { .when = now_usec(CLOCK_MONOTONIC) };
        uint64_t here = 0;
        MemoryClaims claims;
        bool all = true;
        int r = memory_claims_hold(h, &book, &claims);

        if (r < 0)
                return r;
        for (size_t i = 0; i < claims.n; i++) {
                uint64_t open = memory_claim_open(&claims.v[i]);

                all &= add_claim(&s, claims.v[i].device, open);
                if (claims.v[i].device == device)
                        here = add(here, open);
        }
        if (all && claims.n > 1) /* otherwise only this guest needs it */
                store(path, &s);
        *ret_open = s.open;
        *ret_on_device = here;
        return 0;
}

int memory_sum_get(const Host *h, uint64_t device, usec_t max_age, uint64_t *ret_open,
                   uint64_t *ret_on_device) {
        _cleanup_free_ char *path = sum_path(h);
        MemorySum s = {};

        if (!path)
                return -ENOMEM;
        if (load(path, max_age, &s) < 0)
                return add_up(h, path, device, ret_open, ret_on_device);
        *ret_open = s.open;
        *ret_on_device = on_device(&s, device);
        return 0;
}

int memory_sum_others(const Host *h, uint64_t device, usec_t max_age, uint64_t *ret) {
        uint64_t open, on_device, others;
        int r = memory_sum_get(h, device, max_age, &open, &on_device);

        if (r < 0)
                return r;
        others = device == 0 ? open : on_device;
        *ret = others - MIN(others, h->memory.need);
        return 0;
}

static void subtract_claim(MemorySum *s, const MemoryClaim *c) {
        s->open -= MIN(s->open, c->need);
        for (size_t i = 0; i < s->n; i++)
                if (s->on[i].device == c->device)
                        s->on[i].open -= MIN(s->on[i].open, c->need);
}

/* What a guest has taken of its claim nobody has noted, so only one of which nothing was taken can
 * be subtracted. */
void memory_sum_change(const Host *h, const MemoryClaim *from, const MemoryClaim *to) {
        _cleanup_free_ char *path = sum_path(h);
        MemorySum s;

        if (!path || load(path, USEC_INFINITY, &s) < 0)
                return;
        if (from->inode == 0)
                subtract_claim(&s, from);
        if (from->inode == 0 && add_claim(&s, to->device, to->need))
                store(path, &s);
        else
                memory_sum_forget(h);
}

void memory_sum_forget(const Host *h) {
        _cleanup_free_ char *path = sum_path(h);

        if (path)
                (void) unlink_quiet(path);
}
