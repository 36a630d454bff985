/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Does a service in the guest answer? Pure: turns attempts and their times into a grade.
 *
 * A service counts as hung if it has failed PROBE_FAILURES times in a row and for HangTimeout. Only
 * time in which it could have answered counts: an attempt with an excuse (the guest was stopped or
 * frozen, or the host had no time) is ignored, and a gap between two attempts counts at most as
 * much as umld leaves between them. If the host itself does not let umld ask, that says nothing
 * about the guest: the count begins again. A guest needs time to bring its services up: until
 * StartTimeout has passed since it was ready, failures count only after a first success. */

#include "basic/string-table.h"
#include "basic/time-util.h"

typedef enum ProbeState {
        PROBE_WAITING, /* it has not answered yet, and need not have */
        PROBE_GOOD,
        PROBE_FAILING,
        PROBE_UNASKED, /* the host does not let umld ask */
        PROBE_STATE_MAX,
        PROBE_STATE_INVALID = -EINVAL,
} ProbeState;

const char *probe_state_to_string(ProbeState v);

enum {
        PROBE_FAILURES = 3,
};

typedef struct ProbeRule {
        usec_t check, timeout; /* HangCheck, HangTimeout */
        usec_t grace_end;      /* CLOCK_MONOTONIC, like all times here */
} ProbeRule;

typedef struct ProbeGrade {
        ProbeState state;
        usec_t latency;    /* of the last answer */
        unsigned failures; /* in a row */
        usec_t failing;    /* for how long */
        usec_t previous;   /* end of the last attempt */
        bool answered;     /* it has, at some time */
} ProbeGrade;

/* The timeout of an attempt. */
usec_t probe_limit(const ProbeRule *rule);

/* When to make the next attempt after one that began then. */
usec_t probe_next(const ProbeRule *rule, usec_t began, usec_t now);

void probe_answered(ProbeGrade *g, usec_t began, usec_t now);

/* An attempt that began then has failed now. Returns whether the service counts as hung. */
bool probe_failed(ProbeGrade *g, const ProbeRule *rule, usec_t began, usec_t now, bool excused);

/* An attempt could not be made, which is no fault of the guest's. */
void probe_unasked(ProbeGrade *g, usec_t now);
