/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Makes files durable in a thread, because a disk may take long, or never answer. */

#include "basic/cleanup.h"

typedef struct SyncJob SyncJob;

/* Begins to make what was written to these n files durable; -EBADF entries are skipped. The caller
 * may close them meanwhile. whole: including time stamps and the entries of directories (fsync(),
 * not fdatasync()). */
int sync_job_start(const int *fds, size_t n, bool whole, SyncJob **ret);

/* Is it done? sync_job_fd() is readable then. */
bool sync_job_done(const SyncJob *job);
int sync_job_fd(const SyncJob *job);

/* The result for the n-th file, once it is done: 0, or a negative errno. */
int sync_job_result(const SyncJob *job, size_t i);

/* Does not wait: a thread that is still running continues, and frees the job when it is done.
 */
SyncJob *sync_job_free(SyncJob *job);
DEFINE_CLEANUP(SyncJob *, sync_job_free)
