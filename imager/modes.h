/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What umld-image can be asked for. Each returns the exit code, having said all there was to say;
 * argv[0] is the mode's own name. */

int mode_write(int argc, char *argv[]);
int mode_change(int argc, char *argv[]);
int mode_pack(int argc, char *argv[]);
int mode_builtin(int argc, char *argv[]);
