/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Does this host's kernel let a tracer intercept system calls before a seccomp filter sees them? */

/* 0; -EOPNOTSUPP: it applies the filter first (before Linux 4.8), so that a filter for a guest's
 * kernel would apply to what the guest's programs call. Another error: it has no filters. Found by
 * trying it in a child, which makes system calls only. */
int filter_order_check(void);
