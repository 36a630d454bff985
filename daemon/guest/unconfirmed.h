/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What is kept on disk of a reload that has to be confirmed, so that neither umld's death nor the
 * host's brings back what nobody confirmed: STATE/NAME/unconfirmed has the text of the
 * configuration that was tried, and the one before it.
 *
 * It stays when the change was taken back. A start that finds NAME.conf just as it was tried goes
 * by the text before it; one that finds it edited since goes by that. */

#include "conf/config.h"
#include "daemon/base/sync-job.h"

/* Notes both texts. */
int unconfirmed_write(const char *path, const char *tried, const char *before);

/* Begins to make that durable: a host that loses its power has to know of it, too. */
int unconfirmed_sync(const char *path, SyncJob **ret);

/* Forgets it in two steps: one that can fail, before anything is changed for it; 1 = done, 0 =
 * there is nothing to forget … */
int unconfirmed_put_aside(const char *path);
/* … and one behind it, or the way back where it came to nothing. */
int unconfirmed_forget(const char *path);
int unconfirmed_put_back(const char *path);

/* The two texts, the caller's to free(). -ENOENT: nothing is unconfirmed; -EBADMSG: no such file of
 * ours. */
int unconfirmed_read(const char *path, char **ret_tried, char **ret_before);

/* Puts the configuration before in the place of *config where that is what was tried and not
 * confirmed: 1 = it did, 0 = *config holds. *ret_error as of config_load(). */
int unconfirmed_replace(const char *path, const char *default_disk, Config **config,
                        char **ret_error);
