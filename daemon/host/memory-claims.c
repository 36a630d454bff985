/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory-claims.c - a record of how much memory each guest of the host may still take.
 */

#include <inttypes.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "daemon/host/memory-claims.h"
#include "daemon/host/memory-sum.h"
#include "daemon/host/share.h"
#include "host/memfile.h"

#define SETTING "memory"

void memory_claim_format(const MemoryClaim *c, char buf[static MEMORY_CLAIM_TEXT_MAX]) {
        snprintf(buf, MEMORY_CLAIM_TEXT_MAX, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %d", c->need,
                 c->device, c->inode, c->pid);
}

int memory_claim_parse(const char *text, MemoryClaim *ret) {
        char words[4][24], rest;
        uint64_t v[4];

        if (sscanf(text, "%23s %23s %23s %23s %c", words[0], words[1], words[2], words[3], &rest) !=
            4)
                return -EBADMSG;
        for (size_t i = 0; i < 4; i++)
                if (parse_unsigned(words[i], 0, i == 3 ? INT32_MAX : UINT64_MAX, &v[i]) < 0)
                        return -EBADMSG;
        *ret = (MemoryClaim){ .need = v[0], .device = v[1], .inode = v[2], .pid = (pid_t) v[3] };
        return 0;
}

uint64_t memory_claim_open(const MemoryClaim *c) {
        uint64_t charged;

        if (c->pid <= 0 || memfile_charged(c->pid, c->device, c->inode, &charged) < 0)
                return c->need; /* not running, or its pid belongs to another process by now */
        return c->need - MIN(charged, c->need);
}

uint64_t memory_claims_open(const MemoryClaims *claims, uint64_t device) {
        uint64_t sum = 0;

        for (size_t i = 0; i < claims->n; i++)
                if (device == 0 || claims->v[i].device == device) {
                        uint64_t open = memory_claim_open(&claims->v[i]);

                        sum = sum > UINT64_MAX - open ? UINT64_MAX : sum + open;
                }
        return sum;
}

/* The claims of all guests except that one; NULL: of all. */
static int read_claims(SharedSetting *s, const char *name, MemoryClaims *ret) {
        _cleanup_strv_ Strv names = {}, texts = {};
        int r = shared_users(s, name, &names, &texts);

        if (r < 0)
                return r;
        ret->n = 0;
        for (size_t i = 0; i < texts.n && ret->n < MEMORY_CLAIMS_MAX; i++)
                if (memory_claim_parse(texts.v[i], &ret->v[ret->n]) >= 0)
                        ret->n++;
        return 0;
}

/* What the guest has claimed so far. False: nothing. */
static bool read_own(SharedSetting *s, const char *name, MemoryClaim *ret) {
        _cleanup_free_ char *text = NULL;

        return shared_claim(s, name, &text) >= 0 && memory_claim_parse(text, ret) >= 0;
}

int memory_claims_note(const Host *h, const MemoryClaim *claim) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        char text[MEMORY_CLAIM_TEXT_MAX];
        MemoryClaim before = {};
        int r = host_shared_open(h, SETTING, &s);

        if (r < 0)
                return r;
        (void) read_own(s, h->config->name, &before);
        memory_claim_format(claim, text);
        r = shared_join(s, h->config->name, text, ""); /* there is nothing to restore */
        if (r < 0)
                memory_sum_forget(h);
        else
                memory_sum_change(h, &before, claim);
        return r;
}

int memory_claims_others(const Host *h, MemoryClaims *ret) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        int r = host_shared_there(h) ? host_shared_open(h, SETTING, &s) : 0;

        return r < 0 || !s ? r : read_claims(s, h->config->name, ret);
}

int memory_claims_hold(const Host *h, SharedSetting **ret_book, MemoryClaims *ret) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        int r = host_shared_open(h, SETTING, &s);

        if (r >= 0)
                r = read_claims(s, NULL, ret);
        if (r < 0)
                return r;
        *ret_book = TAKE_PTR(s);
        return 0;
}

int memory_claims_drop(const Host *h) {
        _cleanup_(shared_closep) SharedSetting *s = NULL;
        _cleanup_free_ char *original = NULL, *ours = NULL;
        int r = host_shared_open(h, SETTING, &s);

        if (r < 0)
                return r;
        r = MIN(shared_leave(s, h->config->name, &original, &ours), 0);
        memory_sum_forget(h);
        return r;
}
