/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* While umlctl changes an image where it is, IMAGE.undo has what was there before. If that is
 * killed, whoever opens the image next undoes the change: umlctl at its next command that changes
 * it, and umld before a start. The undo file is locked by the programs that change the image.
 *
 * It holds against the death of these programs at any point, and against a crash of the host. The
 * undo file and the image have a mark in common, behind the end of the image: what is copied over
 * the image or put in its place, such as a backup, does not have it, and is left as it is. All
 * functions take the image open for writing, and may wait for a disk, but for
 * image_undo_pending(). */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

typedef enum ImageUndone {
        IMAGE_UNDO_NONE,     /* there was nothing to undo */
        IMAGE_UNDO_COMPLETE, /* the same, as the change was complete */
        IMAGE_UNDO_DONE,     /* the image is as it was */
        IMAGE_UNDO_REPLACED, /* another one has taken its place, which was left as it is */
} ImageUndone;

/* Returns the new undo file, locked. The image is synced, and made so large (but not smaller) for
 * the time of the change. -EEXIST: there is one. */
int image_undo_create(int image, uint64_t size);

/* Only opens a directory entry. */
bool image_undo_pending(int image);

/* The change is complete; image_undo_apply() is still to be called. */
int image_undo_complete(int image, int undo);

/* Undoes what is recorded, unless the change is complete; gives the image its size, and removes the
 * file. Returns an ImageUndone. On failure the file stays, and image_undo_why() says more. */
int image_undo_apply(int image);

/* The same for an image that was given to another user meanwhile, by its owner. */
int image_undo_apply_of(int image, uid_t owner);

/* Why that failed, and what to do. -EKEYREJECTED: the undo file belongs neither to us, nor to root,
 * nor to the image's owner, or others may write to it. -ESTALE: others have written to the
 * half-changed file system. -EPROTONOSUPPORT: another version has made the undo file. */
const char *image_undo_why(int error);
