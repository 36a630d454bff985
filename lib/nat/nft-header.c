/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-header.c - the headers of a packet that is judged, byte by byte, as far as they are known. */

#include <arpa/inet.h>

#include "nat/nft-header.h"

#define TCP_SYN 0x02
#define TCP_ACK 0x10

static void put_address(uint8_t *bytes, uint8_t *known, const IpAddress *a, NatFamily family) {
        size_t size = family == NAT_IPV6 ? sizeof(a->v6) : sizeof(a->v4);

        if (ip_address_is_any(a))
                memset(known, NFT_STRANGERS, size);
        else {
                memcpy(bytes, family == NAT_IPV6 ? (const void *) &a->v6 : (const void *) &a->v4,
                       size);
                memset(known, NFT_KNOWN, size);
        }
}

NftValue nft_network_header(const Packet *p) {
        bool v6 = p->family == NAT_IPV6;
        NftValue h = { .size = v6 ? 40 : 20 };

        memset(h.known, NFT_UNKNOWN, sizeof(h.known));
        h.bytes[0] = v6 ? 0x60 : 0x45;
        h.bytes[v6 ? 6 : 9] = p->protocol;
        h.known[0] = h.known[v6 ? 6 : 9] = NFT_KNOWN;
        if (!v6) /* it is no fragment */
                h.known[6] = h.known[7] = NFT_KNOWN;
        put_address(h.bytes + (v6 ? 8 : 12), h.known + (v6 ? 8 : 12), &p->source, p->family);
        put_address(h.bytes + (v6 ? 24 : 16), h.known + (v6 ? 24 : 16), &p->destination, p->family);
        return h;
}

NftValue nft_transport_header(const Packet *p) {
        NftValue h = { .size = 20 };
        uint16_t ports[2] = { htons(p->source_port), htons(p->destination_port) };

        memset(h.known, NFT_UNKNOWN, sizeof(h.known));
        memcpy(h.bytes, ports, sizeof(ports));
        for (size_t i = 0; i < 2; i++)
                if (ports[i] != 0)
                        h.known[2 * i] = h.known[2 * i + 1] = NFT_KNOWN;
        if (p->protocol == IPPROTO_TCP) {
                h.bytes[13] = p->reply ? TCP_ACK : TCP_SYN;
                h.known[13] = NFT_KNOWN;
        }
        return h;
}
