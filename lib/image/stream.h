/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A stream in whatever compression, and what it holds: an archive, or the bytes of an image. */

#include "basic/cleanup.h"

typedef struct Stream Stream;

typedef enum StreamKind {
        STREAM_TAR,
        STREAM_EXT,     /* the image of an ext2, ext3 or ext4 file system */
        STREAM_FOREIGN, /* an image of another file system that kernels can have as root */
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

/* The next bytes, which stay where they are until the next call; 0 at the end. On failure
 * stream_why() knows more. */
ssize_t stream_read(Stream *s, const void **ret);
const char *stream_why(const Stream *s);

/* How much was read of what is behind it: for a bar that knows its length. */
uint64_t stream_consumed(const Stream *s);

/* The first bytes, which stream_read() gives again. */
const void *stream_head(const Stream *s, size_t *ret_size);

/* Writes what it holds from offset on into fd, zeros as holes: size bytes, UINT64_MAX for all;
 * *ret_size is how many there were. -ENODATA: there were fewer than size. */
int stream_copy(Stream *s, int fd, uint64_t offset, uint64_t size,
                void (*progress)(uint64_t consumed, void *userdata), void *userdata,
                uint64_t *ret_size);
