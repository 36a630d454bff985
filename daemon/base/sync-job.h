/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Files are made durable by a thread, since a disk may take its time, or never answer. */

#include "basic/cleanup.h"

typedef struct SyncJob SyncJob;

/* Begins to make what was written to these n files durable; -EBADF stands for none. They may be
 * closed meanwhile. whole: their time stamps too, and of directories what is in them. */
int sync_job_start(const int *fds, size_t n, bool whole, SyncJob **ret);

/* Is it done? Also readable then: sync_job_fd(). */
bool sync_job_done(const SyncJob *job);
int sync_job_fd(const SyncJob *job);

/* What the disk said of the n-th file: 0, or a negative errno. Once it is done. */
int sync_job_result(const SyncJob *job, size_t i);

/* Waits for nothing: a thread that is under way goes on, and frees what it needs when it is done.
 */
SyncJob *sync_job_free(SyncJob *job);
DEFINE_CLEANUP(SyncJob *, sync_job_free)
