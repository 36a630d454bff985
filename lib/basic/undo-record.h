/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Records in an undo file what an image holds where it is about to be changed, so that a change
 * that is killed halfway can be undone (api/image-undo.h). Several programs do so one after the
 * other: umld-image, and those of e2fsprogs with an object preloaded. libc alone. */

#include <stdbool.h>
#include <stdint.h>

#define UNDO_MAGIC "umld-undo 1"

/* For programs of e2fsprogs, with what is preloaded into them: the descriptor of the undo file. */
#define IMAGE_UNDO_VARIABLE "UMLD_IMAGE_UNDO"

enum {
        UNDO_PART_MAX = 64 * 1024, /* bytes of one record */
};

typedef struct UndoHeader {
        char magic[16];
        uint64_t size;  /* of the image before the change */
        uint64_t inode; /* of the image */
        uint8_t uuid[16];
        char boot[40]; /* the boot of the host in which it was made */
        uint64_t hash; /* of what precedes it */
} UndoHeader;

/* Followed by the bytes, unless all are zeros. */
typedef struct UndoRecord {
        uint64_t offset;
        uint32_t size;
        uint32_t zeros;
        uint64_t hash; /* of what precedes it, and of the bytes */
} UndoRecord;

uint64_t undo_header_hash(const UndoHeader *h);
uint64_t undo_record_hash(const UndoRecord *r, const void *data);

/* From now on in this process: image is open for reading, and undo, with its header, for appending.
 */
int undo_record_begin(int image, int undo);

/* Has it begun? Then the undo file, else -EBADF. */
int undo_record_fd(void);

/* Is this descriptor the image? */
bool undo_record_is_image(int fd);

/* Must succeed before anything is written there. Nothing is recorded before undo_record_begin(). */
int undo_record(uint64_t offset, uint64_t size);
