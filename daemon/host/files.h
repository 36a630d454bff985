/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The files that the configuration names may be on a network file system or FUSE, whose
 * server may be gone: then every access to them waits for it. So a child looks at all of them
 * before the event loop does: before a start, and before a restart where some are. A server that
 * goes in the moment after that look is not noticed. */

#include "daemon/base/fault.h"

struct Host;

/* Step: does each of them respond, and are the directories of hostfs there? */
int files_up(struct Host *h, Fault *f);
int files_down(struct Host *h, Fault *f);
