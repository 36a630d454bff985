/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* New connections that come while the guest is not ready wait in a netfilter queue, and are
 * released when the guest can answer them. While it is ready nobody is bound to that queue, and
 * what the guest's rules send there passes (nat/plan.h). Ports of Proxy= wait in proxy.c. */

#include <systemd/sd-event.h>

#include "basic/time-util.h"
#include "daemon/base/adoption.h"
#include "daemon/base/keeper.h"
#include "daemon/net/net.h"

typedef struct Hold Hold;

/* What becomes of new connections. */
typedef enum HoldPhase {
        HOLD_OFF,     /* they pass; those that still wait are dropped */
        HOLD_LEAVING, /* they wait: the guest has said that it shuts down; for HoldTimeout= only */
        HOLD_WAIT,    /* they wait: nothing in the guest can answer */
        HOLD_TRY,     /* its kernel runs: they wait for a service at their port */
        HOLD_READY,   /* ready, for a while: TCP still waits for a service, all else passes */
} HoldPhase;

typedef struct HoldStatus {
        unsigned now;            /* connections that wait */
        uint64_t total, dropped; /* since umld began */
} HoldStatus;

/* net is borrowed. */
int hold_new(sd_event *event, Net *net, Hold **ret);
/* All that waits is dropped. */
Hold *hold_free(Hold *h);
DEFINE_CLEANUP(Hold *, hold_free)

/* What waits stays in the kernel while umld is replaced by its successor. */
int hold_hand_over(Hold *h, const char *directory, Keeper *k);
/* As that successor, before the queue is chosen. */
void hold_take_over(Hold *h, Adoption *a);

void hold_set_phase(Hold *h, HoldPhase phase);
/* The guest says again that it shuts down: HOLD_LEAVING may begin once more. */
void hold_leave_again(Hold *h);

/* The tap and its addresses are about to change: what waits after the host has forwarded it is
 * dropped, and what waits before that (NatPlan.hold_gate) stays. false: nothing waits at all. */
bool hold_begin_move(Hold *h);

void hold_status(const Hold *h, HoldStatus *ret);

/* ---- for hold-queue.c ---- */

/* The rules name another queue now. */
void hold_follow_queue(Hold *h);
