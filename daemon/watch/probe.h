/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Probes the services of one boot of a guest, over its tap, according to Probe=. Nothing here
 * waits. */

#include <systemd/sd-event.h>

#include "conf/config.h"
#include "daemon/watch/probe-grade.h"

typedef struct ProbeSet ProbeSet;

typedef struct ProbeListener {
        bool (*excused)(void *userdata); /* is there an excuse for the guest not to answer now? */
        void (*sick)(const char *why, void *userdata); /* a service is hung; may free the set */
        void *userdata;
} ProbeListener;

/* For a guest that is ready; c is borrowed, except for its probes. No Probe=: *ret is NULL. */
int probe_set_new(sd_event *event, const Config *c, const ProbeListener *listener, ProbeSet **ret);
ProbeSet *probe_set_free(ProbeSet *s);
DEFINE_CLEANUP(ProbeSet *, probe_set_free)

/* The state of the probes, for a set that may be NULL. */
size_t probe_set_count(const ProbeSet *s);
const Probe *probe_set_probe(const ProbeSet *s, size_t i);
const ProbeGrade *probe_set_grade(const ProbeSet *s, size_t i);
const char *probe_set_error(const ProbeSet *s, size_t i); /* of its last failure, or "" */

/* The worst of their states, "" for none, and the slowest of their last answers. */
const char *probe_set_state(const ProbeSet *s);
usec_t probe_set_latency(const ProbeSet *s);
