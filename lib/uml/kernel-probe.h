/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The features of a UML kernel are queried from the kernel itself: --version, --showconfig and
 * --help produce their output within milliseconds, as any user, without booting. It is run with an
 * empty environment, and only if its section table shows that it is a UML kernel. */

#include "basic/time-util.h"
#include "uml/kernel.h"

typedef struct UmlProbe UmlProbe;

/* Starts the queries. On failure *ret_error is one sentence with the remedy (missing, not
 * executable, not a UML kernel but a plain program, a script, a truncated file …), which the caller
 * frees, NULL only if out of memory. -ENOENT, -EISDIR, -EACCES, -ENOEXEC (not a UML kernel) … */
int uml_probe_start(const char *path, usec_t timeout, UmlProbe **ret, char **ret_error);

/* Polls the queries. 0 = *ret is the result, and the probe has ended; -EAGAIN: not yet, poll again
 * when uml_probe_fd() is readable, or soon if that is negative. On other failures *ret_error as
 * above: -ETIMEDOUT, -EFBIG, -EBADMSG, -EPROTO (invalid output) … */
int uml_probe_poll(UmlProbe *p, UmlKernel **ret, char **ret_error);
int uml_probe_fd(const UmlProbe *p);

/* Kills queries that are still running. */
UmlProbe *uml_probe_free(UmlProbe *p);
DEFINE_CLEANUP(UmlProbe *, uml_probe_free)

/* All of this in one call that waits. */
int uml_kernel_probe(const char *path, usec_t timeout, UmlKernel **ret, char **ret_error);
