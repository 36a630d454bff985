/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test-nat-blob.c - rules into blobs and back, and blobs that are none of ours. */

#include <stdio.h>

#include "test.h"

#include "nat/blob.h"

#define DNAT_TO(port) .verdict = NAT_DNAT, .to_address.v4 = { 0x0200000a }, .to_port = (port)

#define GUEST6                                                                                     \
        {                                                                                          \
                {                                                                                  \
                        { 0xfd, [15] = 2 }                                                         \
                }                                                                                  \
        }
#define IPV6           .family = NAT_IPV6
#define DNAT_TO6(port) .verdict = NAT_DNAT, .to_address.v6 = GUEST6, .to_port = (port)

static const NatRule rules[] = {
        {},
        { .in = "tap0", .source.v4 = { 0x0200000a } },
        { .out = "fifteen-bytes-x", .destination.v4 = { 0x0200000a }, .states = NAT_STATE_DNAT },
        { .states = NAT_STATE_DNAT | NAT_STATE_RELATED | NAT_STATE_ESTABLISHED },
        { .states = NAT_STATE_RELATED },
        { .destination.v4 = { 0x0200000a }, .verdict = NAT_SNAT, .to_address.v4 = { 0x0100000a } },
        { .protocol = IPPROTO_TCP, .first_port = 22, .last_port = 22, .verdict = NAT_RETURN },
        { .in = "venet0", .verdict = NAT_JUMP, .chain = "UMLD-POST-fifteen-bytes-x" },
        { .source.v4 = { 0x0200000a }, .out = "venet0", .verdict = NAT_MASQUERADE },
        { .protocol = IPPROTO_TCP, .first_port = 1, .last_port = 65535, DNAT_TO(0) },
        { .protocol = IPPROTO_UDP, .first_port = 53, .last_port = 53, DNAT_TO(5353) },
        { .protocol = IPPROTO_TCP, .first_port = 80, .last_port = 80, DNAT_TO(65535) },
        /* Everything at once. */
        { .in = "a",
          .out = "b",
          .source.v4 = { 1 },
          .destination.v4 = { 2 },
          .protocol = IPPROTO_TCP,
          .first_port = 1,
          .last_port = 2,
          .states = NAT_STATE_ESTABLISHED,
          DNAT_TO(3) },
        { .verdict = NAT_DROP },
        { .protocol = IPPROTO_TCP, .last_port = 65535, .syn = true, .verdict = NAT_CLAMP_MSS },
        { .destination.v4 = { 2 }, .states = NAT_STATE_DNAT, .verdict = NAT_QUEUE, .queue = 65535 },
        { .protocol = IPPROTO_TCP,
          .last_port = 65535,
          .syn = true,
          .verdict = NAT_LOG,
          .queue = 9 },
        { .out = "b", .states = NAT_STATE_NEW, .verdict = NAT_JUMP, .chain = "UMLD-HOLD-web" },
        { .protocol = IPPROTO_ICMP, .icmp_type = 8, .verdict = NAT_RETURN },
        { .family = NAT_IPV6 },
        { IPV6, .in = "tap0", .source.v6 = GUEST6, .destination.v6 = GUEST6 },
        { IPV6, .destination_bits = 64, .verdict = NAT_DROP },
        { IPV6, .source.v6 = GUEST6, .source_bits = 127, .destination_bits = 1 },
        { IPV6, .states = NAT_STATE_DNAT | NAT_STATE_RELATED, .verdict = NAT_DROP },
        { IPV6, .protocol = IPPROTO_ICMPV6, .icmp_type = 135 },
        { IPV6, .protocol = IPPROTO_TCP, .last_port = 65535, .syn = true,
          .verdict = NAT_CLAMP_MSS },
        { IPV6, .protocol = IPPROTO_UDP, .first_port = 53, .last_port = 54, DNAT_TO6(0) },
        { IPV6, .protocol = IPPROTO_TCP, .first_port = 53, .last_port = 53, DNAT_TO6(80) },
        { IPV6, .protocol = IPPROTO_UDP, .last_port = 9, .verdict = NAT_QUEUE, .queue = 1 },
        { IPV6, .destination.v6 = GUEST6, .states = NAT_STATE_DNAT, .protocol = IPPROTO_TCP,
          .syn = true, .last_port = 9, .verdict = NAT_LOG, .queue = 65535 },
        { IPV6, .out = "venet0", .verdict = NAT_MASQUERADE },
        { IPV6, .verdict = NAT_SNAT, .to_address.v6 = GUEST6 },
        { IPV6, .in = "a", .verdict = NAT_JUMP, .chain = "UMLD-POST-fifteen-bytes-x" },
};

static const NatRevisions all_revisions[] = { { 1, 0, 0, 2 }, { 2, 0, 0, 2 }, { 3, 0, 2, 3 } };

/* IPv6 has no target as old as that. */
static void encode(const NatRule *r, const NatRevisions *v, NatBlob *ret) {
        NatRevisions revisions = *v;

        if (r->family == NAT_IPV6)
                revisions.dnat = (uint8_t) MAX(revisions.dnat, 1);
        nat_blob_encode(r, &revisions, ret);
}

static uint16_t target_offset(const NatBlob *b, NatFamily family) {
        return family == NAT_IPV6 ? b->v6.target_offset : b->v4.target_offset;
}

static uint16_t next_offset(const NatBlob *b, NatFamily family) {
        return family == NAT_IPV6 ? b->v6.next_offset : b->v4.next_offset;
}

/* What libiptc and the kernel do to a verdict between our writing and our reading: the name goes.
 */
static const char *as_stored(NatBlob *b, NatFamily family) {
        static char name[NAT_CHAIN_NAME_SIZE];
        struct xt_entry_target *t = (void *) (b->bytes + target_offset(b, family));

        strcpy(name, t->u.user.name);
        if (!streq(name, "DNAT") && !streq(name, "SNAT") && !streq(name, "MASQUERADE") &&
            !streq(name, "TCPMSS") && !streq(name, "NFQUEUE") && !streq(name, "NFLOG"))
                memset(t->u.user.name, 0, sizeof(t->u.user.name));
        return name;
}

static void test_there_and_back(void **state) {
        FOREACH_ELEMENT (v, all_revisions)
                FOREACH_ELEMENT (r, rules) {
                        NatBlob blob;
                        NatRule back;
                        const char *target;

                        encode(r, v, &blob);
                        target = as_stored(&blob, r->family);
                        assert_true(nat_blob_decode(r->family, &blob, target, &back));
                        assert_true(nat_rule_equal(r, &back));
                }
}

/* The kernel refuses sizes and offsets that are not aligned. */
static void test_alignment(void **state) {
        FOREACH_ELEMENT (v, all_revisions)
                FOREACH_ELEMENT (r, rules) {
                        NatBlob blob;

                        encode(r, v, &blob);
                        assert_int_equal(target_offset(&blob, r->family) % 8, 0);
                        assert_int_equal(next_offset(&blob, r->family) % 8, 0);
                }
}

static void test_other_verdicts(void **state) {
        static const char *const names[] = { "QUEUE", "a-name-longer-than-any-chain-can-have" };
        NatBlob blob;
        NatRule back;

        encode(&rules[0], &all_revisions[0], &blob);
        as_stored(&blob, NAT_IPV4);
        FOREACH_ELEMENT (n, names)
                assert_false(nat_blob_decode(NAT_IPV4, &blob, *n, &back));
}

/* Bookkeeping of the kernel and the libraries: nfcache, comefrom, counters. */
static bool ignored(NatFamily family, size_t at) {
#define BETWEEN(entry)                                                                             \
        ((at >= offsetof(entry, nfcache) && at < offsetof(entry, target_offset)) ||                \
         (at >= offsetof(entry, comefrom) && at < sizeof(entry)))
        return family == NAT_IPV6 ? BETWEEN(struct ip6t_entry) : BETWEEN(struct ipt_entry);
}

/* Nothing, between the last flag of the head and what follows it aligned. */
static bool padding(NatFamily family, size_t at) {
        return family == NAT_IPV6 && at >= offsetof(struct ip6t_ip6, invflags) + 1 &&
               at < sizeof(struct ip6t_ip6);
}

/* Each field that matters, when changed, makes another rule of it or none that we know: never the
 * same. */
static void test_every_byte_counts(void **state) {
        FOREACH_ELEMENT (v, all_revisions)
                FOREACH_ELEMENT (r, rules) {
                        size_t size = r->family == NAT_IPV6 ? sizeof(struct ip6t_entry)
                                                            : sizeof(struct ipt_entry);
                        const char *target;
                        NatBlob good;

                        encode(r, v, &good);
                        target = as_stored(&good, r->family);
                        for (size_t i = 0; i < size; i++) {
                                NatBlob bad = good;
                                NatRule back;

                                if (ignored(r->family, i) || padding(r->family, i))
                                        continue;
                                bad.bytes[i] ^= 0x41;
                                if (nat_blob_decode(r->family, &bad, target, &back) &&
                                    nat_rule_equal(r, &back))
                                        fail_msg("byte %zu does not matter", i);
                        }
                }
}

/* Random damage anywhere: no crash, no read beyond the entry (the sanitizers watch). */
static void test_damaged(void **state) {
        srandom(1);
        for (unsigned round = 0; round < 200000; round++) {
                const NatRule *r = &rules[(size_t) random() % ARRAY_SIZE(rules)];
                const NatRevisions *v =
                        &all_revisions[(size_t) random() % ARRAY_SIZE(all_revisions)];
                NatBlob blob;
                NatRule back;
                uint16_t size;
                void *exact;

                encode(r, v, &blob);
                as_stored(&blob, r->family);
                size = next_offset(&blob, r->family);
                for (long n = random() % 4; n >= 0; n--)
                        blob.bytes[(size_t) random() % size] ^= (unsigned char) random();
                if (next_offset(&blob, r->family) > size)
                        continue; /* the kernel checked that much */
                exact = malloc(size);
                memcpy(exact, &blob, size);
                (void) nat_blob_decode(r->family, exact, "ACCEPT", &back);
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
