/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.c - follows a packet through chains of rules.
 *
 * A rule that may or may not match is followed both ways: what it would do with the packet is
 * recorded as possible, and the walk continues after it. */

#include <stdio.h>

#include "nat/walk.h"

#define DEPTH_MAX 32    /* depth of jumps; the kernel has a limit, too */
#define STEPS_MAX 20000 /* rules per walk */

typedef enum Outcome {
        OUTCOME_CONTINUE, /* after the rule that jumped here */
        OUTCOME_ACCEPT,
        OUTCOME_DROP,
        OUTCOME_TAKE,
        OUTCOME_HERE,
} Outcome;

typedef struct Walker {
        const Ruleset *set;
        const Packet *packet;
        const char *until;
        Walk *walk;
        unsigned depth, steps;
        bool may_accept, may_drop; /* it has passed a rule that may have done so */
} Walker;

static void note_place(Walker *w, const char *chain) {
        snprintf(w->walk->chain, sizeof(w->walk->chain), "%s", chain);
}

/* The first one is reported. */
static void note_possible(Walker *w, const char *chain, StepKind kind) {
        if (kind == STEP_ACCEPT)
                w->may_accept = true;
        else if (!w->may_drop) {
                w->may_drop = true;
                note_place(w, chain);
        }
}

static Outcome walk_chain(Walker *w, const char *chain, bool sure);

/* An end of the walk, unless the packet may not reach this rule, or not match it. */
static bool settle(Walker *w, const char *chain, StepKind kind, bool sure, Outcome *ret) {
        static const Outcome outcomes[] = { [STEP_ACCEPT] = OUTCOME_ACCEPT,
                                            [STEP_DROP] = OUTCOME_DROP,
                                            [STEP_TAKE] = OUTCOME_TAKE };

        if (!sure || kind == STEP_QUEUE) {
                note_possible(w, chain, kind);
                return false;
        }
        if (kind == STEP_TAKE || (kind == STEP_DROP && !(w->may_accept && w->may_drop)))
                note_place(w, chain);
        *ret = outcomes[kind];
        return true;
}

/* Is the walk through this chain over? */
static bool take_step(Walker *w, const char *chain, const Step *s, bool *sure, Outcome *ret) {
        bool certain = *sure && s->match == MATCH_YES;

        switch (s->kind) {
        case STEP_CONTINUE:
                return false;
        case STEP_ACCEPT:
        case STEP_DROP:
        case STEP_TAKE:
        case STEP_QUEUE:
                *ret = OUTCOME_CONTINUE;
                return settle(w, chain, s->kind, certain, ret) ||
                       (s->match == MATCH_YES && s->kind != STEP_QUEUE);
        case STEP_RETURN:
                *ret = OUTCOME_CONTINUE;
                *sure = *sure && s->match != MATCH_MAYBE;
                return s->match == MATCH_YES;
        case STEP_JUMP:
        case STEP_GOTO:
        default:
                if (w->until && strcmp(s->chain, w->until) == 0) {
                        *ret = OUTCOME_HERE;
                        return true;
                }
                *ret = walk_chain(w, s->chain, certain);
                return *ret != OUTCOME_CONTINUE || (s->kind == STEP_GOTO && s->match == MATCH_YES);
        }
}

/* sure: the packet certainly reaches this chain. */
static Outcome walk_chain(Walker *w, const char *chain, bool sure) {
        const Ruleset *set = w->set;
        Outcome outcome = OUTCOME_CONTINUE;

        if (w->depth == DEPTH_MAX) {
                note_possible(w, chain, STEP_DROP);
                return OUTCOME_CONTINUE;
        }
        w->depth++;
        for (const void *rule = set->first(set->rules, chain); rule;
             rule = set->next(set->rules, rule)) {
                Step step = {};

                if (++w->steps > STEPS_MAX) {
                        note_possible(w, chain, STEP_DROP);
                        break;
                }
                set->judge(set->rules, rule, w->packet, &step);
                if (step.match != MATCH_NO && take_step(w, chain, &step, &sure, &outcome))
                        break;
                outcome = OUTCOME_CONTINUE;
        }
        w->depth--;
        return outcome;
}

void walk(const Ruleset *set, const char *chain, bool drops, const char *until, const Packet *p,
          Walk *ret) {
        Walker w = { .set = set, .packet = p, .until = until, .walk = ret };
        Outcome outcome;

        *ret = (Walk){};
        outcome = walk_chain(&w, chain, true);
        if (outcome == OUTCOME_CONTINUE && drops) {
                outcome = OUTCOME_DROP;
                if (!(w.may_accept && w.may_drop)) {
                        ret->policy = true;
                        note_place(&w, chain);
                }
        }
        switch (outcome) {
        case OUTCOME_TAKE:
                ret->end = WALK_TAKES;
                break;
        case OUTCOME_HERE:
                ret->end = WALK_ENDS_HERE;
                break;
        case OUTCOME_DROP:
                ret->end = w.may_accept ? WALK_MAY_DROP : WALK_DROPS;
                break;
        case OUTCOME_CONTINUE:
        case OUTCOME_ACCEPT:
        default:
                ret->end = w.may_drop ? WALK_MAY_DROP : WALK_PASSES;
        }
}
