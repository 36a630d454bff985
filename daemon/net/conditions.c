/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conditions.c - keeps the list of conditions up to date. */

#include "daemon/net/conditions.h"
#include "basic/file-util.h"
#include "basic/log.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "daemon/net/addresses.h"
#include "daemon/net/forwards.h"
#include "daemon/net/gather.h"
#include "host/resident.h"
#include "nat/xt-read.h"
#include "nat/xt-tables.h"

/* Interval for what the kernel has no events for, such as a policy of a legacy table changed
 * without the xtables lock, and for an occasional check of the rest. */
#define LOOK_EVERY     (30 * USEC_PER_SEC)
#define LOOK_ALL_EVERY (10 * USEC_PER_MINUTE)
/* Wrong rules are not reported for that long, because they are being repaired. */
#define REPAIR_TIME (5 * USEC_PER_SEC)

struct Conditions {
        HostFacts facts;
        ConditionList list;
        unsigned stale;               /* CONDITIONS_… */
        unsigned untold;              /* parts without events, which are checked periodically */
        usec_t looked, looked_at_all; /* CLOCK_MONOTONIC */
        usec_t wrong_since;           /* since when our rules are wrong; 0 = they are right */
        uint64_t shape;               /* of the legacy tables, at the last look at them */
        bool legacy_in_use;           /* the one that filters, which a look would bring into use */
        char *collision, *forwards;
        ConditionChanged changed;
        void *userdata;
        void (*ask)(HostFacts *f, void *userdata);
        void *ask_userdata;
};

Conditions *net_conditions_free(Conditions *c) {
        if (!c)
                return NULL;
        condition_list_done(&c->list);
        free(c->collision);
        free(c->forwards);
        free(c);
        return NULL;
}

int net_conditions_new(Conditions **ret) {
        Conditions *c = calloc(1, sizeof(*c));

        if (!c)
                return -ENOMEM;
        c->untold = CONDITIONS_ALL & ~(unsigned) CONDITIONS_OWN;
        *ret = c;
        return 0;
}

void net_conditions_listen(Net *net, ConditionChanged changed, void *userdata) {
        net->conditions->changed = changed;
        net->conditions->userdata = userdata;
}

void net_conditions_ask(Net *net, void (*fn)(HostFacts *f, void *userdata), void *userdata) {
        net->conditions->ask = fn;
        net->conditions->ask_userdata = userdata;
}

const ConditionList *net_conditions(const Net *net) {
        return &net->conditions->list;
}

void net_conditions_forget(Net *net) {
        Conditions *c = net->conditions;

        condition_list_done(&c->list);
        c->facts = (HostFacts){};
        c->looked = c->looked_at_all = c->wrong_since = 0;
}

void net_conditions_told(Net *net, unsigned parts) {
        net->conditions->untold &= ~parts;
}

void net_conditions_stale(Net *net, unsigned parts) {
        net->conditions->stale |= parts;
}

/* ---- the facts ---- */

/* Returns what such a function prints; NULL if it prints nothing. */
static void read_text(const Net *net, void (*print)(const Net *net, FILE *file), char **text) {
        char *now = NULL;
        size_t size = 0;
        FILE *file = open_memstream(&now, &size);

        if (!file)
                return;
        print(net, file);
        if (memstream_close(file, &now) < 0 || size == 0) {
                free(now);
                now = NULL;
        }
        free(*text);
        *text = now;
}

static bool is_long_wrong(const Conditions *c) {
        return c->wrong_since > 0 &&
               now_usec(CLOCK_MONOTONIC) >= usec_add(c->wrong_since, REPAIR_TIME);
}

static void gather_own(Net *net, Conditions *c) {
        HostFacts *f = &c->facts;

        net_gather_addresses(net, f);
        read_text(net, net_addresses_warning, &c->collision);
        read_text(net, net_forwards_warnings, &c->forwards);
        f->collision = c->collision;
        f->forwards = c->forwards;
        if (c->ask)
                c->ask(f, c->ask_userdata);
        f->network_chosen = config_network_is_auto(net->host->config);
        f->answers = net->answers;
        f->answers_error = net->answers_error;
        f->answers_for.v6 = net->host->config->guest_address6;
        f->rules = !net->rules ? ANSWER_UNKNOWN : answer_of(!is_long_wrong(c));
}

static void gather(Net *net, unsigned parts) {
        Conditions *c = net->conditions;

        if (parts & CONDITIONS_LINKS)
                net_gather_links(net, &c->facts);
        if (parts & CONDITIONS_SETTINGS)
                net_gather_settings(net, &c->facts);
        if (parts & CONDITIONS_COUNTERS)
                net_gather_counters(&c->facts);
        if (parts & CONDITIONS_NFT)
                net_gather_nft(net, &c->facts);
        if (parts & CONDITIONS_LEGACY) {
                c->legacy_in_use = xt_table_in_use(NAT_IPV4, NAT_TABLE_FILTER);
                net_gather_legacy(net, &c->facts);
        }
        gather_own(net, c);
        if (parts & (CONDITIONS_NFT | CONDITIONS_LEGACY)) /* the tables of all guests were read */
                resident_trim_heap();
}

/* ---- what has changed ---- */

static void say(const Conditions *c, const Condition *one, bool over) {
        const char *name = condition_table[one->kind].name;
        _cleanup_free_ char *text = condition_format(one);

        if (over && !condition_table[one->kind].logged)
                log_notice("%s: ok again", name);
        else if (!condition_table[one->kind].logged)
                log_warning("%s", text ?: one->text);
        if (c->changed)
                c->changed(name, condition_state_to_string(over ? CONDITION_OK : one->state),
                           over ? "" : text ?: one->text, c->userdata);
}

/* Logs each condition when it becomes worse, and when it is over. */
static void say_changes(const Conditions *c, const ConditionList *before) {
        for (size_t i = 0; i < c->list.n; i++)
                if (condition_is_told(&c->list.v[i]) && !condition_list_has(before, &c->list.v[i]))
                        say(c, &c->list.v[i], false);
        for (size_t i = 0; i < before->n; i++) {
                const Condition *worst = condition_list_worst(&c->list, before->v[i].kind);

                if (condition_is_told(&before->v[i]) && worst && !condition_is_told(worst))
                        say(c, &before->v[i], true);
        }
}

static void judge(Net *net) {
        Conditions *c = net->conditions;
        ConditionList before = c->list;

        if (conditions_judge(&c->facts, &c->list) < 0) /* out of memory: the next look will do it */
                return;
        if (!net->host->quiet)
                say_changes(c, &before);
        condition_list_done(&before);
}

void net_conditions_look(Net *net) {
        Conditions *c = net->conditions;

        c->looked = c->looked_at_all = now_usec(CLOCK_MONOTONIC);
        c->stale = 0;
        gather(net, CONDITIONS_ALL);
        judge(net);
}

/* The sizes of the legacy tables, which the check of our own rules has just read, unless those are
 * in nf_tables. */
static bool shape_moved(const Net *net) {
        const NatSight *seen = &net->maker.nat.seen;
        Conditions *c = net->conditions;
        uint64_t shape =
                seen->shape[NAT_IPV4][NAT_TABLE_FILTER] ^ seen->shape[NAT_IPV6][NAT_TABLE_FILTER];
        uint64_t shapes[NAT_TABLE_MAX] = {};
        bool moved;

        if (net->maker.nat.backend != &nat_iptables && c->legacy_in_use &&
            xt_shapes(NAT_IPV4, 1 << NAT_TABLE_FILTER, shapes) >= 0)
                shape = shapes[NAT_TABLE_FILTER];
        moved = shape != c->shape;
        c->shape = shape;
        return moved;
}

/* Has the condition "wrong for too long" begun or ended? */
static bool rules_moved(const Net *net) {
        Conditions *c = net->conditions;
        bool wrong = net->drifted || net->rules_stale;

        if (wrong && c->wrong_since == 0)
                c->wrong_since = now_usec(CLOCK_MONOTONIC);
        if (!wrong)
                c->wrong_since = 0;
        return (c->facts.rules == ANSWER_NO) != is_long_wrong(c);
}

/* Is it another answer than at the last look? */
static bool stocks_moved(const Conditions *c) {
        HostFacts now = c->facts;

        if (c->ask)
                c->ask(&now, c->ask_userdata);
        return now.memory != c->facts.memory || now.memory_short != c->facts.memory_short ||
               now.space != c->facts.space || now.space_full != c->facts.space_full;
}

static void look_now_and_then(Conditions *c) {
        usec_t now = now_usec(CLOCK_MONOTONIC);

        if (now >= usec_add(c->looked, LOOK_EVERY)) {
                c->stale |= c->untold;
                c->looked = now;
        }
        if (now >= usec_add(c->looked_at_all, LOOK_ALL_EVERY)) {
                c->stale = CONDITIONS_ALL;
                c->looked_at_all = now;
        }
}

void net_conditions_follow(Net *net) {
        Conditions *c = net->conditions;
        unsigned parts;

        if (!net->rules)
                return;
        if (shape_moved(net))
                c->stale |= CONDITIONS_LEGACY;
        if (rules_moved(net) || stocks_moved(c))
                c->stale |= CONDITIONS_OWN;
        look_now_and_then(c);
        parts = c->stale;
        c->stale = 0;
        if (parts == 0)
                return;
        gather(net, parts);
        judge(net);
}
