/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* THE table of conditions: what of the host a guest's network relies on, judged from facts. Pure.
 * umld(8) has the same table, and the lint test "conditions" compares them. */

#include "basic/cleanup.h"
#include "basic/macro.h"
#include "facts/host-facts.h"

typedef enum ConditionKind {
        CONDITION_UPLINK,
        CONDITION_ADDRESS,
        CONDITION_ROUTE,
        CONDITION_REVERSE_PATH,
        CONDITION_FORWARDING,
        CONDITION_FIREWALL,
        CONDITION_SNAT,
        CONDITION_UPLINK6,
        CONDITION_FORWARDING6,
        CONDITION_FIREWALL6,
        CONDITION_PROXY_NDP,
        CONDITION_RULES,
        CONDITION_TAP,
        CONDITION_NETWORK,
        CONDITION_FORWARDS,
        CONDITION_CONNTRACK,
        CONDITION_MEMORY,
        CONDITION_DISK_SPACE,
        CONDITION_DIRECTORIES,
        CONDITION_MAX,
} ConditionKind;

typedef enum ConditionState {
        CONDITION_OK,
        CONDITION_UNUSED,  /* this guest does not rely on it */
        CONDITION_UNKNOWN, /* it could not be checked */
        CONDITION_WARNING, /* something may go wrong */
        CONDITION_BROKEN,  /* something does not work */
        CONDITION_STATE_MAX,
} ConditionState;

const char *condition_state_to_string(ConditionState state);

/* One kind may be there more than once, if several things are wrong with it. */
typedef struct Condition {
        ConditionKind kind;
        ConditionState state;
        char *text;   /* one sentence; "" for one that is as it should be */
        char *remedy; /* what to do; "" = nothing is known */
        bool partial; /* there is another uplink, by which things may work */
} Condition;

typedef struct ConditionList {
        Condition *v;
        size_t n;
} ConditionList;

typedef enum ConditionSource {
        CONDITION_BY_EVENT, /* the kernel reports changes */
        CONDITION_BY_LOOK,  /* it does not: checked every few seconds */
        CONDITION_BY_START, /* checked when umld starts */
} ConditionSource;

typedef struct ConditionRow {
        const char *name;
        const char *relies; /* what has to be true */
        ConditionSource source;
        const char *repair; /* what umld does about it itself; NULL = nothing */
        int (*judge)(const HostFacts *f, ConditionList *list);
        bool logged; /* by those who look at it */
} ConditionRow;

extern const ConditionRow condition_table[CONDITION_MAX];

/* In the order of the table. */
int conditions_judge(const HostFacts *f, ConditionList *ret);
void condition_list_done(ConditionList *list);

/* For those that judge. Takes over the texts; NULL: out of memory. */
int condition_add(ConditionList *list, ConditionKind kind, ConditionState state, char *text,
                  char *remedy);
/* One without sentences. */
int condition_add_plain(ConditionList *list, ConditionKind kind, ConditionState state);

/* Is it to be shown to users? */
bool condition_is_told(const Condition *c);
/* Does the list have the same sentence? */
bool condition_list_has(const ConditionList *list, const Condition *c);
/* The worst one of a kind; NULL: the list has none of it. */
const Condition *condition_list_worst(const ConditionList *list, ConditionKind kind);
/* The sentence with its remedy; the caller frees it. */
char *condition_format(const Condition *c);
/* The same of an obstacle. */
char *condition_obstacle_text(const Obstacle *o, const char *tap);
