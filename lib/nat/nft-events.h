/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Notifications of transactions on nf_tables in this network namespace. */

/* A nonblocking socket that becomes readable after each of them; the kernel drops what else it
 * would tell of one. -EPERM and others: this kernel tells nobody, or not us. */
int nft_events_open(void);

/* Discards what has come. 1 = among it is a transaction of a program other than this one, whose
 * name other guests' umlds have, too; 0 = there is none. */
int nft_events_drain(int fd);
