/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-blob.c - rules into blobs and back, and blobs that are none of ours. */

#include <stdio.h>

#include "test.h"

#include "host/nat-blob.h"

#define DNAT_TO(port) .verdict = NAT_DNAT, .to_address = { 0x0200000a }, .to_port = (port)

static const NatRule rules[] = {
        {},
        { .in = "tap0", .source = { 0x0200000a } },
        { .out = "fifteen-bytes-x", .destination = { 0x0200000a }, .states = NAT_STATE_DNAT },
        { .states = NAT_STATE_DNAT | NAT_STATE_RELATED | NAT_STATE_ESTABLISHED },
        { .states = NAT_STATE_RELATED },
        { .destination = { 0x0200000a }, .verdict = NAT_SNAT, .to_address = { 0x0100000a } },
        { .protocol = IPPROTO_TCP, .first_port = 22, .last_port = 22, .verdict = NAT_RETURN },
        { .in = "venet0", .verdict = NAT_JUMP, .chain = "UMLD-POST-fifteen-bytes-x" },
        { .source = { 0x0200000a }, .out = "venet0", .verdict = NAT_MASQUERADE },
        { .protocol = IPPROTO_TCP, .first_port = 1, .last_port = 65535, DNAT_TO(0) },
        { .protocol = IPPROTO_UDP, .first_port = 53, .last_port = 53, DNAT_TO(5353) },
        { .protocol = IPPROTO_TCP, .first_port = 80, .last_port = 80, DNAT_TO(65535) },
        /* Everything at once. */
        { .in = "a",
          .out = "b",
          .source = { 1 },
          .destination = { 2 },
          .protocol = IPPROTO_TCP,
          .first_port = 1,
          .last_port = 2,
          .states = NAT_STATE_ESTABLISHED,
          DNAT_TO(3) },
};

static const NatRevisions all_revisions[] = { { 1, 0 }, { 2, 0 }, { 3, 2 } };

/* What libiptc and the kernel do to a verdict between our writing and our reading: the name goes.
 */
static const char *as_stored(NatBlob *b) {
        static char name[NAT_CHAIN_NAME_SIZE];
        struct xt_entry_target *t = (void *) (b->bytes + b->entry.target_offset);

        strcpy(name, t->u.user.name);
        if (!streq(name, "DNAT") && !streq(name, "SNAT") && !streq(name, "MASQUERADE"))
                memset(t->u.user.name, 0, sizeof(t->u.user.name));
        return name;
}

static void test_there_and_back(void **state) {
        (void) state;
        FOREACH_ELEMENT (v, all_revisions)
                FOREACH_ELEMENT (r, rules) {
                        NatBlob blob;
                        NatRule back;
                        const char *target;

                        nat_blob_encode(r, v, &blob);
                        target = as_stored(&blob);
                        assert_true(nat_blob_decode(&blob.entry, target, &back));
                        assert_true(nat_rule_equal(r, &back));
                }
}

/* The kernel refuses sizes and offsets that are not aligned. */
static void test_alignment(void **state) {
        (void) state;
        FOREACH_ELEMENT (v, all_revisions)
                FOREACH_ELEMENT (r, rules) {
                        NatBlob blob;

                        nat_blob_encode(r, v, &blob);
                        assert_int_equal(blob.entry.target_offset % 8, 0);
                        assert_int_equal(blob.entry.next_offset % 8, 0);
                }
}

static void test_other_verdicts(void **state) {
        static const char *const names[] = { "DROP", "QUEUE",
                                             "a-name-longer-than-any-chain-can-have" };
        NatBlob blob;
        NatRule back;

        (void) state;
        nat_blob_encode(&rules[0], &all_revisions[0], &blob);
        as_stored(&blob);
        FOREACH_ELEMENT (n, names)
                assert_false(nat_blob_decode(&blob.entry, *n, &back));
}

/* Each field that matters, when changed, makes another rule of it or none that we know: never the
 * same. */
static void test_every_byte_counts(void **state) {
        /* Bookkeeping of the kernel and libiptc: nfcache, comefrom, counters. */
        const size_t ignored_from[] = { offsetof(struct ipt_entry, nfcache),
                                        offsetof(struct ipt_entry, comefrom) },
                     ignored_to[] = { offsetof(struct ipt_entry, target_offset),
                                      sizeof(struct ipt_entry) };

        (void) state;
        FOREACH_ELEMENT (v, all_revisions)
                FOREACH_ELEMENT (r, rules) {
                        NatBlob good;
                        const char *target;

                        nat_blob_encode(r, v, &good);
                        target = as_stored(&good);
                        for (size_t i = 0; i < sizeof(struct ipt_entry); i++) {
                                NatBlob bad = good;
                                NatRule back;

                                if ((i >= ignored_from[0] && i < ignored_to[0]) ||
                                    (i >= ignored_from[1] && i < ignored_to[1]))
                                        continue;
                                bad.bytes[i] ^= 0x41;
                                if (nat_blob_decode(&bad.entry, target, &back) &&
                                    nat_rule_equal(r, &back))
                                        fail_msg("byte %zu does not matter", i);
                        }
                }
}

/* Random damage anywhere: no crash, no read beyond the entry (the sanitizers watch). */
static void test_damaged(void **state) {
        (void) state;
        srandom(1);
        for (unsigned round = 0; round < 200000; round++) {
                const NatRule *r = &rules[(size_t) random() % ARRAY_SIZE(rules)];
                const NatRevisions *v =
                        &all_revisions[(size_t) random() % ARRAY_SIZE(all_revisions)];
                NatBlob blob;
                NatRule back;
                struct ipt_entry *exact;
                uint16_t size;

                nat_blob_encode(r, v, &blob);
                as_stored(&blob);
                size = blob.entry.next_offset;
                for (long n = random() % 4; n >= 0; n--)
                        blob.bytes[(size_t) random() % size] ^= (unsigned char) random();
                if (blob.entry.next_offset > size)
                        continue; /* the kernel checked that much */
                exact = malloc(size);
                memcpy(exact, &blob, size);
                (void) nat_blob_decode(exact, "ACCEPT", &back);
                free(exact);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_there_and_back), cmocka_unit_test(test_alignment),
                cmocka_unit_test(test_other_verdicts), cmocka_unit_test(test_every_byte_counts),
                cmocka_unit_test(test_damaged),
        };

        return RUN_TESTS(tests);
}
