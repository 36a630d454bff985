/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nft-eval.c - does a rule of nf_tables match a packet, and what does it do then?
 *
 * Expressions load parts of the packet into registers, and compare those. Here a byte of a register
 * is known, or not, or a part of a stranger's address, which equals none that a rule names. */

#include <arpa/inet.h>
#include <net/if.h>

#include "nat/nft-eval.h"
#include "nat/nft-header.h"
#include "nat/nft-message.h"
#include "nat/xt-match.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netlink.h>

#define HEADER_MAX  64
#define STATE_NEW   8 /* of a connection, as ct state has them */
#define STATE_OLD   2
#define STATUS_DNAT 0x20

/* A rule that is being judged. */
typedef struct Eval {
        const Packet *packet;
        NftLookup lookup;
        const void *userdata;
        NftValue registers;
        Step *step;
        bool ended; /* it has a verdict */
} Eval;

/* One expression. */
typedef struct Expression {
        const char *name;
        const void *data; /* its attributes */
        size_t size;
} Expression;

static uint32_t number(const Expression *e, unsigned type) {
        uint32_t v = 0;

        (void) (e->data && nft_number(e->data, e->size, type, &v));
        return v;
}

static bool has(const Expression *e, unsigned type) {
        size_t n;

        return e->data && nft_attribute(e->data, e->size, type, &n);
}

/* Is one more condition fulfilled? */
static void require(Eval *v, Match m) {
        v->step->match = match_both(v->step->match, m);
}

/* ---- registers ---- */

/* The offset of a register; NFT_DATA_MAX: there is none such. */
static size_t offset_of(uint32_t reg) {
        if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
                return (reg - NFT_REG_1) * 16;
        return reg >= NFT_REG32_00 && reg <= NFT_REG32_15 ? (reg - NFT_REG32_00) * 4 : NFT_DATA_MAX;
}

static void store(Eval *v, uint32_t reg, const void *bytes, size_t size, NftKnown known) {
        size_t at = offset_of(reg);

        for (size_t i = 0; i < size && at + i < NFT_DATA_MAX; i++) {
                v->registers.bytes[at + i] = known == NFT_KNOWN ? ((const uint8_t *) bytes)[i] : 0;
                v->registers.known[at + i] = (uint8_t) known;
        }
}

static void store_number(Eval *v, uint32_t reg, uint32_t n) {
        store(v, reg, &n, sizeof(n), NFT_KNOWN);
}

static void store_unknown(Eval *v, uint32_t reg) {
        store(v, reg, NULL, 16, NFT_UNKNOWN);
}

static NftValue load(const Eval *v, uint32_t reg, size_t size) {
        NftValue value = {};
        size_t at = offset_of(reg);

        value.size = MIN(size, (size_t) NFT_DATA_MAX - at);
        memcpy(value.bytes, v->registers.bytes + at, value.size);
        memcpy(value.known, v->registers.known + at, value.size);
        return value;
}

Match nft_value_equal(const NftValue *v, const void *data, size_t size) {
        const uint8_t *bytes = data;
        Match m = match_of(v->size >= size);

        for (size_t i = 0; i < size && m != MATCH_NO; i++) {
                if (v->known[i] == NFT_STRANGERS ||
                    (v->known[i] == NFT_KNOWN && v->bytes[i] != bytes[i]))
                        m = MATCH_NO;
                else if (v->known[i] == NFT_UNKNOWN)
                        m = MATCH_MAYBE;
        }
        return m;
}

/* Less, equal, greater; false: that is not known. */
static bool compare(const NftValue *v, const void *data, size_t size, int *ret) {
        for (size_t i = 0; i < size; i++)
                if (i >= v->size || v->known[i] != NFT_KNOWN)
                        return false;
        *ret = memcmp(v->bytes, data, size);
        return true;
}

static const void *value_of(const Expression *e, unsigned type, size_t *ret_size) {
        size_t n;
        const void *data = nft_attribute(e->data, e->size, type, &n);

        return data ? nft_attribute(data, n, NFTA_DATA_VALUE, ret_size) : NULL;
}

/* ---- what is loaded ---- */

static void eval_payload(Eval *v, const Expression *e) {
        size_t offset = number(e, NFTA_PAYLOAD_OFFSET), size = number(e, NFTA_PAYLOAD_LEN),
               at = offset_of(number(e, NFTA_PAYLOAD_DREG));
        uint32_t base = number(e, NFTA_PAYLOAD_BASE);
        NftValue h = {};

        if (has(e, NFTA_PAYLOAD_SREG)) /* it is changed, in a way that hardly matters */
                return;
        memset(h.known, NFT_UNKNOWN, sizeof(h.known));
        if (base == NFT_PAYLOAD_NETWORK_HEADER)
                h = nft_network_header(v->packet);
        else if (base == NFT_PAYLOAD_TRANSPORT_HEADER)
                h = nft_transport_header(v->packet);
        for (size_t i = 0; i < size && at + i < NFT_DATA_MAX; i++) {
                bool there = offset + i < HEADER_MAX;

                v->registers.bytes[at + i] = there ? h.bytes[offset + i] : 0;
                v->registers.known[at + i] = there ? h.known[offset + i] : NFT_UNKNOWN;
        }
}

static void eval_meta(Eval *v, const Expression *e) {
        const Packet *p = v->packet;
        uint32_t reg = number(e, NFTA_META_DREG);
        bool v6 = p->family == NAT_IPV6;

        if (!has(e, NFTA_META_DREG)) /* it sets a mark and the like */
                return;
        store_unknown(v, reg);
        switch (number(e, NFTA_META_KEY)) {
        case NFT_META_IIFNAME:
                store(v, reg, p->in, IFNAMSIZ, NFT_KNOWN);
                break;
        case NFT_META_OIFNAME:
                store(v, reg, p->out, IFNAMSIZ, NFT_KNOWN);
                break;
        case NFT_META_IIF:
                store_number(v, reg, if_nametoindex(p->in));
                break;
        case NFT_META_OIF:
                store_number(v, reg, if_nametoindex(p->out));
                break;
        case NFT_META_L4PROTO:
                store_number(v, reg, 0);
                store(v, reg, &p->protocol, 1, NFT_KNOWN);
                break;
        case NFT_META_NFPROTO:
                store_number(v, reg, 0);
                store(v, reg, &(uint8_t){ v6 ? NFPROTO_IPV6 : NFPROTO_IPV4 }, 1, NFT_KNOWN);
                break;
        case NFT_META_PROTOCOL:
                store_number(v, reg, 0);
                store(v, reg, &(uint16_t){ htons(v6 ? 0x86dd : 0x0800) }, 2, NFT_KNOWN);
                break;
        default:
                break;
        }
}

static void eval_ct(Eval *v, const Expression *e) {
        const Packet *p = v->packet;
        uint32_t reg = number(e, NFTA_CT_DREG);

        if (!has(e, NFTA_CT_DREG))
                return;
        store_unknown(v, reg);
        switch (number(e, NFTA_CT_KEY)) {
        case NFT_CT_STATE:
                store_number(v, reg, p->reply ? STATE_OLD : STATE_NEW);
                break;
        case NFT_CT_STATUS:
                store_number(v, reg, p->dnat ? STATUS_DNAT : 0);
                break;
        case NFT_CT_DIRECTION:
                store_number(v, reg, 0);
                store(v, reg, &(uint8_t){ p->reply }, 1, NFT_KNOWN);
                break;
        default:
                break;
        }
}

/* ---- what is compared ---- */

static void eval_cmp(Eval *v, const Expression *e) {
        size_t size = 0;
        const void *data = value_of(e, NFTA_CMP_DATA, &size);
        NftValue value = load(v, number(e, NFTA_CMP_SREG), size);
        uint32_t op = number(e, NFTA_CMP_OP);
        int order;

        if (!data)
                require(v, MATCH_MAYBE);
        else if (op == NFT_CMP_EQ)
                require(v, nft_value_equal(&value, data, size));
        else if (op == NFT_CMP_NEQ)
                require(v, match_not(nft_value_equal(&value, data, size)));
        else if (!compare(&value, data, size, &order))
                require(v, MATCH_MAYBE);
        else
                require(v, match_of(op == NFT_CMP_LT    ? order < 0
                                    : op == NFT_CMP_LTE ? order <= 0
                                    : op == NFT_CMP_GT  ? order > 0
                                                        : order >= 0));
}

static void eval_range(Eval *v, const Expression *e) {
        size_t size = 0, end = 0;
        const void *from = value_of(e, NFTA_RANGE_FROM_DATA, &size),
                   *to = value_of(e, NFTA_RANGE_TO_DATA, &end);
        NftValue value = load(v, number(e, NFTA_RANGE_SREG), size);
        bool outside = number(e, NFTA_RANGE_OP) == NFT_RANGE_NEQ;
        int low, high;

        if (size > 0 && value.size > 0 && value.known[0] == NFT_STRANGERS)
                require(v, match_of(outside));
        else if (!from || !to || end != size || !compare(&value, from, size, &low) ||
                 !compare(&value, to, size, &high))
                require(v, MATCH_MAYBE);
        else
                require(v, match_of((low >= 0 && high <= 0) != outside));
}

static void eval_bitwise(Eval *v, const Expression *e) {
        uint32_t to = number(e, NFTA_BITWISE_DREG);
        size_t size = number(e, NFTA_BITWISE_LEN), masks = 0, xors = 0;
        NftValue value = load(v, number(e, NFTA_BITWISE_SREG), size);
        const uint8_t *mask = value_of(e, NFTA_BITWISE_MASK, &masks),
                      *xor = value_of(e, NFTA_BITWISE_XOR, &xors);

        store_unknown(v, to);
        if (number(e, NFTA_BITWISE_OP) != 0 || !mask || !xor || masks < value.size ||
            xors < value.size)
                return;
        for (size_t i = 0; i < value.size; i++) {
                size_t at = offset_of(to) + i;

                if (at >= NFT_DATA_MAX)
                        return;
                v->registers.bytes[at] = (value.bytes[i] & mask[i]) ^ xor[i];
                v->registers.known[at] = mask[i] ? value.known[i] : NFT_KNOWN;
        }
}

/* ---- verdicts ---- */

static void end_rule(Eval *v, StepKind kind) {
        v->step->kind = kind;
        v->ended = true;
}

static void take_verdict(Eval *v, const void *data, size_t size) {
        size_t n = 0;
        const void *verdict = nft_attribute(data, size, NFTA_DATA_VERDICT, &n);
        uint32_t code;

        if (!verdict || !nft_number(verdict, n, NFTA_VERDICT_CODE, &code))
                return;
        v->step->chain = nft_text(verdict, n, NFTA_VERDICT_CHAIN);
        switch ((int) code) {
        case NF_ACCEPT:
                end_rule(v, STEP_ACCEPT);
                break;
        case NF_DROP:
                end_rule(v, STEP_DROP);
                break;
        case NFT_RETURN:
                end_rule(v, STEP_RETURN);
                break;
        case NFT_JUMP:
        case NFT_GOTO:
                if (v->step->chain)
                        end_rule(v, (int) code == NFT_JUMP ? STEP_JUMP : STEP_GOTO);
                break;
        case NFT_CONTINUE:
        case NFT_BREAK:
                end_rule(v, STEP_CONTINUE);
                break;
        default:
                end_rule(v, (code & 0xff) == NF_QUEUE ? STEP_QUEUE : STEP_CONTINUE);
        }
}

static void eval_immediate(Eval *v, const Expression *e) {
        uint32_t reg = number(e, NFTA_IMMEDIATE_DREG);
        size_t n = 0, size = 0;
        const void *data = nft_attribute(e->data, e->size, NFTA_IMMEDIATE_DATA, &n), *value;

        if (reg == NFT_REG_VERDICT && data)
                take_verdict(v, data, n);
        else if (data && (value = nft_attribute(data, n, NFTA_DATA_VALUE, &size)))
                store(v, reg, value, size, NFT_KNOWN);
}

static void eval_lookup(Eval *v, const Expression *e) {
        const char *set = nft_text(e->data, e->size, NFTA_LOOKUP_SET);
        bool is_map = has(e, NFTA_LOOKUP_DREG);
        bool inverted = number(e, NFTA_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV;
        NftValue key = load(v, number(e, NFTA_LOOKUP_SREG), NFT_DATA_MAX);
        const void *data = NULL, *value;
        size_t size = 0, n = 0;
        Match m = set ? v->lookup(v->userdata, set, &key, &data, &size) : MATCH_MAYBE;

        require(v, inverted ? match_not(m) : m);
        if (!is_map || m == MATCH_NO)
                return;
        if (number(e, NFTA_LOOKUP_DREG) == NFT_REG_VERDICT) {
                if (data)
                        take_verdict(v, data, size);
        } else if (m == MATCH_YES && data &&
                   (value = nft_attribute(data, size, NFTA_DATA_VALUE, &n)))
                store(v, number(e, NFTA_LOOKUP_DREG), value, n, NFT_KNOWN);
        else
                store_unknown(v, number(e, NFTA_LOOKUP_DREG));
}

/* ---- extensions of iptables ---- */

static void eval_match(Eval *v, const Expression *e) {
        const char *name = nft_text(e->data, e->size, NFTA_MATCH_NAME);
        size_t size = 0;
        const void *info = nft_attribute(e->data, e->size, NFTA_MATCH_INFO, &size);

        require(v, name && info ? xt_match_judge(name, (uint8_t) number(e, NFTA_MATCH_REV), info,
                                                 size, v->packet)
                                : MATCH_MAYBE);
}

static void eval_target(Eval *v, const Expression *e) {
        const char *name = nft_text(e->data, e->size, NFTA_TARGET_NAME);
        int kind = name ? xt_target_step(name) : -ENOENT;

        if (kind >= 0)
                end_rule(v, (StepKind) kind);
}

/* ---- the rest ---- */

static void eval_nothing(Eval *v, const Expression *e) {
}

/* The first packets keep to a limit. */
static void eval_limit(Eval *v, const Expression *e) {
        require(v, match_of(!(number(e, NFTA_LIMIT_FLAGS) & NFT_LIMIT_F_INV)));
}

/* A route back to a stranger exists, by the interface where he came from; that and other addresses
 * is what such rules ask for. */
static void eval_fib(Eval *v, const Expression *e) {
        store(v, number(e, NFTA_FIB_DREG), NULL, 4, NFT_STRANGERS);
}

static void eval_reject(Eval *v, const Expression *e) {
        end_rule(v, STEP_DROP);
}

static void eval_take(Eval *v, const Expression *e) {
        end_rule(v, STEP_TAKE);
}

static void eval_queue(Eval *v, const Expression *e) {
        end_rule(v, STEP_QUEUE);
}

static const struct {
        const char *name;
        void (*eval)(Eval *v, const Expression *e);
} expressions[] = {
        { "payload", eval_payload },
        { "meta", eval_meta },
        { "ct", eval_ct },
        { "cmp", eval_cmp },
        { "range", eval_range },
        { "bitwise", eval_bitwise },
        { "lookup", eval_lookup },
        { "immediate", eval_immediate },
        { "match", eval_match },
        { "target", eval_target },
        { "counter", eval_nothing },
        { "log", eval_nothing },
        { "notrack", eval_nothing },
        { "dynset", eval_nothing },
        { "objref", eval_nothing },
        { "dup", eval_nothing },
        { "flow_offload", eval_nothing },
        { "limit", eval_limit },
        { "fib", eval_fib },
        { "reject", eval_reject },
        { "nat", eval_take },
        { "redir", eval_take },
        { "masq", eval_take },
        { "tproxy", eval_take },
        { "queue", eval_queue },
};

static void eval(Eval *v, const Expression *e) {
        FOREACH_ELEMENT (known, expressions)
                if (streq(known->name, e->name)) {
                        if (e->data || known->eval == eval_nothing || known->eval == eval_reject)
                                known->eval(v, e);
                        return;
                }
        require(v, MATCH_MAYBE); /* and what it loads is not known */
        memset(v->registers.known, NFT_UNKNOWN, sizeof(v->registers.known));
}

void nft_rule_judge(const void *list, size_t size, const Packet *p, NftLookup lookup,
                    const void *userdata, Step *ret) {
        Eval v = { .packet = p, .lookup = lookup, .userdata = userdata, .step = ret };
        const void *element;
        size_t n;

        *ret = (Step){ .match = MATCH_YES, .kind = STEP_CONTINUE };
        memset(v.registers.known, NFT_UNKNOWN, sizeof(v.registers.known));
        while (list && ret->match != MATCH_NO && !v.ended &&
               (element = nft_attribute(list, size, NFTA_LIST_ELEM, &n))) {
                const char *end = (const char *) element + NLA_ALIGN(n);
                Expression e = { .name = nft_text(element, n, NFTA_EXPR_NAME) };

                e.data = nft_attribute(element, n, NFTA_EXPR_DATA, &e.size);
                if (e.name)
                        eval(&v, &e);
                size -= MIN(size, (size_t) (end - (const char *) list));
                list = end;
        }
}
