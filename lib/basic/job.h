/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Work in a thread, for what a disk or a file server may delay for long, or never answer. */

#include "basic/cleanup.h"

typedef struct Job Job;

/* Begins run(data) in a thread, which must not log, nor use what others use. data is the job's from
 * now on, also on failure; it is freed by free_data(), which must not wait for a disk either: run()
 * has closed what it was given. */
int job_start(void (*run)(void *data), void (*free_data)(void *data), void *data, Job **ret);

/* Has it ended? job_fd() is readable then. */
bool job_done(const Job *job);
int job_fd(const Job *job);

/* What it was given. Not to be used before the end. */
void *job_data(const Job *job);

/* Does not wait: a thread that is still running continues, and frees the job when it has ended. */
Job *job_free(Job *job);
