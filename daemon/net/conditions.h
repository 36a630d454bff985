/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The conditions that this guest's network relies on (facts/conditions.h), looked at again while
 * the host changes: what has become worse or better is logged, and reported to the listener. */

#include "daemon/net/net.h"
#include "facts/conditions.h"

/* Parts of what is known that may have changed, as bits. */
enum {
        CONDITIONS_LINKS = 1 << 0,
        CONDITIONS_SETTINGS = 1 << 1,
        CONDITIONS_COUNTERS = 1 << 2,
        CONDITIONS_NFT = 1 << 3,
        CONDITIONS_LEGACY = 1 << 4,
        CONDITIONS_OWN = 1 << 5, /* what umld itself knows */
        CONDITIONS_ALL = (1 << 6) - 1,
};

typedef struct Conditions Conditions;

int net_conditions_new(Conditions **ret);
Conditions *net_conditions_free(Conditions *c);

/* Called with the name of a condition, its state and its sentence, for each that has changed. */
typedef void (*ConditionChanged)(const char *name, const char *state, const char *text,
                                 void *userdata);
void net_conditions_listen(Net *net, ConditionChanged changed, void *userdata);

/* fn fills in what others know of the host. It is called at each look, and must take no time; what
 * it borrows is used only until it returns to the event loop. NULL: it is no longer known. */
void net_conditions_ask(Net *net, void (*fn)(HostFacts *f, void *userdata), void *userdata);

/* To be called on an event: these parts may have changed. */
void net_conditions_stale(Net *net, unsigned parts);

/* From now on there are events for these parts. */
void net_conditions_told(Net *net, unsigned parts);

/* Checks what may have changed, and periodically everything. Never waits. */
void net_conditions_follow(Net *net);
/* Checks everything now. */
void net_conditions_look(Net *net);

/* The result of the last check; empty before the first one. */
const ConditionList *net_conditions(const Net *net);

/* The guest's network has been removed: nothing is to be checked. */
void net_conditions_forget(Net *net);
