/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz-ledger.c - any file as the record of what has to be undone: what is read from it is what is
 * read again after it was written by it. */

#include "fuzz.h"

#include "daemon/host/ledger.h"
#include "scratch.h"

static bool same_text(const char *a, const char *b) {
        return a && b ? streq(a, b) : a == b;
}

static void assert_same(const Ledger *a, const Ledger *b) {
        assert(same_text(a->tap, b->tap) && strv_equal(&a->cgroups, &b->cgroups) &&
               same_text(a->ipv6, b->ipv6) && same_text(a->mount, b->mount));
        assert(a->user == b->user && a->n_owners == b->n_owners);
        for (size_t i = 0; i < a->n_owners; i++)
                assert(streq(a->owners[i].path, b->owners[i].path) &&
                       a->owners[i].uid == b->owners[i].uid &&
                       a->owners[i].gid == b->owners[i].gid);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_free_ char *file = scratch_file("undo", data, size);
        _cleanup_(ledger_done) Ledger l = {}, again = {};

        if (ledger_load(file, &l) < 0) {
                assert(!l.file);
                return 0;
        }
        assert(l.n_owners <= LEDGER_OWNERS_MAX);
        for (size_t i = 0; i < l.n_owners; i++)
                assert(!isempty(l.owners[i].path));
        assert(ledger_note_mount(&l, "/mnt") >= 0);
        assert(ledger_load(file, &again) >= 0);
        assert_same(&l, &again);
        ledger_clear(&l);
        assert(access(file, F_OK) < 0);
        return 0;
}
