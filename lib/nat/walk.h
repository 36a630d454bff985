/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What happens to a packet in a chain of rules, and those that it jumps to. Pure. */

#include "nat/packet.h"

#define WALK_NAME_MAX 256 /* of a chain or table, as nf_tables has them: NFT_NAME_MAXLEN */

/* What a rule does with a packet that matches. */
typedef enum StepKind {
        STEP_CONTINUE,
        STEP_ACCEPT,
        STEP_DROP,
        STEP_TAKE,  /* forwards it elsewhere, by NAT */
        STEP_QUEUE, /* a program decides */
        STEP_RETURN,
        STEP_JUMP,
        STEP_GOTO,
} StepKind;

typedef struct Step {
        Match match;
        StepKind kind;
        const char *chain; /* of STEP_JUMP and STEP_GOTO */
} Step;

/* Some rules, in whatever form. */
typedef struct Ruleset {
        const void *(*first)(const void *rules, const char *chain); /* NULL: the chain is empty */
        const void *(*next)(const void *rules, const void *rule);
        void (*judge)(const void *rules, const void *rule, const Packet *p, Step *ret);
        const void *rules;
} Ruleset;

typedef enum WalkEnd {
        WALK_PASSES,
        WALK_MAY_DROP, /* the result is not certain */
        WALK_DROPS,
        WALK_TAKES,
        WALK_ENDS_HERE, /* at the rule given as `until` */
} WalkEnd;

typedef struct Walk {
        WalkEnd end;
        char chain[WALK_NAME_MAX]; /* the one that drops or takes it */
        bool policy;               /* by its policy */
} Walk;

/* drops: the policy of the chain. until: a rule that jumps to this chain is where the walk ends;
 * NULL = none. */
void walk(const Ruleset *set, const char *chain, bool drops, const char *until, const Packet *p,
          Walk *ret);
