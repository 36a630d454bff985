/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The modes of umld-image. Each reports its errors itself and returns the exit code; argv[0] is the
 * name of the mode. */

int mode_write(int argc, char *argv[]);
int mode_change(int argc, char *argv[]);
int mode_oci(int argc, char *argv[]);
int mode_export(int argc, char *argv[]);
int mode_import(int argc, char *argv[]);
int mode_pack(int argc, char *argv[]);
int mode_builtin(int argc, char *argv[]);
