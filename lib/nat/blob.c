/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blob.c - converts rules to and from the blobs of the legacy tables.
 *
 * An entry is a head, struct ipt_entry or ip6t_entry, then matches, then one target. We write
 * exactly the bytes that iptables(8) writes on the same kernel, so that its -C and -D find our
 * rules and its -S shows them in the usual form. */

#include "nat/blob.h"
#include "nat/extension.h"

/* Both heads have the same fields under different names. */
typedef struct Head {
        char *in, *out;
        unsigned char *in_mask, *out_mask;
        void *source, *destination, *source_mask, *destination_mask;
        size_t address_size;
        uint16_t *target_offset, *next_offset;
        size_t size;
} Head;

static Head head_of(NatBlob *b, NatFamily family) {
        struct ipt_ip *v4 = &b->v4.ip;
        struct ip6t_ip6 *v6 = &b->v6.ipv6;

        if (family == NAT_IPV6)
                return (Head){ v6->iniface,        v6->outiface,
                               v6->iniface_mask,   v6->outiface_mask,
                               &v6->src,           &v6->dst,
                               &v6->smsk,          &v6->dmsk,
                               sizeof(v6->src),    &b->v6.target_offset,
                               &b->v6.next_offset, sizeof(b->v6) };
        return (Head){ v4->iniface,        v4->outiface,
                       v4->iniface_mask,   v4->outiface_mask,
                       &v4->src,           &v4->dst,
                       &v4->smsk,          &v4->dmsk,
                       sizeof(v4->src),    &b->v4.target_offset,
                       &b->v4.next_offset, sizeof(b->v4) };
}

static const void *bytes_of(const IpAddress *a, NatFamily family) {
        return family == NAT_IPV6 ? (const void *) &a->v6 : &a->v4;
}

static void put_interface(char name[static IFNAMSIZ], unsigned char mask[static IFNAMSIZ],
                          const char *ifname) {
        size_t n = strlen(ifname);

        if (n == 0)
                return;
        assert(n < IFNAMSIZ);
        strcpy(name, ifname);
        memset(mask, 0xff, n + 1); /* including its NUL: exactly this name */
}

static void put_mask(unsigned char *mask, size_t size, unsigned bits) {
        for (size_t i = 0; i < size; i++, bits -= MIN(bits, 8U))
                mask[i] = (unsigned char) (0xff00U >> MIN(bits, 8U));
}

static void put_address(const Head *h, void *address, void *mask, const IpAddress *a, uint8_t bits,
                        NatFamily family) {
        memcpy(address, bytes_of(a, family), h->address_size);
        if (bits > 0 || !ip_address_is_any(a))
                put_mask(mask, h->address_size, bits ?: (unsigned) h->address_size * 8);
}

void nat_blob_encode(const NatRule *rule, const NatRevisions *revisions, NatBlob *ret) {
        Head h = head_of(ret, rule->family);
        NatWriter w = { ret->bytes, sizeof(*ret), h.size };

        memset(ret, 0, sizeof(*ret));
        put_interface(h.in, h.in_mask, rule->in);
        put_interface(h.out, h.out_mask, rule->out);
        put_address(&h, h.source, h.source_mask, &rule->source, rule->source_bits, rule->family);
        put_address(&h, h.destination, h.destination_mask, &rule->destination,
                    rule->destination_bits, rule->family);
        if (rule->family == NAT_IPV6) {
                ret->v6.ipv6.proto = rule->protocol;
                ret->v6.ipv6.flags = rule->protocol ? IP6T_F_PROTO : 0;
                ret->v6.ipv6.invflags = rule->not_source ? IP6T_INV_SRCIP : 0;
        } else {
                ret->v4.ip.proto = rule->protocol;
                ret->v4.ip.invflags = rule->not_source ? IPT_INV_SRCIP : 0;
        }
        nat_put_matches(&w, rule, revisions);
        *h.target_offset = (uint16_t) w.at;
        nat_put_target(&w, rule, revisions);
        *h.next_offset = (uint16_t) w.at;
}

static bool get_interface(const char *name, const unsigned char *mask, char ret[static IFNAMSIZ]) {
        unsigned char expected[IFNAMSIZ] = { 0 };

        if (!memchr(name, '\0', IFNAMSIZ))
                return false;
        put_interface(ret, expected, name);
        return memcmp(name, ret, IFNAMSIZ) == 0 &&
               memcmp(mask, expected, IFNAMSIZ) == 0; /* otherwise it is a wildcard */
}

/* How many bits a mask begins with. */
static unsigned count_bits(const unsigned char *mask, size_t size) {
        unsigned n = 0;

        while (n < size * 8 && mask[n / 8] & 0x80U >> n % 8)
                n++;
        return n;
}

static bool get_address(const Head *h, const void *address, const void *mask, NatFamily family,
                        IpAddress *ret, uint8_t *ret_bits) {
        unsigned char expected[sizeof(struct in6_addr)] = {};
        unsigned bits = count_bits(mask, h->address_size);

        memcpy(family == NAT_IPV6 ? (void *) &ret->v6 : &ret->v4, address, h->address_size);
        *ret_bits = bits == h->address_size * 8 ? 0 : (uint8_t) bits;
        put_mask(expected, h->address_size, bits);
        return memcmp(mask, expected, h->address_size) == 0 &&
               (*ret_bits > 0 || ip_address_is_any(ret) == (bits == 0));
}

/* Converts flags, inversions and the protocol of the head. */
static bool get_protocol(const NatBlob *b, NatFamily family, NatRule *rule) {
        const struct ip6t_ip6 *v6 = &b->v6.ipv6;
        const struct ipt_ip *v4 = &b->v4.ip;
        unsigned protocol = family == NAT_IPV6 ? v6->proto : v4->proto;

        rule->protocol = (uint8_t) protocol;
        if (family == NAT_IPV6) {
                rule->not_source = v6->invflags == IP6T_INV_SRCIP;
                return v6->flags == (protocol ? IP6T_F_PROTO : 0) &&
                       (rule->not_source || !v6->invflags) && !v6->tos && protocol <= UINT8_MAX;
        }
        rule->not_source = v4->invflags == IPT_INV_SRCIP;
        return !v4->flags && (rule->not_source || !v4->invflags) && protocol <= UINT8_MAX;
}

/* We never write one of these protocols without ports or type. */
static bool complete(const NatRule *rule) {
        switch (rule->protocol) {
        case 0:
                return true;
        case IPPROTO_TCP:
        case IPPROTO_UDP:
                return rule->last_port > 0;
        case IPPROTO_ICMP:
        case IPPROTO_ICMPV6:
                return rule->icmp_type > 0;
        default:
                return true;
        }
}

bool nat_blob_decode(NatFamily family, const void *entry, const char *target, NatRule *ret) {
        NatBlob *b = (NatBlob *) entry; /* read only */
        const unsigned char *start = entry;
        const Head h = head_of(b, family);
        NatRule rule = { .family = family };

        if (!get_protocol(b, family, &rule) || !get_interface(h.in, h.in_mask, rule.in) ||
            !get_interface(h.out, h.out_mask, rule.out) ||
            !get_address(&h, h.source, h.source_mask, family, &rule.source, &rule.source_bits) ||
            !get_address(&h, h.destination, h.destination_mask, family, &rule.destination,
                         &rule.destination_bits) ||
            *h.target_offset < h.size || *h.next_offset < *h.target_offset ||
            !nat_get_matches(start + h.size, *h.target_offset - h.size, &rule) ||
            !complete(&rule) ||
            !nat_get_target(start + *h.target_offset, (size_t) (*h.next_offset - *h.target_offset),
                            target, &rule))
                return false;
        *ret = rule;
        return true;
}
