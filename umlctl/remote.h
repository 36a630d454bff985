/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* umlctl on another host, by ssh. */

#include "umlctl/command-line.h"

/* Becomes ssh, which runs umlctl with the same command line on c->host. v may be NULL, if there is
 * no verb. Returns the exit code only if that fails. */
int remote_run(const CommandLine *c, const Verb *v);
