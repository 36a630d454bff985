/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* The sections by which umld knows a UML kernel (lib/uml/kernel-file.c), for programs that play
 * one. */

__attribute__((section(".uml.setup.init"), used)) static const char *const uml_mark_setup = "setup";
__attribute__((section(".uml.help.init"), used)) static const char *const uml_mark_help = "help";
