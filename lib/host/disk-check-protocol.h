/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The protocol between umld and umld-disk-check PRELOAD OWNER, which gets what is preloaded into
 * e2fsck, the image's owner before it was given to the guest's user, and the image as DISK_CHECK_FD
 * and exits with e2fsck's exit status, or one of these. */

enum {
        DISK_CHECK_FD = 3,

        E2FSCK_UNCORRECTED = 4, /* and above: e2fsck(8) */
        DISK_CHECK_FAILED = 8,  /* as for e2fsck: could not be run */
        DISK_CHECK_NO_E2FSCK = 126,
        DISK_CHECK_NOT_UNDONE = 125, /* a change that was interrupted, which it undoes first */
};
