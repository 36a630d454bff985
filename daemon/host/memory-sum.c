/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-sum.c - the sum of all claims as a file: "WHEN OPEN", the time being CLOCK_MONOTONIC, then
 * "DEVICE OPEN" for each file system. */

#include <inttypes.h>
#include <stdio.h>

#include "basic/file-util.h"
#include "basic/string-util.h"
#include "daemon/host/memory-sum.h"

enum {
        SUM_TEXT_MAX = 44 * (MEMORY_DEVICES_MAX + 1),
};

char *memory_sum_path(const Host *h) {
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
                if (s.n == MEMORY_DEVICES_MAX ||
                    sscanf(text, "%" SCNu64 " %" SCNu64 " %n", &s.on[s.n].device, &s.on[s.n].open,
                           &n) != 2)
                        return -EBADMSG;
        *ret = s;
        return 0;
}

int memory_sum_load(const char *path, usec_t max_age, MemorySum *ret) {
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

void memory_sum_store(const char *path, const MemorySum *s) {
        char text[SUM_TEXT_MAX];
        int n = snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 "\n", s->when, s->open);

        for (size_t i = 0; i < s->n; i++)
                n += snprintf(text + n, sizeof(text) - (size_t) n, "%" PRIu64 " %" PRIu64 "\n",
                              s->on[i].device, s->on[i].open);
        /* It may fail if two do it at once; then the other one's is good enough. */
        (void) write_file_atomic(path, text, (size_t) n, 0644);
}

/* false: there are too many file systems. */
bool memory_sum_add(MemorySum *s, uint64_t device, uint64_t open) {
        size_t i = 0;

        s->open = add(s->open, open);
        while (i < s->n && s->on[i].device != device)
                i++;
        if (i == MEMORY_DEVICES_MAX)
                return false;
        if (i == s->n) {
                s->on[i].device = device;
                s->on[i].open = 0;
                s->n++;
        }
        s->on[i].open = add(s->on[i].open, open);
        return true;
}

uint64_t memory_sum_on(const MemorySum *s, uint64_t device) {
        for (size_t i = 0; i < s->n; i++)
                if (s->on[i].device == device)
                        return s->on[i].open;
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
        _cleanup_free_ char *path = memory_sum_path(h);
        MemorySum s;

        if (!path || memory_sum_load(path, USEC_INFINITY, &s) < 0)
                return;
        if (from->pid == 0)
                subtract_claim(&s, from);
        if (from->pid == 0 && memory_sum_add(&s, to->device, to->need))
                memory_sum_store(path, &s);
        else
                memory_sum_forget(h);
}

void memory_sum_forget(const Host *h) {
        _cleanup_free_ char *path = memory_sum_path(h);

        if (path)
                (void) unlink_quiet(path);
}
