/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* While umlctl changes an image where it is, IMAGE.undo has what was there before. If that is
 * killed, whoever opens the image next undoes the change: umlctl at its next command that changes
 * it, and umld before a start. The undo file is locked by the programs that change the image.
 *
 * It holds against the death of these programs at any point. After a crash of the host the last
 * records may be missing, because they are not synced before each write: then the file system has
 * to be checked as well. All functions take the image open for writing, and may wait for a disk,
 * but for image_undo_pending(). */

#include <stdbool.h>

typedef enum ImageUndone {
        IMAGE_UNDO_NONE,    /* there was nothing to undo */
        IMAGE_UNDO_DONE,    /* the image is as it was */
        IMAGE_UNDO_CRASHED, /* the same, but the host was restarted meanwhile: check it */
} ImageUndone;

/* Returns the new undo file, locked. -EEXIST: there is one. */
int image_undo_create(int image);

/* Only opens a directory entry. */
bool image_undo_pending(int image);

/* Undoes what is recorded, and removes the file. Returns an ImageUndone. A file that is of another
 * image, for this one has been replaced, is removed. -EPERM: it is not ours or root's. */
int image_undo_apply(int image);

/* The change is complete, and the image has been synced. */
int image_undo_forget(int image);
