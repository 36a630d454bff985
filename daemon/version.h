/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Prints the version and the features of this umld; returns the exit code. */
int version_print(void);
