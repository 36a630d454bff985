/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Reads a stream, compressed or not, and detects what it holds: an archive, or an image. */

#include "basic/cleanup.h"

typedef struct Stream Stream;

typedef enum StreamKind {
        STREAM_TAR,
        STREAM_EXT,     /* the image of an ext2, ext3 or ext4 file system */
        STREAM_FOREIGN, /* an image of another file system that can be a root file system */
        STREAM_DISK,    /* an image with a partition table */
        STREAM_QCOW,
        STREAM_OTHER,
} StreamKind;

/* fd stays the caller's. On failure *ret_why is one line, which the caller frees. */
int stream_open(int fd, Stream **ret, char **ret_why);
Stream *stream_free(Stream *s);
DEFINE_CLEANUP(Stream *, stream_free)

StreamKind stream_kind(const Stream *s);
const char *stream_compression(const Stream *s); /* "gzip", "none" … */

/* The next bytes, valid until the next call; 0 at the end. On failure stream_why() says why. */
ssize_t stream_read(Stream *s, const void **ret);
const char *stream_why(const Stream *s);

/* Bytes read from the input before decompression, for a progress bar. */
uint64_t stream_consumed(const Stream *s);

/* The first bytes; stream_read() returns them, too. */
const void *stream_head(const Stream *s, size_t *ret_size);

/* Copies size bytes from offset on (UINT64_MAX: all) into fd, with holes for zeros; *ret_size is
 * how many were copied. -ENODATA: the stream ended before. */
int stream_copy(Stream *s, int fd, uint64_t offset, uint64_t size,
                void (*progress)(uint64_t consumed, void *userdata), void *userdata,
                uint64_t *ret_size);
