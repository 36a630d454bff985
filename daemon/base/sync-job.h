/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes files durable in a thread, because a disk may take long, or never answer. */

#include "basic/job.h"

/* Begins to make what was written to these n files durable; -EBADF entries are skipped. The caller
 * may close them meanwhile. whole: including time stamps and the entries of directories (fsync(),
 * not fdatasync()). */
int sync_job_start(const int *fds, size_t n, bool whole, Job **ret);

/* The result for the n-th file, once it is done: 0, or a negative errno. */
int sync_job_result(const Job *job, size_t i);
