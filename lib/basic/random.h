/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <stddef.h>

/* Never waits for the kernel to collect entropy: good for names, marks and salts, not for keys. */
int random_bytes(void *data, size_t size);
