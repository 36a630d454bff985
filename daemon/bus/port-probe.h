/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes a test connection to a port, and reports the result. */

#include <netinet/in.h>
#include <systemd/sd-event.h>

#include "basic/cleanup.h"
#include "basic/ip-address.h"
#include "basic/time-util.h"

typedef struct PortProbe PortProbe;

/* error: 0 = accepted, or for UDP not refused; -ECONNREFUSED; -ETIMEDOUT = no answer; or another.
 * own: it is the host's own (host/egress.h), and the guest was never asked. The owner frees the
 * probe. */
typedef void (*PortProbeDone)(int error, bool own, usec_t took, void *userdata);

/* protocol: FORWARD_TCP or FORWARD_UDP, for which an empty datagram is sent. done() is never called
 * from here. */
int port_probe_new(sd_event *event, unsigned protocol, const IpAddress *address, uint16_t port,
                   PortProbeDone done, void *userdata, PortProbe **ret);
PortProbe *port_probe_free(PortProbe *p);
DEFINE_CLEANUP(PortProbe *, port_probe_free)
