/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the tests of images share: an image in a file of its own, checked by e2fsck. */

#include "test.h"

#include "image/writer.h"

#define MIB (UINT64_C(1) << 20)

typedef struct Image {
        int fd;
        ImageWriter *w;
} Image;

/* A new file system of that size, open for writing. */
void image_begin(Image *i, uint64_t size);
/* Writes what is in memory; the file stays. */
void image_store(Image *i);
/* The exit status of e2fsck. */
int fsck(const Image *i);
/* Stores it, has it checked, and opens it again. */
void image_reopen(Image *i);
void image_end(Image *i);

void assert_content(ImageWriter *w, const char *path, const char *content);
void put(ImageWriter *w, const char *path, const char *content);
