/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Records in an undo file what an image holds where it is about to be changed, so that a change
 * that is killed halfway can be undone (api/image-undo.h). Several programs do so one after the
 * other: umld-image, and those of e2fsprogs with an object preloaded. libc alone.
 *
 * What is recorded is on the disk before anything is overwritten there. To need few syncs for that,
 * it is not only what is going to be overwritten, but all that is around it. */

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define UNDO_MAGIC "umld-undo 3"

/* For programs of e2fsprogs, with what is preloaded into them: the descriptor of the undo file. */
#define IMAGE_UNDO_VARIABLE "UMLD_IMAGE_UNDO"

enum {
        UNDO_PART_MAX = 64 * 1024,    /* bytes of one record */
        UNDO_CHUNK_SIZE = 256 * 1024, /* recorded at once, at multiples of it */
};

/* Says which change this is. The image has it as well meanwhile, behind its end: nothing else
 * is written there, and what is put in the image's place does not have it. */
typedef struct UndoMark {
        char magic[16];
        uint8_t id[16];
} UndoMark;

/* Whoever writes to an ext2, ext3 or ext4 file system leaves the time in its superblock: the
 * programs of a change one just before its begin, all others a later one. */
typedef struct UndoWritten {
        uint8_t uuid[16]; /* of the file system; zeros: there is none */
        uint32_t time;    /* of its superblock, in seconds */
} UndoWritten;

typedef struct UndoHeader {
        UndoMark mark;
        uint64_t size;         /* of the image before the change */
        uint64_t end;          /* where the image has the mark */
        struct timespec mtime; /* of the image before the change */
        UndoWritten before;    /* as the image had it */
        uint32_t time;         /* that the programs of the change write in its superblock */
        uint64_t hash;         /* of what precedes it */
} UndoHeader;

enum {
        UNDO_BYTES,    /* followed by the bytes that were there */
        UNDO_ZEROS,    /* that many were there */
        UNDO_UNDONE,   /* the last one: everything was put back */
        UNDO_COMPLETE, /* the last one: the change is complete, and no longer to be undone */
};

typedef struct UndoRecord {
        uint64_t offset;
        uint32_t size;
        uint32_t kind;
        uint64_t hash; /* of what precedes it, and of the bytes */
} UndoRecord;

uint64_t undo_header_hash(const UndoHeader *h);
uint64_t undo_record_hash(const UndoRecord *r, const void *data);

/* From now on in this process: image is open for reading, and undo, with its header, for appending.
 */
int undo_record_begin(int image, int undo);

/* Has it begun? Then the undo file, else -EBADF. */
int undo_record_fd(void);

/* The size that the image had before the change. */
uint64_t undo_record_size(void);

/* What every program of the change takes for the present. */
time_t undo_record_time(void);

/* Is this descriptor the image? */
bool undo_record_is_image(int fd);

/* Must succeed before anything is written there. It waits for the disk. Nothing is recorded before
 * undo_record_begin(). */
int undo_record(uint64_t offset, uint64_t size);
