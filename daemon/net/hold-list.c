/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold-list.c - the list of what waits for the guest. */

#include "daemon/net/hold-list.h"
#include "basic/cleanup.h"

int held_list_new(HeldList *l) {
        *l = (HeldList){ .list = calloc(HELD_MAX, sizeof(*l->list)) };
        return l->list ? 0 : -ENOMEM;
}

void held_list_done(HeldList *l) {
        for (size_t i = 0; i < l->n; i++)
                free(l->list[i].recorded);
        free(l->list);
        *l = (HeldList){};
}

bool held_list_full(const HeldList *l, size_t size) {
        return l->n == HELD_MAX || l->bytes + size > HELD_BYTES_MAX;
}

bool held_list_has(const HeldList *l, uint64_t flow) {
        for (size_t i = 0; i < l->n; i++)
                if (l->list[i].flow == flow)
                        return true;
        return false;
}

void held_list_add(HeldList *l, const NfPacket *p, void *recorded) {
        l->list[l->n++] = (Held){ .id = p->id,
                                  .size = p->size,
                                  .flow = nf_packet_flow(p),
                                  .client = nf_packet_client(p),
                                  .since = now_usec(CLOCK_MONOTONIC),
                                  .family = p->family,
                                  .protocol = p->protocol,
                                  .port = p->destination_port,
                                  .early = p->early,
                                  .recorded = recorded };
        l->bytes += p->size;
}

bool held_list_renew(HeldList *l, const NfPacket *p, uint32_t *ret_surplus) {
        const uint64_t flow = nf_packet_flow(p);

        for (size_t i = 0; i < l->n; i++) {
                Held *e = &l->list[i];

                if (e->flow != flow || e->early != p->early)
                        continue;
                *ret_surplus = p->id;
                if (e->recorded || l->bytes - e->size + p->size > HELD_BYTES_MAX)
                        return true;
                *ret_surplus = e->id;
                l->bytes = l->bytes - e->size + p->size;
                e->id = p->id;
                e->size = p->size;
                return true;
        }
        return false;
}

bool held_list_take_place(HeldList *l, const NfPacket *p) {
        const uint64_t client = nf_packet_client(p);

        for (size_t i = 0; i < l->n; i++) {
                Held *e = &l->list[i];

                if (!e->passed || e->client != client)
                        continue;
                e->id = p->id;
                e->flow = nf_packet_flow(p);
                e->port = p->destination_port;
                e->early = e->passed = false;
                return true;
        }
        return false;
}

void held_list_put_first(HeldList *l, size_t begin) {
        const size_t n = l->n - begin;
        _cleanup_free_ Held *first = n > 0 && begin > 0 ? calloc(n, sizeof(*first)) : NULL;

        if (!first)
                return;
        memcpy(first, l->list + begin, n * sizeof(*first));
        memmove(l->list + n, l->list, begin * sizeof(*first));
        memcpy(l->list, first, n * sizeof(*first));
}

static bool waits_for_port(const Held *e) {
        return e->protocol == IPPROTO_TCP && !e->early;
}

void held_list_count(HeldList *l, HoldPorts *ports) {
        l->bytes = 0;
        FOREACH_ELEMENT (p, ports->list)
                p->held = 0;
        for (size_t i = 0; i < l->n; i++) {
                HoldPort *p = hold_port_find(ports, l->list[i].family, l->list[i].port);

                l->bytes += l->list[i].size;
                if (p && waits_for_port(&l->list[i]))
                        p->held++;
        }
        for (size_t i = 0; i < l->n; i++) {
                const Held *e = &l->list[i];
                bool known = !waits_for_port(e) || hold_port_find(ports, e->family, e->port);
                HoldPort *p = known ? NULL : hold_port_want(ports, e->family, e->port);

                if (p)
                        p->held = 1; /* or more: they are waited for alike */
        }
}
