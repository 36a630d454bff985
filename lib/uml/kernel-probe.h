/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a UML kernel can do is asked of the kernel itself: --version, --showconfig and --help answer
 * within milliseconds, as any user, without booting. It runs with an empty environment, and only if
 * its file is a UML kernel by its section table. */

#include "basic/time-util.h"
#include "uml/kernel.h"

typedef struct UmlProbe UmlProbe;

/* Asks. On failure *ret_error is one sentence with the remedy (missing, not executable, not a UML
 * kernel: a plain program, a script, a truncated file …), the caller's to free(), NULL only when
 * memory is out. -ENOENT, -EISDIR, -EACCES, -ENOEXEC (no UML kernel) … */
int uml_probe_start(const char *path, usec_t timeout, UmlProbe **ret, char **ret_error);

/* Has it answered? 0 = here it is, and the probe is over; -EAGAIN: not yet, ask again when
 * uml_probe_fd() is readable, or soon where that is negative. On other failures *ret_error as
 * above: -ETIMEDOUT, -EFBIG, -EBADMSG, -EPROTO (no sensible answer) … */
int uml_probe_poll(UmlProbe *p, UmlKernel **ret, char **ret_error);
int uml_probe_fd(const UmlProbe *p);

/* Ends what runs still. */
UmlProbe *uml_probe_free(UmlProbe *p);
DEFINE_CLEANUP(UmlProbe *, uml_probe_free)

/* All of it, for whoever may wait. */
int uml_kernel_probe(const char *path, usec_t timeout, UmlKernel **ret, char **ret_error);
