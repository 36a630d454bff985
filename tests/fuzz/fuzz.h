/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What every fuzz target includes first: asserts that stay on, and the one function that it
 * defines. */

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

/* Takes any bytes; a crash, an assert or a sanitizer's finding is a fault of ours. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
