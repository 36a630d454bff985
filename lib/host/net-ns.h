/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "host/ns-job.h"

/* Makes a network namespace without any interface but a loopback that is down; returns its
 * descriptor. -EAGAIN: it is being made by *job. */
int net_ns_new(NsJob *job);
