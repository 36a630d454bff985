/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The record on disk of a reload that has to be confirmed, so that neither umld's death nor the
 * host's makes unconfirmed changes permanent: STATE/NAME/unconfirmed contains the text of the
 * configuration that was tried, and the previous one.
 *
 * It is kept after the changes were reverted. A start that finds NAME.conf exactly as it was tried
 * uses the previous text; one that finds it edited since uses the file. */

#include "conf/config.h"
#include "daemon/base/sync-job.h"

/* Notes both texts. */
int unconfirmed_write(const char *path, const char *tried, const char *before);

/* Begins to make that durable: a host that loses its power has to know of it, too. */
int unconfirmed_sync(const char *path, Job **ret);

/* Forgets it in two steps: one that can fail, before anything is changed for it; 1 = done, 0 =
 * there is nothing to forget. */
int unconfirmed_put_aside(const char *path);
/* Removes the renamed file, or restores it if the reload did not happen. */
int unconfirmed_forget(const char *path);
int unconfirmed_put_back(const char *path);

/* The two texts, which the caller frees. -ENOENT: nothing is unconfirmed; -EBADMSG: not a valid
 * file of ours. */
int unconfirmed_read(const char *path, char **ret_tried, char **ret_before);

/* Replaces *config by the previous configuration if it is one that was tried and not confirmed: 1 =
 * replaced, 0 = *config is in effect. *ret_error as from config_load(). */
int unconfirmed_replace(const char *path, const char *default_disk, Config **config,
                        char **ret_error);
