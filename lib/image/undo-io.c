/* SPDX-License-Identifier: GPL-2.0-or-later */
/* undo-io.c - lets libext2fs record what it is about to overwrite, and keeps why a write failed,
 * which the library does not tell. */

#include "basic/undo-record.h"
#include "image/parts.h"

static io_manager plain; /* of the library */
static struct struct_io_manager recording;
static errcode_t write_error;

/* The first one that is an errno, which those of the library begin above. */
static errcode_t keep(errcode_t e) {
        if (e > 0 && e < 256 && write_error == 0)
                write_error = e;
        return e;
}

/* A negative count is one of bytes. */
static errcode_t record(io_channel c, uint64_t block, int64_t count) {
        uint64_t unit = (uint64_t) c->block_size;
        int r = undo_record(block * unit, count < 0 ? (uint64_t) -count : (uint64_t) count * unit);

        return keep(-r);
}

static errcode_t write_block(io_channel c, unsigned long block, int count, const void *data) {
        errcode_t e = record(c, block, count);

        return e != 0 ? e : keep(plain->write_blk(c, block, count, data));
}

static errcode_t write_block64(io_channel c, unsigned long long block, int count,
                               const void *data) {
        errcode_t e = record(c, block, count);

        return e != 0 ? e : keep(plain->write_blk64(c, block, count, data));
}

static errcode_t write_byte(io_channel c, unsigned long offset, int size, const void *data) {
        int r = undo_record(offset, (uint64_t) size);

        return keep(r < 0 ? -r : plain->write_byte(c, offset, size, data));
}

static errcode_t discard(io_channel c, unsigned long long block, unsigned long long count) {
        errcode_t e = record(c, block, (int64_t) count);

        return e != 0 ? e : plain->discard(c, block, count);
}

static errcode_t zeroout(io_channel c, unsigned long long block, unsigned long long count) {
        errcode_t e = record(c, block, (int64_t) count);

        return e != 0 ? e : plain->zeroout(c, block, count);
}

static errcode_t flush(io_channel c) {
        return keep(plain->flush(c));
}

errcode_t undo_io_error(void) {
        return write_error;
}

void undo_io_hook(ext2_filsys fs) {
        write_error = 0;
        plain = fs->io->manager;
        recording = *plain;
        recording.write_blk = write_block;
        recording.write_blk64 = write_block64;
        recording.write_byte = plain->write_byte ? write_byte : NULL;
        recording.flush = flush;
        recording.discard = plain->discard ? discard : NULL;
        recording.zeroout = plain->zeroout ? zeroout : NULL;
        fs->io->manager = &recording;
}
