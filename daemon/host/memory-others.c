/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-others.c - how much memory guests still claim: from the kept sum, or added up again. */

#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"

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

                all &= memory_sum_add(&s, claims.v[i].device, open);
                if (claims.v[i].device == device)
                        here = open > UINT64_MAX - here ? UINT64_MAX : here + open;
        }
        if (all && claims.n > 1) /* otherwise only this guest needs it */
                memory_sum_store(path, &s);
        *ret_open = s.open;
        *ret_on_device = here;
        return 0;
}

int memory_sum_get(const Host *h, uint64_t device, usec_t max_age, uint64_t *ret_open,
                   uint64_t *ret_on_device) {
        _cleanup_free_ char *path = memory_sum_path(h);
        MemorySum s = {};

        if (!path)
                return -ENOMEM;
        if (memory_sum_load(path, max_age, &s) < 0)
                return add_up(h, path, device, ret_open, ret_on_device);
        *ret_open = s.open;
        *ret_on_device = memory_sum_on(&s, device);
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
